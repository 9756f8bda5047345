"""Which digit a picture of MNIST shows; networks and classical methods train on the same 10,000 pictures."""

from functools import partial

from workbench.metrics import accuracy
from workbench.objectives.supervised import Supervised
from workbench.tasks._base import Task
from workbench.tasks._baselines.knn import knn
from workbench.tasks._baselines.rbf_svm import rbf_svm

TASK = Task(
    data="mnist",
    plan=Supervised(),
    metric=accuracy,
    metric_name="accuracy",
    baselines={
        "RBF-SVM": partial(rbf_svm, costs=(10.0,), widths=(2.0,), components=100),
        "kNN": partial(knn, neighbours=(3,)),
    },
    # The cost of the machine grows with the square of the pictures: all 55,000 would take minutes. Its constants are
    # those chosen for Fashion-MNIST on its validation split.
    options={"train": 10_000},
    default=True,
)

"""Which digit an 8 x 8 picture shows."""

from workbench.metrics import accuracy
from workbench.objectives.supervised import Supervised
from workbench.tasks._base import Task
from workbench.tasks._baselines.knn import knn
from workbench.tasks._baselines.logistic_regression import logistic_regression
from workbench.tasks._baselines.rbf_svm import rbf_svm

TASK = Task(
    data="digits",
    plan=Supervised(),
    metric=accuracy,
    metric_name="accuracy",
    baselines={"kNN": knn, "RBF-SVM": rbf_svm, "logistic regression": logistic_regression},
    default=True,
)

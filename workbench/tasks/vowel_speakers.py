"""Which of nine speakers says a vowel."""

from workbench.metrics import accuracy
from workbench.objectives.supervised import Supervised
from workbench.tasks._base import Task
from workbench.tasks._baselines.knn import knn
from workbench.tasks._baselines.rbf_svm import rbf_svm

TASK = Task(
    data="japanese_vowels",
    plan=Supervised(),
    metric=accuracy,
    metric_name="accuracy",
    baselines={"RBF-SVM": rbf_svm, "kNN": knn},
    default=True,
)

"""Which of three growers a wine comes from."""

from workbench.metrics import accuracy
from workbench.objectives.supervised import Supervised
from workbench.tasks._base import Task
from workbench.tasks._baselines.logistic_regression import logistic_regression
from workbench.tasks._baselines.rbf_svm import rbf_svm

TASK = Task(
    data="wine",
    plan=Supervised(),
    metric=accuracy,
    metric_name="accuracy",
    baselines={"logistic regression": logistic_regression, "RBF-SVM": rbf_svm},
    default=True,
)

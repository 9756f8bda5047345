"""To which community each member of the karate club belongs, from one labelled member of each."""

from workbench.metrics import accuracy
from workbench.objectives.supervised import Supervised
from workbench.tasks._base import Task
from workbench.tasks._baselines.label_propagation import label_propagation
from workbench.tasks._baselines.smoothed_logistic import smoothed_logistic

TASK = Task(
    data="karate_club",
    plan=Supervised(),
    metric=accuracy,
    metric_name="accuracy",
    baselines={"label propagation": label_propagation, "smoothed logistic regression": smoothed_logistic},
    default=True,
)

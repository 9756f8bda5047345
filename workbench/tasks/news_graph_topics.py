"""The topic of each article in the graph of BBC news, from four labelled articles of each topic."""

from workbench.metrics import accuracy
from workbench.objectives.supervised import Supervised
from workbench.tasks._base import Task
from workbench.tasks._baselines.label_propagation import label_propagation
from workbench.tasks._baselines.node_logistic import node_logistic
from workbench.tasks._baselines.smoothed_logistic import smoothed_logistic

TASK = Task(
    data="bbc_graph",
    plan=Supervised(),
    metric=accuracy,
    metric_name="accuracy",
    baselines={
        "smoothed logistic regression": smoothed_logistic,
        "label propagation": label_propagation,
        "logistic regression without edges": node_logistic,
    },
    default=True,
)

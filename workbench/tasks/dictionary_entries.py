"""Which meaning a word has in its own dictionary, told only to those who listen to the right neighbour."""

from workbench.metrics import accuracy
from workbench.objectives.supervised import Supervised
from workbench.tasks._base import Task
from workbench.tasks._baselines.dictionary_rule import dictionary_rule
from workbench.tasks._baselines.label_propagation import label_propagation
from workbench.tasks._baselines.node_logistic import node_logistic
from workbench.tasks._baselines.smoothed_logistic import smoothed_logistic

TASK = Task(
    data="dictionary_lookup",
    plan=Supervised(),
    metric=accuracy,
    metric_name="accuracy",
    baselines={
        "the rule itself": dictionary_rule,
        "smoothed logistic regression": smoothed_logistic,
        "label propagation": label_propagation,
        "logistic regression without edges": node_logistic,
    },
    default=True,
)

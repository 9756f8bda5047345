"""Fetch the key, unlock the door, reach the goal; how fast, as reward between 0 and 1."""

from workbench.metrics import mean_return
from workbench.tasks._base import Task
from workbench.tasks._baselines.door_rules import seeking, wandering
from workbench.tasks._baselines.linear_search import linear_search

TASK = Task(
    data="door_key",
    metric=mean_return,
    metric_name="mean return",
    baselines={
        "rule: seek the goal, else wander": seeking,
        "rule: wander and use what is in front": wandering,
        "linear policy by random search": linear_search,
    },
    default=True,
)

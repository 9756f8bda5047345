"""How far diabetes has gone after a year."""

from workbench.metrics import mean_squared_error
from workbench.objectives.supervised import Supervised
from workbench.tasks._base import Task
from workbench.tasks._baselines.ridge import ridge

TASK = Task(
    data="diabetes",
    plan=Supervised(),
    metric=mean_squared_error,
    metric_name="mean squared error",
    baselines={"ridge": ridge},
    higher=False,
    default=True,
)

"""How many sunspots the next year has."""

from functools import partial

from workbench.metrics import mean_squared_error
from workbench.objectives.supervised import Supervised
from workbench.tasks._base import Task
from workbench.tasks._baselines.persistence import persistence
from workbench.tasks._baselines.ridge import ridge
from workbench.tasks._baselines.seasonal_naive import seasonal_naive

TASK = Task(
    data="sunspots",
    plan=Supervised(),
    metric=mean_squared_error,
    metric_name="mean squared error",
    baselines={"linear map": ridge, "persistence": persistence, "seasonal naive": partial(seasonal_naive, season=11)},
    higher=False,
    default=True,
)

"""The next character of Python's reference text."""

from workbench.metrics import bits_per_token
from workbench.objectives.supervised import Supervised
from workbench.tasks._base import Task
from workbench.tasks._baselines.interpolated_ngram import interpolated_ngram

TASK = Task(
    data="python_docs",
    plan=Supervised(),
    metric=bits_per_token,
    metric_name="bits per character",
    baselines={"interpolated 6-gram": interpolated_ngram},
    higher=False,
    default=True,
)

"""The topic of a BBC news article."""

from workbench.metrics import accuracy
from workbench.objectives.supervised import Supervised
from workbench.tasks._base import Task
from workbench.tasks._baselines.tfidf_logistic import tfidf_logistic

TASK = Task(
    data="bbc_news",
    plan=Supervised(),
    metric=accuracy,
    metric_name="accuracy",
    baselines={"TF-IDF + logistic regression": tfidf_logistic},
    default=True,
)

"""Logistic regression on the features of the labelled nodes: a graph method must use the graph to beat it."""

from typing import Any

from workbench.core.optional import need
from workbench.tasks._baselines._choice import best


def node_logistic(data: Any, constants: tuple[float, ...] = (0.1, 1.0, 10.0, 100.0)) -> float:
    """Test accuracy from features alone; edges are not looked at.

    Args:
        data: A graph with masks.
        constants: Inverse strengths of the penalty to choose from.
    """
    library = need("sklearn.linear_model", extra="data", purpose="for logistic regression")
    x, y = data.x.numpy(), data.y.numpy()
    masks = {split: mask.numpy() for split, mask in data.masks.items()}

    def score(method: Any, split: str) -> float:
        return float(method.score(x[masks[split]], y[masks[split]]))

    chosen = best(
        constants,
        lambda c: library.LogisticRegression(C=c, max_iter=2000).fit(x[masks["train"]], y[masks["train"]]),
        lambda method: score(method, "validation"),
    )
    return score(chosen, "test")

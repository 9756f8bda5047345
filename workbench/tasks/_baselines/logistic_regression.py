"""Multinomial logistic regression with a quadratic penalty, as in scikit-learn."""

from typing import Any

from workbench.core.optional import need
from workbench.tasks._baselines._choice import best
from workbench.tasks._baselines._rows import rows


def logistic_regression(data: Any, constants: tuple[float, ...] = (0.01, 0.1, 1.0)) -> float:
    """Test accuracy of a linear map from the inputs to the classes.

    Args:
        data: A data set of classes.
        constants: Inverse strengths of the penalty to choose from.
    """
    library = need("sklearn.linear_model", extra="data", purpose="for logistic regression")
    x, y = rows(data, "train")
    validation = rows(data, "validation")
    chosen = best(
        constants,
        lambda c: library.LogisticRegression(C=c, max_iter=2000).fit(x, y),
        lambda method: float(method.score(*validation)),
    )
    return float(chosen.score(*rows(data, "test")))

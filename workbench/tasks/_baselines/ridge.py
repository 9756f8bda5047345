"""A linear map with a quadratic penalty: Hoerl and Kennard 1970, as in scikit-learn."""

from typing import Any

import numpy as np

from workbench.core.optional import need
from workbench.tasks._baselines._choice import best
from workbench.tasks._baselines._rows import rows


def ridge(data: Any, penalties: tuple[float, ...] = (0.01, 0.1, 1.0, 10.0, 100.0)) -> float:
    """Test mean squared error of a linear map from all inputs, on a series its whole past, to the targets.

    Args:
        data: A data set of numbers.
        penalties: Strengths of the penalty to choose from.
    """
    library = need("sklearn.linear_model", extra="data", purpose="for ridge regression")
    x, y = rows(data, "train")

    def error(method: Any, split: str) -> float:
        inputs, target = rows(data, split)
        return float(np.mean((method.predict(inputs).reshape(target.shape) - target) ** 2))

    chosen = best(penalties, lambda p: library.Ridge(alpha=p).fit(x, y), lambda method: -error(method, "validation"))
    return error(chosen, "test")

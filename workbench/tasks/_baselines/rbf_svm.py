"""A support vector machine with a Gaussian kernel: Cortes and Vapnik 1995, as in scikit-learn."""

from itertools import product
from typing import Any

from sklearn.svm import SVC

from workbench.tasks._baselines._choice import best
from workbench.tasks._baselines._rows import rows


def rbf_svm(
    data: Any, costs: tuple[float, ...] = (1.0, 10.0, 100.0), widths: tuple[float, ...] = (0.25, 1.0, 3.0)
) -> float:
    """Test accuracy.

    Args:
        data: A data set of classes.
        costs: Costs of an error to choose from.
        widths: Factors on ``1 / (numbers x variance)`` (scikit-learn's ``gamma="scale"``) to choose from.
    """
    x, y = rows(data, "train")
    scale = 1 / (x.shape[1] * x.var())

    def fit(constants: tuple[float, float]) -> SVC:
        cost, width = constants
        return SVC(C=cost, gamma=width * scale, cache_size=500).fit(x, y)

    def score(method: SVC, split: str) -> float:
        return float(method.score(*rows(data, split)))

    return score(best(product(costs, widths), fit, lambda method: score(method, "validation")), "test")

"""A support vector machine with a Gaussian kernel: Cortes and Vapnik 1995, as in scikit-learn."""

from itertools import product
from typing import Any

from workbench.core.optional import need
from workbench.tasks._baselines._choice import best
from workbench.tasks._baselines._rows import rows


def rbf_svm(
    data: Any,
    costs: tuple[float, ...] = (1.0, 10.0, 100.0),
    widths: tuple[float, ...] = (0.25, 1.0, 3.0),
    components: int | None = None,
) -> float:
    """Test accuracy.

    Args:
        data: A data set of classes.
        costs: Costs of an error to choose from.
        widths: Factors on ``1 / (numbers x variance)`` (scikit-learn's ``gamma="scale"``) to choose from.
        components: How many principal components of the inputs to look at; the inputs as they are when not given.
    """
    decomposition = need("sklearn.decomposition", extra="data", purpose="for the RBF-SVM")
    svm = need("sklearn.svm", extra="data", purpose="for the RBF-SVM")
    x, y = rows(data, "train")
    scale = 1 / (x.shape[1] * x.var())
    seen = None if components is None else decomposition.PCA(components, random_state=0).fit(x)

    def fit(constants: tuple[float, float]) -> Any:
        cost, width = constants
        return svm.SVC(C=cost, gamma=width * scale, cache_size=500).fit(x if seen is None else seen.transform(x), y)

    def score(method: Any, split: str) -> float:
        inputs, target = rows(data, split)
        return float(method.score(inputs if seen is None else seen.transform(inputs), target))

    return score(best(product(costs, widths), fit, lambda method: score(method, "validation")), "test")

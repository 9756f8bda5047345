"""The nearest neighbours vote: Cover and Hart 1967, as in scikit-learn."""

from typing import Any

from workbench.core.optional import need
from workbench.tasks._baselines._choice import best
from workbench.tasks._baselines._rows import rows


def knn(data: Any, neighbours: tuple[int, ...] = (1, 3, 5, 9)) -> float:
    """Test accuracy by Euclidean distance.

    Args:
        data: A data set of classes.
        neighbours: Numbers of voters to choose from.
    """
    library = need("sklearn.neighbors", extra="data", purpose="for kNN")
    x, y = rows(data, "train")
    validation = rows(data, "validation")
    chosen = best(
        neighbours, lambda k: library.KNeighborsClassifier(k).fit(x, y), lambda method: float(method.score(*validation))
    )
    return float(chosen.score(*rows(data, "test")))

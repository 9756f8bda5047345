"""Features averaged along edges, then logistic regression: SGC, Wu et al. 2019, arXiv:1902.07153, equation 8."""

from itertools import product
from typing import Any

import numpy as np
import torch

from workbench.core.optional import need
from workbench.tasks._baselines._choice import best
from workbench.tasks._baselines.label_propagation import normalised_adjacency


def smoothed_logistic(
    data: Any, hops: tuple[int, ...] = (1, 2, 4, 8), constants: tuple[float, ...] = (1.0, 10.0, 100.0)
) -> float:
    """Test accuracy of a linear map on features that were averaged along edges.

    Args:
        data: A graph with masks.
        hops: How often features are averaged, to choose from.
        constants: Inverse strengths of the penalty to choose from.
    """
    library = need("sklearn.linear_model", extra="data", purpose="for logistic regression")
    nodes = len(data.y)
    loops = torch.arange(nodes).repeat(2, 1)
    spread = normalised_adjacency(torch.cat([data.edge_index, loops], dim=1), nodes)
    smooth = {0: data.x}
    for hop in range(1, max(hops) + 1):
        smooth[hop] = spread @ smooth[hop - 1]
    y, masks = data.y.numpy(), {split: mask.numpy() for split, mask in data.masks.items()}

    def score(fitted: tuple[np.ndarray, Any], split: str) -> float:
        x, method = fitted
        return float(method.score(x[masks[split]], y[masks[split]]))

    def fit(constant: tuple[int, float]) -> tuple[np.ndarray, Any]:
        hop, cost = constant
        x = smooth[hop].numpy()
        return x, library.LogisticRegression(C=cost, max_iter=2000).fit(x[masks["train"]], y[masks["train"]])

    return score(best(product(hops, constants), fit, lambda fitted: score(fitted, "validation")), "test")

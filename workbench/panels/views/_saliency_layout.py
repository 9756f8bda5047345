"""Places for the nodes of a graph: Fruchterman and Reingold 1991, "Graph Drawing by Force-directed Placement".

Departures: all forces at once as matrices, a fixed number of steps, and a start on a circle, so that the same graph
is always drawn alike.
"""

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

STEPS = 120
MOST_NODES = 600
"""nodes that are pushed apart; more stay on the circle"""


def placed(count: int, edges: Tensor) -> NDArray[np.float32]:
    """(nodes, 2) places in the unit square.

    Args:
        count: How many nodes.
        edges: (2, edges) which nodes are joined.
    """
    angle = 2 * np.pi * np.arange(count) / max(1, count)
    at = np.stack([np.cos(angle), np.sin(angle)], 1)
    if 2 < count <= MOST_NODES:  # noqa: PLR2004 - two nodes lie well as they are
        at = _relaxed(at, edges.numpy(), count)
    low, high = at.min(0, initial=0.0), at.max(0, initial=0.0)
    return ((at - low) / np.maximum(high - low, 1e-9)).astype(np.float32)


def _relaxed(at: NDArray[np.float64], edges: NDArray[np.int64], count: int) -> NDArray[np.float64]:
    joined = np.zeros((count, count))
    joined[edges[0], edges[1]] = joined[edges[1], edges[0]] = 1
    np.fill_diagonal(joined, 0)
    natural = 2 / np.sqrt(count)
    for step in range(STEPS):
        way = at[:, None] - at[None]
        distance = np.maximum(np.sqrt((way**2).sum(-1)), 1e-3)
        pull = natural**2 / distance**2 - joined * distance / natural
        move = (way * pull[..., None]).sum(1)
        length = np.maximum(np.sqrt((move**2).sum(1, keepdims=True)), 1e-9)
        at = at + move / length * np.minimum(length, 0.2 * (1 - step / STEPS))
    return at

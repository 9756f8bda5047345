"""Labels spread along edges: Zhou, Bousquet, Lal, Weston and Schölkopf 2004, equation 3."""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from workbench.tasks._baselines._choice import best

ROUNDS = 100


def label_propagation(data: Any, keeps: tuple[float, ...] = (0.5, 0.8, 0.9, 0.99)) -> float:
    """Test accuracy of labels spread from the labelled nodes; features are not looked at.

    ``F ← a S F + (1 - a) Y`` with ``S = D^-1/2 A D^-1/2``.

    Args:
        data: A graph with masks.
        keeps: Values of a to choose from.
    """
    spread = normalised_adjacency(data.edge_index, len(data.y))
    start = torch.zeros(len(data.y), data.sizes["classes"])
    known = data.masks["train"]
    start[known] = torch.eye(data.sizes["classes"])[data.y[known]]

    def belief(keep: float) -> Tensor:
        belief = start
        for _ in range(ROUNDS):
            belief = keep * (spread @ belief) + (1 - keep) * start
        return belief.argmax(1)

    def share(guess: Tensor, split: str) -> float:
        return float((guess == data.y)[data.masks[split]].double().mean())

    return share(best(keeps, belief, lambda guess: share(guess, "validation")), "test")


def normalised_adjacency(edge_index: Int[Tensor, "2 edges"], nodes: int) -> Float[Tensor, "nodes nodes"]:
    """The adjacency matrix divided by the roots of the degrees of both ends; sparse."""
    degree = torch.bincount(edge_index[0], minlength=nodes).clamp(min=1).double().rsqrt().float()
    values = degree[edge_index[0]] * degree[edge_index[1]]
    return torch.sparse_coo_tensor(edge_index, values, (nodes, nodes), check_invariants=False).coalesce()

"""Attention weights that a forward uses, kept in its graph, so that they have a gradient."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from workbench.interpret.attributions._propagation.propagation import Binary, Propagation, Unary


class Attended(Propagation):
    """Plain gradients; collects every softmax over keys that goes on to weigh values."""

    def __init__(self, points: Sequence[Tensor]) -> None:
        super().__init__(points)
        self.weights: list[Tensor] = []
        """(..., queries, keys) in the order of the forward"""
        self._candidates: list[Tensor] = []

    def normalised(self, name: str, function: Unary, x: Tensor, dim: int | tuple[int, ...]) -> Tensor:
        """Marks a softmax over the last axis."""
        found = function(x)
        if name == "softmax" and dim in (-1, x.dim() - 1):
            # By its number: a tensor that refers to itself would hold its graph until garbage is collected.
            found.candidate = len(self._candidates)  # pyright: ignore[reportAttributeAccessIssue] - a mark on this tensor alone
            self._candidates.append(found)
        return found

    def bilinear(self, function: Binary, a: Tensor, b: Tensor) -> Tensor:
        """Collects the weights that meet values."""
        if (candidate := getattr(a, "candidate", None)) is not None:
            self.weights.append(self._candidates[candidate])
        return function(a, b)

    def arranged(self, result: Any, x: Tensor) -> Any:
        """Weights stay weights."""
        if isinstance(result, Tensor) and (candidate := getattr(x, "candidate", None)) is not None:
            result.candidate = candidate  # pyright: ignore[reportAttributeAccessIssue] - as above
        return result

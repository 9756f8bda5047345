"""Batch: what a data set hands to a model and to an objective."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

import torch
from torch import Tensor

Inputs = tuple[Any, ...] | Mapping[str, Any]
"""Positional inputs, or inputs by the names of the forward's parameters."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Inputs, what is to be predicted, and where it counts."""

    inputs: Inputs
    """positional (a tuple) or by name (a mapping); a tensor or a PyG ``Data`` stands alone in a tuple"""
    target: Tensor | None = None
    """what is to be predicted; its axes are the score's axes without the last"""
    mask: Tensor | None = None
    """booleans of the target's shape: where the target counts (labelled nodes, real tokens)"""

    def to(self, device: torch.device) -> "Batch":
        """The same batch on another device; itself where it already is there."""
        tensors = self.tensors()
        if tensors and all(tensor.device == device for tensor in tensors):
            return self
        return self.map(lambda tensor: tensor.to(device, non_blocking=True))

    def map(self, change: Callable[[Tensor], Tensor]) -> "Batch":
        """The same batch with every tensor changed by ``change``."""

        def apply(value: Any) -> Any:
            if isinstance(value, Tensor):
                return change(value)
            return value.apply(change) if is_pyg(value) else value

        if isinstance(self.inputs, Mapping):
            inputs: Inputs = {name: apply(value) for name, value in self.inputs.items()}
        else:
            inputs = tuple(apply(value) for value in self.inputs)
        return Batch(inputs, apply(self.target), apply(self.mask))

    def tensors(self) -> list[Tensor]:
        """The tensors among the inputs, target and mask."""
        values = self.inputs.values() if isinstance(self.inputs, Mapping) else self.inputs
        return [value for value in (*values, self.target, self.mask) if isinstance(value, Tensor)]

    def __len__(self) -> int:
        """How many examples, read from the first axis of the first input tensor."""
        values = self.inputs.values() if isinstance(self.inputs, Mapping) else self.inputs
        return next((len(value) for value in values if isinstance(value, Tensor) and value.dim()), 1)


def is_pyg(value: object) -> TypeGuard[Any]:
    """Whether a value is a PyG ``Data`` or ``HeteroData``, told without importing PyG."""
    return any(kind.__module__.startswith("torch_geometric.data") for kind in type(value).__mro__)

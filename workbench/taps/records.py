"""AttentionRecord: one attention that a forward computed, with what proves it."""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from workbench.taps.kernels import relative_error
from workbench.taps.layouts import Band, Layout

Proof = Callable[[], float | None]
"""Gives the relative error of weights @ values against what the layer computed."""


@dataclass(frozen=True, slots=True, eq=False)
class Computed:
    """The weights of one attention and what they can be checked with."""

    weights: Tensor
    values: Tensor | None = None
    """(..., keys, width), with as many heads as the weights or a divisor of it"""
    product: Tensor | None = None
    """(..., queries, width): weights @ values as the layer computed them"""
    error: float | None = None
    """of weights @ values against the layer's own product, relative; instead of both"""


@dataclass(frozen=True, slots=True, eq=False)
class AttentionRecord:
    """One attention that a forward computed."""

    module: str
    """path of the module that was running"""
    call: int
    """0 for the module's first attention while the tap was open"""
    kind: str
    """"sdpa", "softmax", "mha", "transformers:<kernel>", "deformable", "edges" or "aggregation": how it was seen"""
    weights: Tensor | None
    """(..., queries, keys) or (edges, heads), a copy on the CPU in float16 or float32; None when it did not fit"""
    bytes: int = 0
    """of the weights, also when they did not fit"""
    proof: Proof | None = field(default=None, repr=False)
    """of the weights before they were rounded; None: they cannot be compared with what the layer computed"""
    edges: Tensor | None = None
    """(2, edges), for the kind "edges" """
    nodes: int = 0
    """how many, for the kind "edges" """
    groups: Tensor | None = None
    """(keys,) the one query that each key is pooled into, for the kind "aggregation" """
    layout: Layout | None = None
    """where the weights belong, when they are not stored by query and key"""
    crosses: bool | None = None
    """whether queries and keys come from different sequences; None: cannot be said"""
    near: bool = False
    """whether a sliding window keeps far keys out"""
    step: int = 0
    """how often the whole model had been called before, as in generation"""

    @property
    def each(self) -> tuple[Tensor, Tensor] | None:
        """Weights (edges or keys, heads) with the (edges or keys,) targets of each, where they are about a graph."""
        if self.weights is None:
            return None
        if self.edges is not None:
            return self.weights, self.edges[1]
        if self.groups is not None:
            return self.weights[0, :, self.groups, torch.arange(len(self.groups))].T, self.groups
        return None

    @property
    def error(self) -> float | None:
        """Of weights @ values against the layer's own product, relative; None: not comparable."""
        return None if self.proof is None else self.proof()


@dataclass(frozen=True, slots=True, eq=False)
class BandProof:
    """Values and output of a layer that attends in a band."""

    layout: Band
    weights: Tensor
    """(batch, heads, queries, columns)"""
    values: Tensor
    """(batch, heads, keys, width)"""
    others: Tensor | None
    """the same for what global tokens attend to, of which they have values of their own"""
    product: Tensor
    """(batch, queries, heads * width)"""

    def __call__(self) -> float | None:
        """The relative error."""
        batch, heads, count, _ = self.values.shape
        mine = torch.zeros(batch, count, heads, self.values.size(-1))
        for example in range(batch):
            for head in range(heads):
                dense = self.layout.head(self.weights, example, head)
                mine[example, :, head] = dense @ self.values[example, head]
                if self.others is not None and self.layout.keys is not None:
                    wide = self.layout.keys[example]
                    wide = wide[wide >= 0]
                    mine[example, wide, head] = dense[wide] @ self.others[example, head]
        return relative_error(mine.flatten(2), self.product) if mine.numel() == self.product.numel() else None

"""AttentionMap: the weights of one attention call, by query and key, with their labels and their proof."""

import weakref
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from workbench.core.errors import DataError
from workbench.taps.layouts import Band, Layout, Points, Windows
from workbench.taps.records import Proof

Labels = tuple[tuple[str, ...], ...]

_last: "tuple[weakref.ref[AttentionMap], Tensor] | None" = None
"""the map last laid out among its tokens: one at a time, because these are large"""


@dataclass(frozen=True, kw_only=True, eq=False)
class AttentionMap:
    """The weights of one attention call."""

    module: str
    """path of the module that computed it"""
    call: int
    """0 for the module's first attention of the forward, 1 for its second ..."""
    kind: str
    """"self", "cross", "pooled" (one query, or a graph by its nodes), "local" (a sliding window or band),
    "windowed" (of a picture), "deformable" (sampled points), "edge" (message passing) or "implied" (no softmax: see
    ``implied_attention``)"""
    seen: str = ""
    """how it was seen: "sdpa", "softmax", "mha", "transformers:sdpa" ..., "deformable", "edges" or "aggregation" """
    stored: Tensor = field(repr=False)
    """the weights as they were computed; the same as ``weights`` unless there is a ``layout``"""
    queries: Labels
    """labels of the queries of each example; their positions where no tokens are known"""
    keys: Labels
    """labels of the keys of each example"""
    edges: Tensor | None = None
    """(2, edges), source above target, when the kind is "edge" """
    layout: Layout | None = None
    """where the stored weights belong, for the kinds "windowed", "local" of Longformer and LED, and "deformable" """
    proof: Proof | None = field(default=None, repr=False)
    step: int = 0
    """which forward of the model, as in generation"""

    @property
    def name(self) -> str:
        """``module``, with ``@n`` for a later call."""
        return f"{self.module}@{self.call}" if self.call else self.module

    @property
    def edge_index(self) -> Tensor | None:
        """(2, edges), source above target, self-loops included; None for other kinds than "edge"."""
        return self.edges

    @property
    def error(self) -> float | None:
        """Of weights @ values against the layer's own product, over its largest value; None: not comparable.

        Of the weights as they were computed, before they were rounded to half precision.
        """
        return None if self.proof is None else self.proof()

    @property
    def weights(self) -> Tensor:
        """(batch, heads, queries, keys) on the CPU; (edges, heads) for the kind "edge".

        ``torch.float16`` unless ``exact`` was asked for or half precision would have done harm, else ``torch.float32``:
        take ``.float()`` to compute with them.
        For the kind "deformable" (batch, heads, queries, points), with ``points`` beside. Windows and bands are put
        back among the tokens of the whole input when this is asked; ``head`` does so for a single head.
        """
        global _last  # noqa: PLW0603 - the one that is kept
        if not isinstance(self.layout, Windows | Band):
            return self.stored
        if _last is not None and _last[0]() is self:
            return _last[1]
        batch, heads, *_ = self.shape
        dense = torch.stack([torch.stack([self.head(i, h) for h in range(heads)]) for i in range(batch)])
        _last = (weakref.ref(self), dense)
        return dense

    @property
    def shape(self) -> tuple[int, ...]:
        """Of ``weights``, without laying them out."""
        if isinstance(self.layout, Windows | Band):
            batch, heads, *_ = self.layout.shape(self.stored)
            return batch, heads, len(self.queries[0]), len(self.keys[0])
        return tuple(self.stored.shape)

    @property
    def points(self) -> Tensor | None:
        """(batch, heads, queries, points, 2): x and y of each point as shares of the picture; for "deformable"."""
        return self.layout.places.view(*self.stored.shape, 2) if isinstance(self.layout, Points) else None

    @property
    def levels(self) -> Tensor | None:
        """(points,): which picture of the pyramid each point is in; for the kind "deformable"."""
        return self.layout.levels if isinstance(self.layout, Points) else None

    def head(self, example: int, head: int) -> Tensor:
        """(queries, keys) of one head of one example, in the precision of ``weights``.

        Raises:
            DataError: The weights are about points between tokens.
        """
        if isinstance(self.layout, Windows | Band):
            laid = self.layout.head(self.stored, example, head)
            return laid[: len(self.queries[0]), : len(self.keys[0])]
        whole = self.stored if self.layout is None and self.edges is None else self.dense()
        return whole[example, head]

    def mean(self) -> "AttentionMap":
        """The mean of its heads, as a map of one head in single precision, in windows or bands as before.

        Raises:
            DataError: The heads look at points of their own.
        """
        return self._as_one(lambda weights, axis: weights.mean(axis, keepdim=True, dtype=torch.float32))

    def largest(self) -> "AttentionMap":
        """The largest weight of any head for every pair, as a map of one head, in windows or bands as before.

        Raises:
            DataError: The heads look at points of their own.
        """
        return self._as_one(lambda weights, axis: weights.amax(axis, keepdim=True).float())

    def _as_one(self, reduced: Callable[[Tensor, int], Tensor]) -> "AttentionMap":
        if isinstance(self.layout, Points):
            raise DataError(f"The heads of {self.name} look at points of their own, so they have no map in common.")
        layout = self.layout
        if isinstance(layout, Band) and layout.rows is not None:
            layout = replace(layout, rows=reduced(layout.rows, 1))
        axis = 1 if self.edges is None else -1
        return replace(self, stored=reduced(self.stored, axis), layout=layout, proof=None)

    def dense(self) -> Tensor:
        """The weights as (batch, heads, queries, keys) in single precision, also for edges.

        The queries of edges are their targets, the keys their sources.

        Raises:
            DataError: The weights are about points between tokens.
        """
        if isinstance(self.layout, Points):
            raise DataError(f"{self.name} looks at points, not at tokens: read .weights with .points beside.")
        if self.edges is None:
            return self.weights.float()
        nodes, heads = len(self.queries[0]), self.stored.size(-1)
        source, target = self.edges
        flat = self.stored.new_zeros(heads, nodes * nodes).index_add_(1, target * nodes + source, self.stored.T)
        return flat.view(1, heads, nodes, nodes)

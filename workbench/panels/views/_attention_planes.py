"""Plane: who looks at what in every head of one layer, dense or over the edges of a graph.

A page draws fewer pixels than a long input has pairs, so a plane gives any window of itself at any coarseness: every
pixel is the weight of largest size in its patch, which keeps a thin diagonal visible.
"""

from abc import ABC, abstractmethod
from itertools import pairwise

import torch
from torch import Tensor

from workbench.interpret import AttentionMap
from workbench.interpret.attending import head_scores

Span = tuple[int, int]
"""first position, and the one behind the last"""


class Plane(ABC):
    """Weights of some heads over the same queries and keys."""

    def __init__(self, heads: int, queries: int, keys: int) -> None:
        self.heads, self.queries, self.keys = heads, queries, keys

    @property
    def shape(self) -> tuple[int, int]:
        """How many of each."""
        return self.queries, self.keys

    @abstractmethod
    def window(self, head: int, rows: Span, columns: Span, most: int) -> Tensor:
        """A part of one head, with at most so many rows and columns of pixels, in float32."""

    @abstractmethod
    def row(self, head: int, query: int) -> Tensor:
        """(keys,) what one query looks at."""

    @abstractmethod
    def column(self, head: int, key: int) -> Tensor:
        """(queries,) who looks at one key."""

    @abstractmethod
    def thumbnails(self, side: int) -> Tensor:
        """(heads, side, side), stretched where there are fewer positions."""


class Dense(Plane):
    """A weight for every pair."""

    def __init__(self, weights: Tensor) -> None:
        """Keep a view of (heads, queries, keys)."""
        heads, queries, keys = weights.shape
        super().__init__(heads, queries, keys)
        self.weights = weights

    def window(self, head: int, rows: Span, columns: Span, most: int) -> Tensor:
        """A part of one head; see ``Plane``."""
        return reduced(self.weights[head, slice(*rows), slice(*columns)], most, most).float()

    def row(self, head: int, query: int) -> Tensor:
        """(keys,) what one query looks at."""
        return self.weights[head, query].float()

    def column(self, head: int, key: int) -> Tensor:
        """(queries,) who looks at one key."""
        return self.weights[head, :, key].float()

    def thumbnails(self, side: int) -> Tensor:
        """(heads, side, side); see ``Plane``."""
        return _stretched(reduced(self.weights, side, side).float(), side)


class Laid(Plane):
    """Windows or bands of a long input, put back among its positions head by head."""

    def __init__(self, found: AttentionMap, example: int) -> None:
        """Keep a map that has a layout."""
        super().__init__(found.shape[1], *found.shape[-2:])
        self.found, self.example = found, example
        self._last: tuple[int, Dense] | None = None

    def dense(self, head: int) -> Dense:
        """One head; the last one is kept."""
        if self._last is None or self._last[0] != head:
            self._last = (head, Dense(self.found.head(self.example, head)[None]))
        return self._last[1]

    def window(self, head: int, rows: Span, columns: Span, most: int) -> Tensor:
        """A part of one head; see ``Plane``."""
        return self.dense(head).window(0, rows, columns, most)

    def row(self, head: int, query: int) -> Tensor:
        """(keys,) what one query looks at."""
        return self.dense(head).row(0, query)

    def column(self, head: int, key: int) -> Tensor:
        """(queries,) who looks at one key."""
        return self.dense(head).column(0, key)

    def thumbnails(self, side: int) -> Tensor:
        """(heads, side, side); see ``Plane``."""
        return torch.cat([Dense(self.found.head(self.example, h)[None]).thumbnails(side) for h in range(self.heads)])


class Edges(Plane):
    """A weight for every edge; a graph of many nodes is never written out as a matrix."""

    def __init__(self, edges: Tensor, weights: Tensor, nodes: int) -> None:
        """Keep (2, edges), source above target, and (edges, heads)."""
        super().__init__(weights.size(-1), nodes, nodes)
        self.edges, self.weights = edges.long(), weights

    def window(self, head: int, rows: Span, columns: Span, most: int) -> Tensor:
        """A part of one head; see ``Plane``."""
        source, target = self.edges
        seen = (target >= rows[0]) & (target < rows[1]) & (source >= columns[0]) & (source < columns[1])
        return self._grid(self.weights[seen, head][:, None], target[seen], source[seen], rows, columns, most)[0]

    def row(self, head: int, query: int) -> Tensor:
        """(keys,) what one node takes from each other."""
        mine = self.edges[1] == query
        return torch.zeros(self.keys).index_add_(0, self.edges[0, mine], self.weights[mine, head].float())

    def column(self, head: int, key: int) -> Tensor:
        """(queries,) what each node takes from this one."""
        mine = self.edges[0] == key
        return torch.zeros(self.queries).index_add_(0, self.edges[1, mine], self.weights[mine, head].float())

    def thumbnails(self, side: int) -> Tensor:
        """(heads, side, side); see ``Plane``."""
        whole = (0, self.queries)
        return _stretched(self._grid(self.weights, self.edges[1], self.edges[0], whole, whole, side), side)

    def _grid(self, weights: Tensor, target: Tensor, source: Tensor, rows: Span, columns: Span, most: int) -> Tensor:
        """(heads, rows, columns) of pixels out of (edges, heads)."""
        tall, wide = rows[1] - rows[0], columns[1] - columns[0]
        lines, across = min(most, tall), min(most, wide)
        # The pixel of a position is the last one that begins at or before it, as in ``reduced``.
        down = _starts(tall, lines)[:-1]
        right = _starts(wide, across)[:-1]
        i = torch.bucketize(target - rows[0], down, right=True) - 1
        j = torch.bucketize(source - columns[0], right, right=True) - 1
        at = (i * across + j).expand(weights.size(-1), -1)
        grid = torch.zeros(weights.size(-1), lines * across)
        return grid.scatter_reduce_(1, at, weights.T.float(), "amax").view(-1, lines, across)


def reduced(weights: Tensor, rows: int, columns: int) -> Tensor:
    """The weight of largest size in every patch, so that a thin diagonal stays visible; NaN wins.

    Args:
        weights: (..., queries, keys)
        rows: Patches downwards, at most.
        columns: Patches across, at most.
    """
    tall, wide = weights.shape[-2:]
    for axis, length, most in ((-2, tall, rows), (-1, wide, columns)):
        if length > most:
            starts = _starts(length, most).tolist()
            parts = [weights.narrow(axis, a, b - a) for a, b in pairwise(starts)]
            weights = torch.stack([_strongest(part, axis) for part in parts], axis)
    return weights


def _strongest(weights: Tensor, axis: int) -> Tensor:
    high, low = weights.amax(axis), weights.amin(axis)
    return torch.where(low < -high, low, high)


def _starts(length: int, parts: int) -> Tensor:
    """Where so many parts of a line begin, and its end."""
    return torch.arange(parts + 1) * length // max(1, parts)


def _stretched(small: Tensor, side: int) -> Tensor:
    """(heads, side, side) by repeating rows and columns."""
    down, right = (torch.arange(side) * small.size(axis) // side for axis in (-2, -1))
    return small[:, down][:, :, right]


SCORES = ("entropy", "previous", "itself", "first", "distance", "induction")
"""by which heads are found"""


def scores(plane: Plane, most: int, *, square: bool, ids: Tensor | None = None) -> Tensor:
    """(heads, 6): ``SCORES`` of every head.

    They are the mean entropy in nats; the mean weight on the position before, on itself and on the first; the mean
    distance in positions; and the mean weight on what followed the same token before.

    Args:
        plane: Weights of at least zero.
        most: Weights up to which entropy, distance and induction are computed, which read them all; NaN beyond.
        square: Whether queries and keys are the same positions; NaN for all but the entropy where they are not.
        ids: (positions,) tokens, of which some repeat; induction is NaN without them.
    """
    found = torch.full((plane.heads, len(SCORES)), torch.nan)
    if not isinstance(plane, Dense) or not plane.queries or not plane.keys:
        return found
    weights, few = plane.weights[None], plane.weights.numel() <= most
    square = square and plane.queries == plane.keys
    if square:
        found[:, 1] = head_scores.previous(weights).float()
        found[:, 2] = weights[0].diagonal(dim1=-2, dim2=-1).float().mean(-1)
        found[:, 3] = head_scores.first(weights).float()
    for head, one in enumerate(weights.split(1, 1) if few else ()):
        found[head, 0] = head_scores.entropy(one.float())
        if square:
            found[head, 4] = head_scores.distance(one.float())
        if square and ids is not None and len(ids) == plane.keys:
            found[head, 5] = head_scores.induction(one.float(), ids[None])
    return found

"""Features: the parts of an input that perturbation methods switch on and off together."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from workbench.interpret.attributions._leaves import Leaf

MOST_CELLS = 64
"""cells of a series that are features of their own; more are gathered into as many segments"""
MOST_COLUMNS = 256
"""columns of a table; what is longer is a trace"""


@dataclass(frozen=True, kw_only=True, eq=False)
class Features:
    """Which cells of each leaf belong to which feature."""

    groups: tuple[Tensor, ...]
    """for each leaf, the feature of each cell; the shape is the leading part of a row's shape"""
    count: int
    """features of all leaves together"""
    lattices: tuple[tuple[int, ...], ...]
    """for each leaf, how its features lie: (tokens,), (rows, columns) of patches; () for columns of a table"""

    @cached_property
    def _spans(self) -> tuple[slice | None, ...]:
        """For each leaf, where its features stand, if every cell is one and they stand in the order of the cells."""
        found: list[slice | None] = []
        for group, lattice in zip(self.groups, self.lattices, strict=True):
            start, size = int(group.min()), group.numel()
            whole = not lattice and torch.equal(group.reshape(-1).cpu(), torch.arange(start, start + size))
            found.append(slice(start, start + size) if whole else None)
        return tuple(found)

    def masks(self, kept: Tensor, leaf: int, value: Tensor) -> Tensor:
        """(k, 1, 1, ...) whether a cell keeps its value, to be broadcast over (k, references, rows, ...).

        Args:
            kept: (k, features), whether a feature keeps its value.
            leaf: Which leaf.
            value: Its value, (rows, ...).
        """
        if (span := self._spans[leaf]) is not None and self.groups[leaf].shape == value.shape[1:]:
            return kept[:, span].reshape(len(kept), 1, 1, *value.shape[1:])
        group = self.groups[leaf]
        axes = (1,) * (value.dim() - 1 - group.dim())
        return kept[:, group.reshape(-1)].reshape(len(kept), 1, 1, *group.shape, *axes)

    def spread(self, scores: Tensor, values: Sequence[Tensor], leaves: Sequence[Leaf]) -> list[Tensor]:
        """Scores of features as scores of cells, each an equal share: sums stay what they are.

        Args:
            scores: (features, rows).
            values: Values of the leaves, (rows, ...).
            leaves: The leaves; the axis of an embedding is left out.
        """
        parts: list[Tensor] = []
        for group, span, value, leaf in zip(self.groups, self._spans, values, leaves, strict=True):
            if span is not None and leaf.embedding is None and group.shape == value.shape[1:]:
                parts.append(scores[span].T.reshape(value.shape))
                continue
            cells = math.prod(value.shape[1 + group.dim() :]) if leaf.embedding is None else 1
            size = torch.bincount(group.reshape(-1), minlength=self.count).to(scores) * cells
            share = (scores / size[:, None].clamp_min(1)).T[:, group.reshape(-1)].reshape(len(value), *group.shape)
            if leaf.embedding is None:
                share = share.reshape(*share.shape, *(1,) * (value.dim() - share.dim())).expand_as(value)
            parts.append(share)
        return parts


def features_of(leaves: Sequence[Leaf], values: Sequence[Tensor], *, patches: int = 7, joint: bool = False) -> Features:
    """The features that a person would name: tokens, columns, patches of a picture, segments of a series, nodes.

    Args:
        leaves: What is explained.
        values: Their values, (rows, ...).
        patches: Patches along each side of a picture.
        joint: Whether the values are a graph's, (1, nodes, ...).
    """
    groups: list[Tensor] = []
    lattices: list[tuple[int, ...]] = []
    start = 0
    for leaf, value in zip(leaves, values, strict=True):
        shape = value.shape[1:]
        if leaf.embedding is not None:
            group = torch.arange(math.prod(shape[:-1])).reshape(shape[:-1])
        elif joint:
            group = torch.arange(shape[0])
        elif len(shape) == 3:  # noqa: PLR2004 - (channels, height, width)
            group = _patches(shape, patches)
        else:
            group = _segments(shape)
        count = int(group.max()) + 1
        table = joint or (leaf.embedding is None and shape.numel() <= MOST_COLUMNS and len(shape) < 2)  # noqa: PLR2004 - (columns,)
        picture = leaf.embedding is None and len(shape) == 3  # noqa: PLR2004 - (channels, height, width)
        lattices.append(() if table else (min(patches, shape[1]), min(patches, shape[2])) if picture else (count,))
        groups.append(group.to(value.device) + start)
        start += count
    return Features(groups=tuple(groups), count=start, lattices=tuple(lattices))


def _patches(shape: torch.Size, patches: int) -> Tensor:
    _, height, width = shape
    rows, columns = min(patches, height), min(patches, width)
    row = torch.arange(height) * rows // height
    column = torch.arange(width) * columns // width
    return (row[:, None] * columns + column).expand(shape)


def _segments(shape: torch.Size) -> Tensor:
    """Every cell by itself, or segments along the longest axis where there are many cells."""
    if math.prod(shape) <= (MOST_COLUMNS if len(shape) < 2 else MOST_CELLS):  # noqa: PLR2004 - (columns,)
        return torch.arange(math.prod(shape)).reshape(shape)
    axis = max(range(len(shape)), key=lambda i: shape[i])
    segment = torch.arange(shape[axis]) * min(MOST_CELLS, shape[axis]) // shape[axis]
    return segment.reshape([-1 if i == axis else 1 for i in range(len(shape))]).expand(shape)

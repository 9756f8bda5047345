"""Layers: the maps of a forward as rows of heads; the steps of a generation are one layer, not many."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from workbench.interpret import AttentionMap, AttentionMaps
from workbench.interpret.attending import mixing
from workbench.panels.views._attention_combining import Pooling
from workbench.panels.views._attention_planes import Dense, Edges, Laid, Plane

SAMPLES = 16
"""rows and columns of the picture on which sampled points are counted"""


@dataclass(frozen=True, eq=False)
class Layer:
    """One row of heads: one attention, all steps of one, or one that did not fit under the byte cap."""

    name: str
    maps: tuple[AttentionMap, ...]
    """empty when it was left out; several for the steps of a text that grows"""
    again: int = 1
    """in how many forwards the same positions were looked at anew, as in diffusion; ``maps`` holds one of them"""

    @property
    def ends(self) -> tuple[int, ...]:
        """The position behind the last query of every step."""
        found, end = list[int](), 0
        for one in self.maps:
            queries, keys = one.shape[-2:]
            # A decoder asks for its newest positions; in attention to an encoder the keys stay the same.
            end = keys if self._grows else end + queries
            found.append(end)
        return tuple(found)

    @property
    def _grows(self) -> bool:
        return len(self.maps) > 1 and len({one.shape[-1] for one in self.maps}) > 1

    @property
    def crosses(self) -> bool:
        """Whether queries and keys are different things."""
        return self.maps[0].kind in ("cross", "pooled", "deformable")

    def plane(self, example: int) -> Plane:
        """Its heads on one example."""
        first = self.maps[0]
        if first.edges is not None:
            return Edges(first.edges, first.weights, len(first.queries[0]))
        example = min(example, first.shape[0] - 1)
        if first.points is not None:
            return Dense(_counted(first.weights[example], first.points[example]))
        if first.layout is not None:
            return Laid(first, example)
        rows = [one.weights[example] for one in self.maps]
        if len(rows) == 1:
            return Pooling(rows[0]) if first.kind == "pooled" else Dense(rows[0])
        whole = rows[0].new_zeros(rows[0].size(0), self.ends[-1], max(row.size(-1) for row in rows))
        for end, row in zip(self.ends, rows, strict=True):
            whole[:, end - row.size(1) : end, : row.size(-1)] = row
        return Dense(whole)

    def labels(self, example: int) -> tuple[list[str], list[str]]:
        """Of the queries and of the keys on one example."""
        first, last = self.maps[0], self.maps[-1]
        at = min(example, len(last.keys) - 1)
        if first.points is not None:
            cells = [f"{i},{j}" for i in range(SAMPLES) for j in range(SAMPLES)]
            return list(first.queries[at]), cells
        if self._grows:
            return list(last.keys[at]), list(last.keys[at])
        return [name for one in self.maps for name in one.queries[at]], list(last.keys[at])


def layers(maps: AttentionMaps, step: int = 0) -> list[Layer]:
    """The maps of one or more forwards as layers, in order; those that did not fit under the byte cap come last.

    Args:
        maps: What was recorded.
        step: Which forward is meant where the same positions are looked at again and again.
    """
    groups: dict[str, list[AttentionMap]] = {}
    steps = any(one.step for one in maps)
    for one in maps:
        groups.setdefault(one.module if steps else one.name, []).append(one)
    found = [_layer(name, group, step) for name, group in groups.items()]
    left = dict.fromkeys(name.partition("@")[0] if steps else name for name in maps.left_out)
    return [*found, *(Layer(name, ()) for name in left if name not in groups)]


def rolled_names(found: Sequence[Layer], at: int, layer: Layer) -> list[str]:
    """Names of the maps through which a layer is rolled out: those before it of as many positions as it looks at.

    Args:
        found: All layers.
        at: Position of the layer on show.
        layer: It, with its maps.
    """
    here = layer.maps[0]
    size = (here.shape[-1],) * 2
    before = [each.maps[0] for each in found[:at] if each.maps]
    return [one.name for one in before if one.kind in mixing.WITHIN and one.shape[-2:] == size] + [here.name]


def _layer(name: str, group: Sequence[AttentionMap], step: int) -> Layer:
    shapes = {one.shape for one in group}
    anew = len(shapes) == 1 and (group[0].edges is not None or group[0].shape[-2] > 1)
    if len(group) == 1 or anew or any(one.layout is not None or one.edges is not None for one in group):
        return Layer(name, (group[min(step, len(group) - 1)],), len(group))
    return Layer(name, tuple(group))


def _counted(weights: Tensor, points: Tensor) -> Tensor:
    """(heads, queries, 256): weights of sampled points, added up in the cells of a grid over the picture.

    Args:
        weights: (heads, queries, points)
        points: (heads, queries, points, 2), x and y as shares of the picture; those outside count at its border.
    """
    x, y = (points.clamp(0, 1) * SAMPLES).long().clamp_max(SAMPLES - 1).unbind(-1)
    grid = torch.zeros(*weights.shape[:2], SAMPLES**2)
    return grid.scatter_add_(2, y * SAMPLES + x, weights.float())

"""Layers: the maps of a forward as rows of heads; the steps of a generation are one layer, not many."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from workbench.interpret import AttentionMap, AttentionMaps
from workbench.panels._attention_planes import Dense, Edges, Plane, Span


@dataclass(frozen=True, eq=False)
class Layer:
    """One row of heads: one attention, all steps of one, or one that did not fit under the byte cap."""

    name: str
    maps: tuple[AttentionMap, ...]
    """empty when it was left out"""

    @property
    def steps(self) -> tuple[Span, ...]:
        """The queries of every step of a generation; a single one otherwise."""
        spans, end = list[Span](), 0
        for one in self.maps:
            queries, keys = one.weights.shape[-2:] if one.edges is None else (len(one.queries[0]),) * 2
            # A decoder asks for its newest positions; in attention to an encoder the keys stay the same.
            start = keys - queries if self._grows else end
            end = start + queries
            spans.append((start, end))
        return tuple(spans)

    @property
    def _grows(self) -> bool:
        return len({one.weights.shape[-1] for one in self.maps}) > 1

    @property
    def crosses(self) -> bool:
        """Whether queries and keys are different things."""
        one = self.maps[-1]
        if one.edges is not None:
            return False
        return not self._grows and (one.queries != one.keys or one.weights.size(-1) != self.steps[-1][1])

    def plane(self, example: int) -> Plane:
        """Its heads on one example."""
        first = self.maps[0]
        if first.edges is not None:
            return Edges(first.edges, first.weights, len(first.queries[0]))
        rows = [one.weights[min(example, len(one.weights) - 1)] for one in self.maps]
        if len(rows) == 1:
            return Dense(rows[0])
        whole = rows[0].new_zeros(rows[0].size(0), self.steps[-1][1], max(row.size(-1) for row in rows))
        for (start, end), row in zip(self.steps, rows, strict=True):
            whole[:, start:end, : row.size(-1)] = row
        return Dense(whole)

    def labels(self, example: int) -> tuple[list[str], list[str]]:
        """Of the queries and of the keys on one example."""
        first, last = self.maps[0], self.maps[-1]
        at = min(example, len(last.keys) - 1)
        keys = list(last.keys[at])
        if len(self.maps) == 1:
            return list(first.queries[at]), keys
        return (keys if self._grows else [str(i) for i in range(self.steps[-1][1])]), keys


def layers(maps: AttentionMaps) -> list[Layer]:
    """The maps of a forward as layers, in order; those that did not fit under the byte cap come last.

    Where some module was called again with more keys, as when text is generated, the calls of every module are the
    steps of one layer.
    """
    calls: dict[str, list[AttentionMap]] = {}
    for one in maps:
        calls.setdefault(one.module, []).append(one)
    steps = any(_grows(group) for group in calls.values())
    kept = [Layer(module, tuple(group)) for module, group in calls.items()] if steps else []
    return [*(kept or [Layer(one.name, (one,)) for one in maps]), *(Layer(name, ()) for name in maps.left_out)]


def _grows(calls: Sequence[AttentionMap]) -> bool:
    if len(calls) == 1 or any(one.edges is not None for one in calls):
        return False
    keys = [one.weights.size(-1) for one in calls]
    return all(a < b for a, b in zip(keys[:-1], keys[1:], strict=True))


Combining = Callable[[Sequence[Dense], int], Tensor]
"""planes of one shape, the layer's position among them -> (queries, keys)"""


def _all(planes: Sequence[Dense]) -> Tensor:
    return torch.stack([plane.weights.float().mean(0) for plane in planes])


def _rollout(planes: Sequence[Dense], at: int) -> Tensor:
    """Attention rollout up to a layer (Abnar and Zuidema 2020, arXiv:2005.00928, section 3): half is the residual."""
    queries, keys = planes[0].shape
    found = torch.eye(queries, keys)
    for plane in planes[: at + 1]:
        step = plane.weights.float().mean(0) + torch.eye(queries, keys)
        found = step / step.sum(-1, keepdim=True) @ found
    return found


OVER: Mapping[str, Combining] = {
    "mean of heads": lambda planes, at: planes[at].weights.float().mean(0),
    "largest of heads": lambda planes, at: planes[at].weights.float().amax(0),
    "mean of layers": lambda planes, at: _all(planes).mean(0),  # noqa: ARG005 - the layer does not matter
    "largest of layers": lambda planes, at: torch.stack([p.weights.float().amax(0) for p in planes]).amax(0),  # noqa: ARG005 - as above
    "rollout": _rollout,
}
"""Several heads as one map; the first two within a layer."""


def combined(over: str, planes: Sequence[Plane], at: int) -> Plane:
    """Several heads as one.

    Args:
        over: One of ``OVER``.
        planes: Of every layer.
        at: Position of the layer on show.

    Returns:
        A plane of one head. Layers of another shape than the one on show are left aside.
    """
    here = planes[at]
    if isinstance(here, Edges):
        weights = here.weights.float()
        one = weights.amax(-1) if over.startswith("largest") else weights.mean(-1)
        return Edges(here.edges, one[:, None], here.queries)
    alike = [plane for plane in planes if isinstance(plane, Dense) and plane.shape == here.shape]
    place = next(i for i, plane in enumerate(alike) if plane is here)
    return Dense(OVER[over](alike, place)[None])


def combinations(planes: Sequence[Plane], at: int) -> list[str]:
    """Which of ``OVER`` make sense for a layer."""
    here = planes[at]
    alike = sum(isinstance(plane, Dense) and plane.shape == here.shape for plane in planes)
    names = list(OVER)[:2] if here.heads > 1 else []
    if alike > 1:
        names += list(OVER)[2:4] + (["rollout"] if here.queries == here.keys else [])
    return names

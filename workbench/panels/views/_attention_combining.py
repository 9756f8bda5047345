"""Combining: several heads of a layer as one map, several layers as one, and rollout up to a layer.

Heads in windows and bands are combined as they are stored, and only then laid out.
"""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from workbench.interpret.attending import mixing, rolling
from workbench.panels.views._attention_planes import Dense, Edges, Laid, Plane

MOST_PAIRS = 1 << 24
"""queries x keys up to which layers in windows or bands are laid out whole to be combined"""


class Pooling(Dense):
    """One query that takes from all positions what it gives out for the whole input."""


Combining = Callable[[Sequence[Dense], int], Tensor]
"""planes of one shape, the layer's position among them -> (queries, keys)"""


def _mean_of_layers(planes: Sequence[Dense], _: int) -> Tensor:
    return torch.stack([plane.weights.mean(0, dtype=torch.float32) for plane in planes]).mean(0)


def _largest_of_layers(planes: Sequence[Dense], _: int) -> Tensor:
    return torch.stack([plane.weights.amax(0).float() for plane in planes]).amax(0)


OVER: Mapping[str, Combining] = {
    "mean of heads": lambda planes, at: planes[at].weights.mean(0, dtype=torch.float32),
    "largest of heads": lambda planes, at: planes[at].weights.amax(0).float(),
    "mean of layers": _mean_of_layers,
    "largest of layers": _largest_of_layers,
    "rollout": lambda planes, at: mixing.rollout([plane.weights[None] for plane in planes[: at + 1]])[0],
}
"""Several heads as one map: the first two within a layer, the last up to it."""


def _laid_mean(planes: Sequence[Laid], at: int) -> Plane:
    return Laid(planes[at].found.mean(), planes[at].example)


def _laid_largest(planes: Sequence[Laid], at: int) -> Plane:
    return Laid(planes[at].found.largest(), planes[at].example)


def _laid_mean_of_layers(planes: Sequence[Laid], _: int) -> Plane:
    total = torch.zeros(planes[0].shape)
    for plane in planes:
        total += plane.found.mean().head(plane.example, 0)
    return Dense(total[None] / len(planes))


def _laid_largest_of_layers(planes: Sequence[Laid], _: int) -> Plane:
    most = torch.zeros(planes[0].shape)
    for plane in planes:
        most = torch.maximum(most, plane.found.largest().head(plane.example, 0))
    return Dense(most[None])


def _laid_rollout(planes: Sequence[Laid], at: int) -> Plane:
    return Dense(rolling.of_example([plane.found for plane in planes[: at + 1]], planes[at].example)[None])


_LAID: Mapping[str, Callable[[Sequence[Laid], int], Plane]] = {
    "mean of heads": _laid_mean,
    "largest of heads": _laid_largest,
    "mean of layers": _laid_mean_of_layers,
    "largest of layers": _laid_largest_of_layers,
    "rollout": _laid_rollout,
}
"""The same for windows and bands."""


def combined(over: str, planes: Sequence[Plane], at: int) -> Plane:
    """Several heads as one.

    Args:
        over: One of ``OVER``.
        planes: Of every layer.
        at: Position of the layer on show.

    Returns:
        A plane of one head. Layers of another shape than the one on show are left aside; one that pools all positions
        follows on the square ones before it.
    """
    here = planes[at]
    if isinstance(here, Edges):
        weights = here.weights.float()
        one = weights.amax(-1) if over.startswith("largest") else weights.mean(-1)
        return Edges(here.edges, one[:, None], here.queries)
    if isinstance(here, Pooling) and over == "rollout":
        pooled = here.weights.mean(0, dtype=torch.float32)
        found = pooled @ mixing.rollout([plane.weights[None] for plane in _before(planes, at)])[0]
        return Dense((found / found.sum(-1, keepdim=True))[None])
    if isinstance(here, Laid):
        alike = [plane for plane in planes if isinstance(plane, Laid) and plane.shape == here.shape]
        return _LAID[over](alike, next(i for i, plane in enumerate(alike) if plane is here))
    dense = [plane for plane in planes if isinstance(plane, Dense) and plane.shape == here.shape]
    return Dense(OVER[over](dense, next(i for i, plane in enumerate(dense) if plane is here))[None])


def combinations(planes: Sequence[Plane], at: int, *, crosses: bool) -> list[str]:
    """Which of ``OVER`` make sense for a layer.

    Args:
        planes: Of every layer.
        at: Position of the layer on show.
        crosses: Whether its queries and keys are different things.
    """
    here = planes[at]
    names = list(OVER)[:2] if here.heads > 1 else []
    if isinstance(here, Edges) or (isinstance(here, Laid) and here.queries * here.keys > MOST_PAIRS):
        return names
    kind = Laid if isinstance(here, Laid) else Dense
    if sum(isinstance(plane, kind) and plane.shape == here.shape for plane in planes) > 1:
        names += list(OVER)[2:4]
        if here.queries == here.keys and not crosses:
            names.append("rollout")
    if isinstance(here, Pooling) and _before(planes, at):
        names.append("rollout")
    return names


def _before(planes: Sequence[Plane], at: int) -> list[Dense]:
    """The layers before one, of as many queries and keys as it has keys."""
    keys = planes[at].keys
    return [plane for plane in planes[:at] if isinstance(plane, Dense) and plane.shape == (keys, keys)]

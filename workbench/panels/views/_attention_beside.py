"""Beside: the same head on a second input or in a second model, and how far the two are apart."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from workbench.core.errors import DataError
from workbench.panels.page.header import sides
from workbench.panels.views._attention_combining import combinations, combined
from workbench.panels.views._attention_planes import Dense, Plane, Span
from workbench.panels.views._attention_scene import Scene

MOST_PAIRS = 1 << 26
"""pairs of positions up to which a difference is computed at a time"""


@dataclass(frozen=True, kw_only=True, eq=False)
class Beside:
    """What stands beside the head on show."""

    names: tuple[str, str]
    """what the two are called"""
    said: str = ""
    """why there is nothing beside it, or no difference"""
    scene: Scene | None = None
    layer: int = 0
    """of that scene"""
    plane: Plane | None = None
    head: int = 0
    """of that plane"""

    def apart(self, plane: Plane, head: int, rows: Span, columns: Span) -> Tensor | None:
        """(queries, keys) of a window: the head on show minus the one beside it; None where they do not fit."""
        second, most = self.plane, max(*plane.shape, 1)
        pairs = (rows[1] - rows[0]) * (columns[1] - columns[0])
        if second is None or second.shape != plane.shape or pairs > MOST_PAIRS:
            return None
        return plane.window(head, rows, columns, most) - second.window(self.head, rows, columns, most)


def beside(scene: Scene, at: int, head: int, over: str, other: Scene) -> Beside:
    """The head in the same place of another scene, or several heads as one.

    Args:
        scene: What is on show.
        at: Its layer.
        head: Its head.
        over: One of ``OVER``, or empty.
        other: The second input or model.
    """
    names = sides(scene.session, other.session)
    if other.empty:
        return Beside(names=names, said=f"Nothing stands beside it: {other.nothing}")
    place = _place(scene, at, other)
    if place is None:
        return Beside(names=names, said=f"{names[1]} has {len(other.layers)} attention layers, so there is no {at}.")
    try:
        plane = other.plane(place)
    except DataError as error:
        return Beside(names=names, said=f"{names[1]}: {error}")
    if over:
        planes, here = held_planes(other, place)
        if over not in combinations(planes, here, crosses=other.layer(place).crosses):
            return Beside(names=names, said=f"{names[1]} has no {over!r} in this layer.")
        plane, head = combined(over, planes, here), 0
    if head >= plane.heads:
        return Beside(names=names, said=f"{names[1]} has {plane.heads} heads in this layer, so there is no {head}.")
    return Beside(
        names=names, said=_shapes(names, scene.plane(at), plane), scene=other, layer=place, plane=plane, head=head
    )


def _shapes(names: tuple[str, str], first: Plane, second: Plane) -> str:
    if first.shape == second.shape:
        return ""
    a, b = (" \N{MULTIPLICATION SIGN} ".join(map(str, plane.shape)) for plane in (first, second))
    return f"No difference: {names[0]} has {a} positions here, {names[1]} {b}."


def _place(scene: Scene, at: int, other: Scene) -> int | None:
    """Where the layer is in the other scene: under the same name, else in the same place."""
    names = [layer.name for layer in other.layers]
    if scene.layers[at].name in names:
        return names.index(scene.layers[at].name)
    return at if at < len(names) else None


def held_planes(scene: Scene, at: int) -> tuple[list[Plane], int]:
    """Those of all layers that are held, and the place of one of them among these."""
    held = sorted({*scene.kept, at})
    return [scene.plane(i) for i in held], held.index(at)


def everywhere(scene: Scene, layers: Sequence[int], other: Scene) -> list[Tensor] | None:
    """(heads, queries, keys) of each of some layers: the first minus the second; None where a layer does not fit."""
    found: list[Tensor] = []
    for at in layers:
        plane, place = scene.plane(at), _place(scene, at, other)
        if place is None or not other.layers[place].maps:
            return None
        second = other.plane(place)
        tall, wide = plane.shape
        if (second.heads, second.shape) != (plane.heads, plane.shape) or plane.heads * tall * wide > MOST_PAIRS:
            return None
        whole = (0, tall), (0, wide), max(tall, wide, 1)
        both = [torch.stack([one.window(h, *whole) for h in range(one.heads)]) for one in (plane, second)]
        found.append(both[0] - both[1])
    return found


def thumbnails(apart: Sequence[Tensor], side: int) -> Tensor:
    """(all heads, side, side), the differences of largest size in every patch."""
    return torch.cat([Dense(one).thumbnails(side) for one in apart])

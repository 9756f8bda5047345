"""Compared: what a page receives of the head beside the one on show, and of the difference."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from workbench.panels.page.frame import Packed, companded
from workbench.panels.views._attention_asking import Asked, within
from workbench.panels.views._attention_beside import Beside, everywhere, thumbnails
from workbench.panels.views._attention_packing import packed
from workbench.panels.views._attention_planes import Plane, Span, reduced
from workbench.panels.views._attention_scene import Scene
from workbench.panels.views._attention_small import blanked, special

FLOOR = 0.01
"""weight to which the scale of a difference reaches at least, so that rounding is not painted as if it were much"""

_INKS = (32, 66, 178), (181, 80, 0)
"""where the first has more, and where the second has"""

Labels = tuple[list[str], list[str]]
"""of queries and of keys"""


class Compared:
    """Two heads side by side, in the same window where they have the same positions."""

    def __init__(
        self, beside: Beside, ask: Asked, plane: Plane, head: int, names: tuple[Labels, Labels], most: int
    ) -> None:
        """Look at both.

        Args:
            beside: The head beside the one on show.
            ask: What is wished.
            plane: The plane on show.
            head: The head in it.
            names: Of its queries and keys, and of those beside it.
            most: Rows and columns that travel at a time.
        """
        self.beside, (self._names, self.labels) = beside, names
        second = beside.plane
        self.spans = (0, 0), (0, 0)
        self.second: Tensor | None = None
        self.apart: Tensor | None = None
        self._exact: Tensor | None = None
        if second is None or beside.scene is None:
            return
        self.spans = within(ask.rows, second.queries), within(ask.columns, second.keys)
        self.second = second.window(beside.head, *self.spans, most)
        mine = within(ask.rows, plane.queries), within(ask.columns, plane.keys)
        self._exact = difference = beside.apart(plane, head, *mine)
        self.apart = None if difference is None else reduced(difference, most, most)
        if ask.hide:
            hidden = [special(beside.scene.session.processor, each) for each in self.labels]
            self.second = blanked(self.second, self.spans, hidden)
            if self.apart is not None:
                hidden = [special(beside.scene.session.processor, each) for each in self._names]
                self.apart = blanked(self.apart, mine, hidden)

    @property
    def top(self) -> float:
        """The largest weight beside, to which the scale of both reaches."""
        if self.second is None or not self.second.numel():
            return 0.0
        return float(self.second.nan_to_num(0.0, 0.0, 0.0).max())

    def meta(self) -> dict[str, Any]:
        """What is beside it, in words and positions; names of positions only where they are others."""
        second = self.beside.plane
        found: dict[str, Any] = {"names": list(self.beside.names), "said": self.beside.said or self._places()}
        if second is not None:
            found |= {"size": list(second.shape), "window": [*self.spans[0], *self.spans[1]]}
            if self.labels != self._names:
                found |= {"queries": self.labels[0], "keys": self.labels[1]}
        return found

    def arrays(self, bits: Any, least: float) -> dict[str, Packed]:
        """``second`` and, where there is a difference, ``apart``.

        Args:
            bits: 8 for pictures, 16 where figures are read off.
            least: What the scale of the second reaches to at least.
        """
        found: dict[str, Packed] = {}
        if self.second is not None:
            found |= packed("second", self.second, bits=bits, least=least)
        if self.apart is not None:
            found |= packed("apart", self.apart, bits=bits, signed=True, least=FLOOR)
        return found

    def facts(self, rows: Span, columns: Span) -> list[list[str]]:
        """The largest difference and where it is, in a row for the table of facts."""
        if self.apart is None or self._exact is None or not self._exact.numel():
            return []
        sizes = self._exact.abs().nan_to_num(0.0, 0.0, 0.0)
        i, j = divmod(int(sizes.argmax()), sizes.size(1))
        value = float(self._exact[i, j])
        if value == 0:
            return [["difference", "none"]]
        place = f"{self._names[0][rows[0] + i]} \N{RIGHTWARDS ARROW} {self._names[1][columns[0] + j]}"
        return [["difference", f"up to {value:+.2g}, {place}"]]

    def _places(self) -> str:
        """That positions are compared by their place, where they are called otherwise."""
        if self.apart is None or self.labels == self._names:
            return ""
        other = sum(a != b for a, b in zip(self.labels[0], self._names[0], strict=True))
        return (
            f"Compared place by place: {other} of {len(self._names[0])} positions are called otherwise in the second."
        )


def in_a_row(window: Tensor, pair: Compared) -> NDArray[np.uint8]:
    """The first, the second and the difference from left to right on white, (rows, columns, 3).

    Args:
        window: (queries, keys) of the first.
        pair: What stands beside it.
    """
    top = max(float(window.nan_to_num(0.0, 0.0, 0.0).max()), pair.top)
    greys = [255 - companded(one.numpy(), least=top).data for one in (window, pair.second) if one is not None]
    images = [np.repeat(grey[..., None], 3, 2) for grey in greys]
    if pair.apart is not None:
        values = pair.apart.nan_to_num(0.0, 0.0, 0.0).numpy()
        strength = np.sqrt(np.abs(values) / max(float(np.abs(values).max()), FLOOR))[..., None]
        images.append(255 + (np.where(values[..., None] > 0, *_INKS) - 255) * strength)
    tall = max(len(one) for one in images)
    padded = [np.pad(one, ((0, tall - len(one)), (0, 1), (0, 0)), constant_values=255) for one in images]
    return np.rint(np.concatenate(padded, 1)[:, :-1]).astype(np.uint8)


def small(scene: Scene, layers: Sequence[int], other: Scene, side: int) -> dict[str, Packed]:
    """How far every head is apart, small and on one scale for all; empty where the two have not the same heads."""
    apart = everywhere(scene, layers, other)
    if not apart:
        return {}
    largest = torch.cat([one.abs().nan_to_num(0.0, 0.0, 0.0).amax((1, 2)) for one in apart])
    drawn = packed("thumbs_apart", thumbnails(apart, side), bits=8, signed=True, least=FLOOR)
    return {**drawn, "largest": Packed(largest.numpy())}

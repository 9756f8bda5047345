"""Where positions lie: patches in a picture, nodes in the plane."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from workbench.interpret import Session

_SIDE = 128
"""pixels of the longer side of a picture that travels"""
_PREFIXES = (1, 0, 2, 5, 4, 3)
"""positions before the patches: class token, distillation token, registers; the usual ones first"""
_CROWD = 600
"""nodes up to which they are laid out by forces"""


@dataclass(frozen=True, slots=True)
class Grid:
    """Patches of a picture among the positions of a map."""

    rows: int
    columns: int
    before: int
    """positions that come before the patches"""

    def labels(self, model: nn.Module | None = None) -> list[str]:
        """Names of the positions: row and column of a patch, counted from 0.

        Args:
            model: Its parameters tell what stands before the patches.
        """
        return own_tokens(model, self.before) + [f"{i},{j}" for i in range(self.rows) for j in range(self.columns)]


_OWN = (
    ("class token", r"(cls|class)_?(tokens?|embed(ding)?|emb|pos)?"),
    ("distillation token", r"dist(ill(ation)?)?_?(tokens?|embed(ding)?)"),
    ("register", r"reg(ister)?s?_?(tokens?)?"),
)
"""what a model learns beside the patches, and what it calls it; in the order in which models put it before them"""
_EXTRA = "extra token"
OWN_TOKENS = (*(called for called, _ in _OWN), _EXTRA)
"""how the names of a model's own tokens begin"""


def own_tokens(model: nn.Module | None, count: int) -> list[str]:
    """Names of the positions before the patches, by the parameters that the model has for them.

    Args:
        model: Any module.
        count: How many such positions there are.
    """
    found: list[str] = []
    for called, pattern in _OWN:
        for name, parameter in model.named_parameters() if model is not None else ():
            if parameter.dim() and re.fullmatch(pattern, name.rpartition(".")[2], re.IGNORECASE):
                many = parameter.numel() // parameter.size(-1)
                found += [called] if many == 1 else [f"{called} {i + 1}" for i in range(many)]
    if len(found) == count:
        return found
    return [_EXTRA] if count == 1 else [f"{_EXTRA} {i + 1}" for i in range(count)]


def picture_of(session: Session) -> Tensor | None:
    """(colours, rows, columns) of the example on show, where the input is a picture."""
    inputs = session.batch.inputs
    values = inputs.values() if isinstance(inputs, Mapping) else inputs
    for value in values:
        if isinstance(value, Tensor) and value.is_floating_point() and value.dim() == 4 and value.size(1) in (1, 3):  # noqa: PLR2004 - (batch, colours, rows, columns)
            return value[min(session.selection.example, len(value) - 1)].detach().cpu().float()
    return None


def drawable(image: Tensor) -> NDArray[np.uint8]:
    """(rows, columns, 3), stretched to the full range, at most 128 pixels a side."""
    low, high = image.min(), image.max()
    image = (image - low) / (high - low).clamp_min(1e-12)
    scale = _SIDE / max(image.shape[-2:])
    if scale < 1:
        size = [max(1, round(side * scale)) for side in image.shape[-2:]]
        image = torch.nn.functional.interpolate(image[None], size, mode="area")[0]
    return (image * 255).to(torch.uint8).expand(3, -1, -1).permute(1, 2, 0).contiguous().numpy()


def grid_of(image: Tensor | None, positions: int) -> Grid | None:
    """How the positions of a map lie on a picture; None where they do not fit square patches."""
    if image is None:
        return None
    tall, wide = image.shape[-2:]
    for before in _PREFIXES:
        patches = positions - before
        rows = round((max(patches, 0) * tall / wide) ** 0.5)
        if (
            rows > 1
            and patches >= 8 * before
            and patches % rows == 0
            and tall % rows == 0
            and tall * (patches // rows) == wide * rows
        ):
            return Grid(rows, patches // rows, before)
    return None


def placed(edges: Tensor, nodes: int, given: Any = None) -> NDArray[np.float32]:
    """(nodes, 2) in 0..1: where the graph says, else so that neighbours are near each other.

    Fruchterman and Reingold 1991, "Graph drawing by force-directed placement", 60 rounds; more than 600 nodes lie on
    a circle.

    Args:
        edges: (2, edges)
        nodes: How many.
        given: Positions (nodes, 2 or more) that the graph itself has.
    """
    if isinstance(given, Tensor) and given.shape[0] == nodes and given.dim() == 2 and given.size(1) > 1:  # noqa: PLR2004 - (nodes, axes)
        return _fitted(given[:, :2].detach().cpu().double().numpy())
    if not 2 < nodes <= _CROWD:  # noqa: PLR2004 - two nodes lie well as they are
        angle = 2 * np.pi * np.arange(nodes) / max(1, nodes)
        return _fitted(np.stack([np.cos(angle), np.sin(angle)], 1))
    # From a circle in the order of the nodes a regular graph would never move.
    at = np.random.default_rng(0).normal(scale=0.5, size=(nodes, 2))
    near = np.zeros((nodes, nodes), dtype=bool)
    near[edges[0].numpy(), edges[1].numpy()] = True
    near |= near.T
    ideal = nodes**-0.5
    for heat in np.linspace(0.2, 0.005, 60):
        apart = at[:, None] - at[None]
        distance = np.maximum(np.linalg.norm(apart, axis=-1), 1e-3)
        force = ideal**2 / distance**2 - near * distance / ideal
        np.fill_diagonal(force, 0.0)
        move = (apart * force[..., None]).sum(1) - 0.02 * at  # pulled lightly to the middle, for loose parts
        length = np.maximum(np.linalg.norm(move, axis=-1, keepdims=True), 1e-9)
        at = at + move / length * np.minimum(length, heat)
    return _fitted(at)


def _fitted(at: NDArray[np.float64]) -> NDArray[np.float32]:
    low, high = at.min(0), at.max(0)
    return ((at - low) / np.maximum(high - low, 1e-9)).astype(np.float32)

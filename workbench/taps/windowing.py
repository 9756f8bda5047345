"""Windows of a picture in which the attention that is running looks: those of Swin, and the mask units of Hiera.

They are read off the frames that are running, as ``workbench.taps.layouts`` says.
"""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from workbench.taps.kernels import unseen
from workbench.taps.layouts import Tiles, Windows, frames


def windows() -> Windows | None:
    """The windows of the layer that is running, if it has some."""
    for frame in frames("forward", "input_dimensions"):
        names = frame.f_locals
        layer, (height, width) = names["self"], names["input_dimensions"]
        size, shift = getattr(layer, "window_size", None), getattr(layer, "shift_size", None)
        if isinstance(size, int | Tensor) and isinstance(shift, int | Tensor):
            tiles = partition(int(height), int(width), int(size), int(shift))
            return Windows(tiles, tiles)
    return _mask_units()


def partition(height: int, width: int, size: int, shift: int) -> Tiles:
    """Windows of one size over a picture that is padded to a multiple of it and rolled."""
    grid = torch.arange(height * width).view(height, width)
    grid = F.pad(grid, (0, -width % size, 0, -height % size), value=-1).roll((-shift, -shift), (0, 1))
    rows, columns = grid.shape
    tiles = grid.view(rows // size, size, columns // size, size).transpose(1, 2)
    return Tiles(tiles.reshape(-1, size * size), height, width)


def _mask_units() -> Windows | None:
    """The mask units of Hiera, whose tokens are in an order of their own until all pooling is done.

    None where some units are left out of the forward, as in pretraining: the rest is no picture.
    """
    inner = next((f.f_locals for f in frames("forward", "tokens_per_window") if "num_windows" in f.f_locals), None)
    outer = next((f.f_locals for f in frames("forward", "stage_module") if "stage_module" in f.f_locals), None)
    if inner is None or outer is None:
        return None
    encoder, stage, tokens = outer["self"], outer["i"], inner["seq_len"]
    pooled = inner["self"].query_stride
    before = stage - 1 if pooled > 1 else stage
    found = [_unrolled(encoder, at, tokens // by) for at, by in ((stage, pooled), (before, 1))]
    queries, keys = found
    if queries is None or keys is None:
        return None
    return Windows(*(_dealt(one, inner["num_windows"]) for one in (queries, keys)))


def _unrolled(encoder: Any, stage: int, tokens: int) -> Tiles | None:
    """Where each token of a stage of Hiera lies, in the order in which the stage holds them."""
    size = encoder.schedule[stage][1]
    if len(size) != 2 or math.prod(size) != tokens:  # noqa: PLR2004 - (rows, columns)
        return None
    with unseen():
        held = encoder.reroll(torch.arange(tokens).view(1, tokens, 1), stage_idx=stage).flatten()
        return Tiles(held.argsort()[None], *size)


def _dealt(tiles: Tiles, windows: int) -> Tiles:
    """Tokens dealt to windows one by one: the first of each, the second of each, ..."""
    return Tiles(tiles.places.view(-1, windows).T, tiles.height, tiles.width)

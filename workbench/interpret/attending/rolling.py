"""Rollout over maps that need not be plain squares: in windows that shift, in bands, on pictures that shrink.

Abnar and Zuidema 2020, arXiv:2005.00928, equation 1, one layer after another. Departures, for what the paper does not
have: where a picture shrinks between two layers or in one (patch merging in Swin, pooled queries in Hiera), a token is
taken for the mean of those it was made of; a last layer with a single query has no residual connection.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from workbench.core.errors import DataError
from workbench.taps.layouts import Tiles, Windows

if TYPE_CHECKING:
    from workbench.interpret.attending.attention_map import AttentionMap

MOST_BYTES = 1 << 30
"""that the two or three matrices may hold which are needed at a time"""


def rolled(maps: "Sequence[AttentionMap]") -> Tensor:
    """How much of each token of the first layer is in each token of the last.

    Args:
        maps: Layers of attention within one sequence or picture, the first first.

    Returns:
        (batch, queries of the last, keys of the first) in single precision; rows add up to one.

    Raises:
        DataError: They do not follow on each other, or the input is too long.
    """
    batch, keys = maps[0].shape[0], maps[0].shape[-1]
    needed = 4 * keys * keys * (batch + 2)
    if needed > MOST_BYTES:
        raise DataError(
            f"Rollout of {batch} examples of {keys:,} positions would take {needed / 1e9:.1f} GB, of at most "
            f"{MOST_BYTES / 1e9:.1f}: give a shorter input, or begin at a later layer."
        )
    return torch.stack([of_example(maps, example) for example in range(batch)])


def of_example(maps: "Sequence[AttentionMap]", example: int) -> Tensor:
    """The same of one example: (queries of the last, keys of the first)."""
    result = _step(maps[0].mean(), example, torch.eye(maps[0].shape[-1]), first=True)
    for before, one in pairwise(maps):
        result = _step(one.mean(), example, _carried(result, before, one), first=False)
    return result


def _step(one: "AttentionMap", example: int, result: Tensor, *, first: bool) -> Tensor:
    """What a layer makes of (keys, tokens): (queries, tokens)."""
    if isinstance(one.layout, Windows):
        looked = _in_windows(one.layout, one.layout.tiles(one.stored, example)[:, 0], result)
        kept = _shrunk(result, one.layout.keys, one.layout.queries)
    else:
        weights = one.head(example, 0).float()
        looked = weights if first else weights @ result
        kept = None if one.kind == "pooled" else result
    mixed = looked if kept is None else 0.5 * looked + 0.5 * kept
    return mixed / mixed.sum(-1, keepdim=True)


def _in_windows(layout: Windows, tiles: Tensor, result: Tensor) -> Tensor:
    """(windows, queries, keys) weights times (keys, tokens), window by window, so that no square is laid out."""
    asking, looked = layout.queries.places, layout.keys.places
    mixed = result.new_zeros(layout.queries.tokens, result.size(1))
    for weights, to, source in zip(tiles.float(), asking, looked, strict=True):
        inside, known = to >= 0, source >= 0
        mixed[to[inside]] = weights[inside][:, known] @ result[source[known]]
    return mixed


def _carried(result: Tensor, before: "AttentionMap", after: "AttentionMap") -> Tensor:
    """The tokens that one layer gives out as those that the next one takes."""
    if isinstance(before.layout, Windows) and isinstance(after.layout, Windows):
        return _shrunk(result, before.layout.queries, after.layout.keys)
    if len(result) == after.shape[-1]:
        return result
    raise DataError(
        f"{before.name} gives out {len(result):,} positions and {after.name} takes {after.shape[-1]:,}, and nothing "
        "says which comes from which: name layers of one size."
    )


def _shrunk(result: Tensor, fine: Tiles, coarse: Tiles) -> Tensor:
    """Rows of a picture's tokens as those of the same picture or of one half as wide and high, padded if odd."""
    size, halved = (fine.height, fine.width), tuple(-(-side // 2) for side in (fine.height, fine.width))
    wanted = (coarse.height, coarse.width)
    if wanted == size:
        return result
    if wanted != halved:
        raise DataError(
            f"A picture of {size[0]}x{size[1]} tokens is followed by one of {wanted[0]}x{wanted[1]}, not by one of "
            "half its sides, so nothing says which token comes from which: name layers of one stage."
        )
    picture = result.T.reshape(1, -1, *size)
    return F.avg_pool2d(picture, 2, ceil_mode=True).flatten(2)[0].T

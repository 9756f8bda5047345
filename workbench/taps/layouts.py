"""Layouts: attention that is computed in windows, bands or at points, put back among the tokens it is about.

A layout knows where each stored weight belongs. It is read off the frames of the functions that are running when the
attention is recorded (transformers keeps these things in local variables), so a library that changes its names gives
attention as it was computed, without a layout.
"""

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from types import FrameType
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True, slots=True, eq=False)
class Tiles:
    """The tokens of a picture, cut into windows."""

    places: Tensor
    """(windows, positions in a window): the token at each, counted along the rows of the picture; -1 for padding"""
    height: int
    """rows of tokens"""
    width: int
    """tokens in a row"""

    @property
    def tokens(self) -> int:
        """How many tokens there are."""
        return self.height * self.width


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """Attention inside the windows of a picture (Liu et al. 2021, arXiv:2103.14030), stored (batch * windows, ...)."""

    queries: Tiles
    """what asks; fewer tokens than ``keys`` where queries are pooled (Ryali et al. 2023, arXiv:2306.00989)"""
    keys: Tiles
    """what is looked at, in as many windows"""

    def head(self, stored: Tensor, example: int, head: int) -> Tensor:
        """(queries, keys) of one head of one example, from (batch * windows, heads, positions, positions)."""
        tiles = self.tiles(stored, example)[:, head]
        query, key = self.queries.places[:, :, None], self.keys.places[:, None, :]
        inside = (query >= 0) & (key >= 0)
        dense = stored.new_zeros(self.queries.tokens * self.keys.tokens)
        dense[(query * self.keys.tokens + key)[inside]] = tiles[inside]
        return dense.view(self.queries.tokens, self.keys.tokens)

    def tiles(self, stored: Tensor, example: int) -> Tensor:
        """(windows, heads, positions, positions) of one example."""
        count = len(self.keys.places)
        return stored[example * count : (example + 1) * count]

    def shape(self, stored: Tensor) -> tuple[int, int, int, int]:
        """(batch, heads, queries, keys)."""
        return len(stored) // len(self.keys.places), stored.size(1), self.queries.tokens, self.keys.tokens


@dataclass(frozen=True, slots=True, eq=False)
class Band:
    """Attention to near tokens and a few global ones (Beltagy et al. 2020, arXiv:2004.05150)."""

    reach: int
    """tokens seen on either side; the last 2 * reach + 1 columns"""
    keys: Tensor | None = None
    """(batch, columns): which token each of the first columns is; -1 for none"""
    rows: Tensor | None = None
    """(batch, heads, global tokens, keys): what global tokens attend to"""

    def head(self, stored: Tensor, example: int, head: int) -> Tensor:
        """(queries, keys) of one head of one example, from (batch, heads, queries, columns)."""
        band = stored[example, head]
        count, extra = len(band), 0 if self.keys is None else self.keys.size(1)
        place = torch.arange(count)[:, None] + torch.arange(-self.reach, self.reach + 1)
        if self.keys is not None:
            place = torch.cat([self.keys[example].expand(count, extra), place], 1)
        inside = (place >= 0) & (place < count)
        dense = band.new_zeros(count, count).scatter_add_(1, place.clamp(0, count - 1), band * inside)
        if self.rows is not None and self.keys is not None:
            known = self.keys[example] >= 0
            dense[self.keys[example][known]] = self.rows[example, head][known]
        return dense

    def shape(self, stored: Tensor) -> tuple[int, int, int, int]:
        """(batch, heads, queries, keys)."""
        return stored.size(0), stored.size(1), stored.size(2), stored.size(2)


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """Attention to values sampled at points (Zhu et al. 2021, arXiv:2010.04159), stored (..., queries, points)."""

    places: Tensor
    """(batch * heads, queries, points, 2): x and y as shares of the picture, from the left and the top"""
    levels: Tensor
    """(points,): which of the pyramid's pictures each is in"""

    @classmethod
    def of(cls, grids: tuple[Tensor, ...]) -> "Points":
        """The points of ``grid_sample``, level by level.

        Args:
            grids: (batch * heads, queries, points of the level, 2), in [-1, 1].
        """
        counts = [grid.size(-2) for grid in grids]
        places = (torch.cat([grid.detach().float() for grid in grids], -2) + 1) / 2
        return cls(places.cpu(), torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts)))


Layout = Windows | Band | Points


@dataclass(frozen=True, slots=True, eq=False)
class Banded:
    """A piece of attention in a band: the band itself, what global tokens attend to, or what repeats one of them."""

    weights: Tensor | None = None
    """(batch, heads, queries, columns), for the band"""
    layout: Band | None = None
    rows: Tensor | None = None
    """(batch, heads, global tokens, keys)"""
    values: Tensor | None = None
    """(batch, heads, keys, width), of the band or of the rows"""
    heads: int = 0
    """the axis of heads in the product, merged with the batch where it is the first"""


def banded(weights: Tensor, values: Tensor) -> Banded | None:
    """What a product of Longformer's or LED's attention is, if one of them is running.

    Args:
        weights: As they enter the product.
        values: What they are multiplied with.
    """
    names = frame = None
    for frame in frames("", ""):
        names = frame.f_code.co_name
        if names in _PIECES:
            break
    if frame is None or names not in _PIECES:
        return None
    if names == "_compute_attn_output_with_global_indices":
        return Banded(heads=1)  # the columns of global tokens, which the band brings along
    if names == "_compute_global_attn_output_from_hidden":
        owner, count = frame.f_locals["self"], frame.f_locals["max_num_global_attn_indices"]
        rows = weights.detach().reshape(-1, owner.num_heads, count, weights.size(-1)).float().cpu()
        return Banded(rows=rows, values=values.detach().reshape(*rows.shape[:2], -1, values.size(-1)).float().cpu())
    outer = next(frames("forward", "attn_probs"), None)
    if outer is None:
        return None
    names = outer.f_locals
    keys = None
    if names.get("is_global_attn"):
        keys = torch.full((len(names["attn_probs"]), int(names["max_num_global_attn_indices"])), -1)
        places = names["is_index_global_attn_nonzero"]
        keys[tuple(i.cpu() for i in names["is_local_index_global_attn_nonzero"])] = places[1].cpu()
    reach = int(names["self"].one_sided_attn_window_size)
    whole = names["value_vectors"].detach().transpose(1, 2).float().cpu()
    return Banded(weights=names["attn_probs"].transpose(1, 2), layout=Band(reach, keys), values=whole)


_PIECES = (
    "_sliding_chunks_matmul_attn_probs_value",
    "_compute_attn_output_with_global_indices",
    "_compute_global_attn_output_from_hidden",
)


def frames(function: str, variable: str, *, depth: int = 60) -> Iterator[FrameType]:
    """Frames above the caller, innermost first, of a function that has a local variable of this name."""
    frame = inspect.currentframe()
    while frame is not None and depth:
        code = frame.f_code
        if function in ("", code.co_name) and (not variable or variable in code.co_varnames):
            yield frame
        frame, depth = frame.f_back, depth - 1


_OTHERS = ("key_value_states", "encoder_hidden_states", "cross_attention_states", "context")
"""How forwards call what is asked, where it is not what asks."""


def crosses(module: Any) -> bool | None:
    """Whether the attention module that is running looks at another sequence than it asks for; None: cannot be said."""
    for frame in frames("forward", "self"):
        names = frame.f_locals
        if names.get("self") is not module:
            continue
        if isinstance(module, nn.MultiheadAttention):
            return names["key"] is not names["query"]
        said = names.get("is_cross_attention")
        if isinstance(said, bool):
            return said
        other = next((names[name] for name in _OTHERS if isinstance(names.get(name), Tensor)), None)
        asking = names.get("hidden_states")
        return None if other is None else other is not asking
    return None

"""References: what an input is compared with. Not zero: models that normalise first jump there at any step count."""

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workbench.core import seeds
from workbench.core.errors import DataError
from workbench.interpret.attributions._leaves import Leaf

Reference = Tensor | float | Mapping[str, Any] | None
"""A tensor or a number to compare with; a token id for token inputs; by input name where there are several."""

_SPECIAL = ("mask_token_id", "pad_token_id", "eos_token_id", "bos_token_id", "unk_token_id")
_SMALLEST_BLUR = 8


def reference_for(model: nn.Module, leaf: Leaf, given: Reference = None, *, nodes: bool = False) -> tuple[Tensor, str]:
    """A reference of the leaf's shape, and what it is in words.

    Args:
        model: The model, whose config may name a mask or padding token.
        leaf: What is explained.
        given: What a person asked for.
        nodes: Whether the rows of the leaf are the nodes of a graph, not examples.

    Raises:
        DataError: What was given does not fit the leaf.
    """
    mine: Tensor | float | None = given.get(leaf.name) if isinstance(given, Mapping) else given
    with torch.no_grad():
        if mine is not None:
            return _given(leaf, mine)
        if leaf.embedding is not None:
            return _token(model, leaf.embedding, leaf)
        return _numbers(leaf.value, "nodes" if nodes else "examples")


def _given(leaf: Leaf, given: Tensor | float) -> tuple[Tensor, str]:
    if leaf.embedding is not None and leaf.ids is not None:
        ids = torch.as_tensor(given, device=leaf.ids.device)
        if ids.is_floating_point():
            raise DataError(f"The reference of {leaf.name!r} must be token ids (integers), not {ids.dtype}.")
        return _embedded(leaf.embedding, _fitted(ids, leaf.ids, leaf.name)), "the tokens that were given"
    value = torch.as_tensor(given, dtype=leaf.value.dtype, device=leaf.value.device)
    words = f"the constant {float(value):g}" if value.numel() == 1 else "the reference that was given"
    return _fitted(value, leaf.value, leaf.name), words


def _fitted(value: Tensor, wanted: Tensor, name: str) -> Tensor:
    try:
        return value.expand(wanted.shape).contiguous()
    except RuntimeError:
        raise DataError(
            f"The reference of {name!r} has shape {tuple(value.shape)}, which cannot be spread over "
            f"{tuple(wanted.shape)}."
        ) from None


def _embedded(embedding: nn.Module, ids: Tensor) -> Tensor:
    return embedding(ids).detach()


def _token(model: nn.Module, embedding: nn.Module, leaf: Leaf) -> tuple[Tensor, str]:
    """The model's own mask, padding or end token; else the most ordinary token of the table."""
    if leaf.ids is None:
        raise AssertionError
    table: Any = embedding.weight
    lengths = table.norm(dim=1)
    ordinary = lengths.median() / 10  # a padding row of zeros would bring back the jump
    config = getattr(model, "config", None)
    for name in _SPECIAL:
        index = getattr(config, name, None)
        if isinstance(index, int) and 0 <= index < len(table) and lengths[index] > ordinary:
            words = f"token {index} ({name.removesuffix('_id').replace('_', ' ')}) everywhere"
            return _embedded(embedding, torch.full_like(leaf.ids, index)), words
    distance = (table - table.mean(0)).norm(dim=1).masked_fill(lengths <= ordinary, torch.inf)
    index = int(distance.argmin())
    return _embedded(embedding, torch.full_like(leaf.ids, index)), f"token {index} (nearest to the mean) everywhere"


def _numbers(value: Tensor, rows: str) -> tuple[Tensor, str]:
    if value.dim() == 4 and min(value.shape[-2:]) >= _SMALLEST_BLUR:  # noqa: PLR2004 - pictures
        return _blurred(value), "the same picture, blurred"
    mean = value.mean(0, keepdim=True).expand_as(value).contiguous()
    if len(value) > 1 and not torch.allclose(mean, value):
        return mean, f"the mean of the {len(value)} {rows}"
    noise = torch.randn(value.shape, generator=seeds.generator(0)).to(value)
    return value.mean() + noise * value.std(correction=0), "noise with the input's mean and spread"


def _blurred(value: Tensor) -> Tensor:
    """A Gaussian blur whose width is an eighth of the shorter side."""
    sigma = min(value.shape[-2:]) / 8
    reach = int(2 * sigma)
    offsets = torch.arange(-reach, reach + 1, dtype=value.dtype, device=value.device)
    kernel = torch.exp(-(offsets**2) / (2 * sigma**2))
    kernel = (kernel / kernel.sum()).expand(value.size(1), 1, -1)
    padded = F.pad(value, (reach,) * 4, mode="replicate")
    rows = F.conv2d(padded, kernel[..., None], groups=value.size(1))
    return F.conv2d(rows, kernel[..., None, :], groups=value.size(1))

"""The weights that attention kernels use and do not return, recomputed beside them in single precision."""

import inspect
import math
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor


def attention_weights(
    query: Tensor,
    key: Tensor,
    mask: Tensor | None = None,
    *,
    causal: bool = False,
    scale: float | None = None,
    softcap: float | None = None,
    sinks: Tensor | None = None,
) -> Tensor:
    """softmax(q k^T / sqrt(d) + mask): Vaswani et al. 2017, arXiv:1706.03762, equation 1, without the values.

    Args:
        query: (..., heads, queries, d).
        key: (..., key heads, keys, d); the heads must be a multiple of the key heads (grouped queries).
        mask: Broadcastable to (..., heads, queries, keys): booleans where True takes part, or numbers to add.
        causal: Whether query i sees keys 0 to i only.
        scale: Instead of 1/sqrt(d).
        softcap: c in c·tanh(scores/c).
        sinks: (heads,) scores of a key without a value.

    Returns:
        (..., heads, queries, keys) in float32; a row in which everything is masked is zero, one with scores that are
        not numbers is not a number.
    """
    key = repeated(key, query)
    scores = (query.float() * (query.size(-1) ** -0.5 if scale is None else scale)) @ key.float().transpose(-1, -2)
    if softcap:
        scores = torch.tanh(scores / softcap) * softcap
    if causal:
        future = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).triu(1)
        scores = scores.masked_fill(future, -math.inf)
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf) if mask.dtype == torch.bool else scores + mask
    if sinks is not None:
        sink = sinks.float().reshape(1, -1, 1, 1).expand(*scores.shape[:-1], 1)
        return torch.cat([scores, sink], -1).softmax(-1)[..., :-1]
    weights = scores.softmax(-1)
    if weights.numel() and bool(weights[..., 0].isnan().any()):
        weights = weights.masked_fill(scores.amax(-1, keepdim=True) == -math.inf, 0.0)
    return weights


def repeated(key: Tensor, query: Tensor) -> Tensor:
    """Keys or values (..., key heads, keys, d) repeated to the query's heads, where queries are grouped."""
    heads, keys = (one.size(-3) if one.dim() > 2 else 1 for one in (query, key))  # noqa: PLR2004 - no axis of heads
    return key.repeat_interleave(heads // keys, -3) if 1 < keys < heads else key


def product_error(weights: Tensor, values: Tensor, product: Tensor) -> float | None:
    """The largest error of weights @ values against a layer's own product, over the product's largest value.

    None where the shapes say that this is another layout.
    """
    mine = weights.float() @ repeated(values, weights).float()
    return relative_error(mine, product)


def relative_error(mine: Tensor, product: Tensor) -> float | None:
    """The largest difference over the product's largest value; None for other shapes."""
    if mine.shape != product.shape:
        return None
    largest = float(product.abs().max()) if product.numel() else 0.0
    return float((mine - product.float()).abs().max()) / largest if largest else 0.0


def unseen() -> AbstractContextManager[None]:
    """A block whose torch calls no function mode sees: what one tap computes is nothing for another to record."""
    return torch._C.DisableTorchFunction()  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - torch offers no public name


def packed_attention(
    function: Callable[..., tuple[Tensor, Tensor | None]], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> tuple[tuple[Tensor, Tensor | None], Tensor, float | None]:
    """``F.multi_head_attention_forward`` that was asked for weights, with those of each head.

    Returns:
        Its own output, (batch, heads, queries, keys) weights, and the error of weights @ values after the
        output projection (None for the rare variants with extra keys).
    """
    given = inspect.signature(function).bind(*args, **kwargs)
    given.apply_defaults()
    asked = given.arguments
    averaged = asked["average_attn_weights"]
    asked["average_attn_weights"] = False
    output, weights = function(*given.args, **given.kwargs)
    if weights is None:  # cannot be: they were asked for
        raise AssertionError
    own = (output, weights.mean(dim=-3) if averaged else weights)
    with torch.no_grad(), unseen():
        return own, weights, _projected_error(asked, weights, output)


def _projected_error(asked: Mapping[str, Any], weights: Tensor, output: Tensor) -> float | None:
    value = asked["value"]
    extra = [asked[name] is not None for name in ("bias_k", "bias_v", "static_k", "static_v")]
    if value.dim() != 3 or any(extra) or asked["add_zero_attn"] or (asked["training"] and asked["dropout_p"]):  # noqa: PLR2004 - (keys, batch, width)
        return None
    bias = asked["in_proj_bias"]
    separate = asked["use_separate_proj_weight"]
    projection = asked["v_proj_weight"] if separate else asked["in_proj_weight"].chunk(3)[2]
    values = F.linear(value, projection, None if bias is None else bias.chunk(3)[2])
    keys, batch, width = values.shape
    heads = asked["num_heads"]
    values = values.view(keys, batch, heads, width // heads).permute(1, 2, 0, 3)
    mixed = (weights.to(values.dtype) @ values).permute(2, 0, 1, 3).flatten(2)
    return relative_error(F.linear(mixed, asked["out_proj_weight"], asked["out_proj_bias"]), output)

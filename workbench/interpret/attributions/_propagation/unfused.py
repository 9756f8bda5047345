"""What torch computes in one call, written out in functions that rules know."""

import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from workbench.interpret.attributions._method import Refused
from workbench.interpret.attributions._propagation.recurrent import gru, gru_cell, lstm, lstm_cell, rnn, rnn_cell

_MHA = inspect.signature(F.multi_head_attention_forward)


def attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,  # noqa: FBT001, FBT002 - torch's own signature
    scale: float | None = None,
    enable_gqa: bool = False,  # noqa: FBT001, FBT002 - as above
) -> Tensor:
    """``F.scaled_dot_product_attention`` of a model in evaluation mode."""
    del dropout_p
    return _mixed(query, key, value, attn_mask, causal=is_causal, scale=scale, grouped=enable_gqa)[0]


def _mixed(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None,
    *,
    causal: bool = False,
    scale: float | None = None,
    grouped: bool = False,
) -> tuple[Tensor, Tensor]:
    if grouped:
        key = key.repeat_interleave(query.size(-3) // key.size(-3), -3)
        value = value.repeat_interleave(query.size(-3) // value.size(-3), -3)
    scores = torch.matmul(query * (1 / math.sqrt(query.size(-1)) if scale is None else scale), key.transpose(-1, -2))
    if causal:
        mask = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).tril()
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf) if mask.dtype == torch.bool else scores + mask
    weights = torch.softmax(scores, -1)
    nowhere = (scores == -math.inf).all(-1, keepdim=True)  # such a query gets nothing, not a number
    weights = weights.masked_fill(nowhere, 0.0) if bool(nowhere.any()) else weights
    return torch.matmul(weights, value), weights


def multi_head(*args: Any, **kwargs: Any) -> tuple[Tensor, Tensor | None]:
    """``F.multi_head_attention_forward`` of a model in evaluation mode."""
    bound = _MHA.bind(*args, **kwargs)
    bound.apply_defaults()
    given: Mapping[str, Any] = bound.arguments
    if given["add_zero_attn"] or any(given[name] is not None for name in ("bias_k", "bias_v", "static_k", "static_v")):
        raise Refused("its attention has extra keys, for which there is no rule.")
    query, key, value = (t if t.dim() == 3 else t.unsqueeze(1) for t in (given["query"], given["key"], given["value"]))  # noqa: PLR2004 - (positions, batch, width)
    heads = given["num_heads"]
    projected = [
        F.linear(t, w, b).unflatten(-1, (heads, -1)).permute(1, 2, 0, 3)
        for t, w, b in zip((query, key, value), *_projections(given), strict=True)
    ]
    mixed, weights = _mixed(projected[0], projected[1], projected[2], _mask(given, query.size(1), heads))
    output = F.linear(mixed.permute(2, 0, 1, 3).flatten(2), given["out_proj_weight"], given["out_proj_bias"])
    shown = weights.mean(1) if given["average_attn_weights"] else weights
    if given["query"].dim() == 2:  # noqa: PLR2004 - (positions, width)
        output, shown = output.squeeze(1), shown.squeeze(0)
    return output, shown if given["need_weights"] else None


def _projections(given: Mapping[str, Any]) -> tuple[tuple[Tensor, ...], tuple[Tensor | None, ...]]:
    separate = [given[f"{name}_proj_weight"] for name in "qkv"]
    weights = tuple(separate) if given["use_separate_proj_weight"] else given["in_proj_weight"].chunk(3)
    biases = (None,) * 3 if given["in_proj_bias"] is None else given["in_proj_bias"].chunk(3)
    return weights, biases


def _mask(given: Mapping[str, Any], examples: int, heads: int) -> Tensor | None:
    """Both masks of ``nn.MultiheadAttention``, where True is left out, as numbers to add."""
    found: Tensor | None = None
    mask, padding = given["attn_mask"], given["key_padding_mask"]
    if mask is not None:
        found = _added(mask, given["query"])
        found = found.unflatten(0, (examples, heads)) if found.dim() == 3 else found  # noqa: PLR2004 - one for each head
    if padding is not None:
        hidden = _added(padding, given["query"]).reshape(examples, 1, 1, -1)
        found = hidden if found is None else found + hidden
    return found


def _added(mask: Tensor, like: Tensor) -> Tensor:
    if mask.dtype != torch.bool:
        return mask
    return torch.zeros(mask.shape, dtype=like.dtype, device=mask.device).masked_fill(mask, -math.inf)


def layer_norm(
    x: Tensor, normalized_shape: Any, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5
) -> Tensor:
    """``F.layer_norm``."""
    return _scaled(_standardised(x, tuple(range(-len(tuple(normalized_shape)), 0)), eps), weight, bias)


def rms_norm(x: Tensor, normalized_shape: Any, weight: Tensor | None = None, eps: float | None = None) -> Tensor:
    """``F.rms_norm``."""
    axes = tuple(range(-len(tuple(normalized_shape)), 0))
    small = torch.finfo(x.dtype).eps if eps is None else eps
    return _scaled(x * torch.rsqrt(torch.square(x).mean(axes, keepdim=True) + small), weight, None)


def group_norm(
    x: Tensor, num_groups: int, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5
) -> Tensor:
    """``F.group_norm``."""
    groups = x.unflatten(1, (num_groups, -1))
    found = _standardised(groups, tuple(range(2, groups.dim())), eps).reshape(x.shape)
    return _scaled(found, _channels(weight, x), _channels(bias, x))


def instance_norm(
    x: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,  # noqa: FBT001, FBT002 - torch's own signature
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """``F.instance_norm``."""
    del momentum
    if not use_input_stats and running_mean is not None and running_var is not None:
        return F.batch_norm(x, running_mean, running_var, weight, bias, training=False, eps=eps)
    found = _standardised(x, tuple(range(2, x.dim())), eps)
    return _scaled(found, _channels(weight, x), _channels(bias, x))


def normalize(x: Tensor, p: float = 2.0, dim: Any = 1, eps: float = 1e-12, out: None = None) -> Tensor:
    """``F.normalize`` by the Euclidean length."""
    del out
    if p != 2.0:  # noqa: PLR2004 - the Euclidean length
        return F.normalize(x, p, dim, eps)
    return x * torch.rsqrt(torch.clamp(torch.square(x).sum(dim, keepdim=True), min=eps**2))


def glu(x: Tensor, dim: int = -1) -> Tensor:
    """``F.glu``."""
    signal, gate = x.chunk(2, dim)
    return signal * torch.sigmoid(gate)


def added_product(bias: Tensor, a: Tensor, b: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """``torch.addmm`` and ``torch.baddbmm``."""
    product = torch.matmul(a, b)
    return (bias if beta == 1 else bias * beta) + (product if alpha == 1 else product * alpha)


def _standardised(x: Tensor, axes: tuple[int, ...], eps: float) -> Tensor:
    centred = x - x.mean(axes, keepdim=True)
    return centred * torch.rsqrt(torch.square(centred).mean(axes, keepdim=True) + eps)


def _scaled(x: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    x = x if weight is None else x * weight
    return x if bias is None else x + bias


def _channels(weight: Tensor | None, x: Tensor) -> Tensor | None:
    return None if weight is None else weight.reshape(1, -1, *(1,) * (x.dim() - 2))


WRITTEN: Mapping[str, Callable[..., Any]] = {
    "scaled_dot_product_attention": attention,
    "multi_head_attention_forward": multi_head,
    "layer_norm": layer_norm,
    "rms_norm": rms_norm,
    "group_norm": group_norm,
    "instance_norm": instance_norm,
    "normalize": normalize,
    "glu": glu,
    "addmm": added_product,
    "baddbmm": added_product,
    "lstm": lstm,
    "gru": gru,
    "rnn_tanh": rnn(torch.tanh),
    "rnn_relu": rnn(torch.relu),
    "lstm_cell": lstm_cell,
    "gru_cell": gru_cell,
    "rnn_tanh_cell": rnn_cell(torch.tanh),
    "rnn_relu_cell": rnn_cell(torch.relu),
}

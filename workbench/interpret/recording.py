"""attention: records what every attention of a live model looked at, and labels it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from workbench.core.calling import Call, call
from workbench.core.live import evaluating, look
from workbench.interpret._labels import positions, tokens
from workbench.interpret.attention_maps import AttentionMap, AttentionMaps
from workbench.interpret.batches import as_batch
from workbench.taps import AttentionRecord, AttentionTap

MAX_BYTES = 1 << 28

Labels = tuple[tuple[str, ...], ...]

_CROSS = ("encdec", "encoder_attn", "cross", "multihead_attn")
"""How libraries call the attention of a decoder to its encoder."""


def attention(
    model: nn.Module,
    batch: Any,
    *,
    modules: Sequence[str] | None = None,
    max_bytes: int = MAX_BYTES,
    call: Call | None = None,
    processor: Any = None,
) -> AttentionMaps:
    """The attention weights of every attention that one forward computes, in evaluation mode.

    The weights are recomputed beside the model's own kernels (Vaswani et al. 2017, arXiv:1706.03762, equation 1),
    which give the output; the model is never switched to another implementation.

    Args:
        model: Any module: transformers on any attention implementation, ``torch.nn``, written out by hand, PyG.
        batch: What the model is called with.
        modules: Paths of the modules to look into, with their submodules; None for all.
        max_bytes: How much the weights may hold; what does not fit is named in ``.left_out``.
        call: How the model is called, where that is not the ordinary way.
        processor: A tokenizer, or a processor that has one, that writes the labels.

    Returns:
        The maps in the order in which they were computed; empty, with a ``.reason``, where there is no attention.

    Raises:
        AddressError: A path in ``modules`` names nothing in this model.
    """
    tap = AttentionTap(model, modules=modules, max_bytes=max_bytes)
    with look(), evaluating(model), torch.no_grad(), tap:
        _forward(model, batch, call)
    return collected(tap, model, batch, processor)


def collected(tap: AttentionTap, model: nn.Module, inputs: Any, processor: Any = None) -> AttentionMaps:
    """What a tap recorded during one forward, with labels.

    Args:
        tap: After the forward.
        model: The model that was called.
        inputs: What it was called with.
        processor: A tokenizer, or a processor that has one.
    """
    given, examples = as_batch(inputs), len(as_batch(inputs))
    texts = _Texts(
        tuple(tuple(row) for row in tokens(processor, given)),
        tuple(tuple(row) for row in tokens(processor, given, decoder=True)),
    )
    kept = [(record, record.weights) for record in tap.records if record.weights is not None]
    maps = tuple(_labelled(record, weights, texts, examples) for record, weights in kept)
    left_out = tuple(_name(record) for record in tap.records if record.weights is None)
    reason = "" if maps else _reason(model, left_out, tap.max_bytes)
    return AttentionMaps(maps=maps, left_out=left_out, reason=reason, inputs=inputs)


def _forward(model: nn.Module, batch: Any, how: Call | None) -> None:
    call(model, batch, call=how)


def _name(record: AttentionRecord) -> str:
    return f"{record.module}@{record.call}" if record.call else record.module


@dataclass(frozen=True, slots=True)
class _Texts:
    """Tokens of the input, and of a decoder that has its own."""

    given: Labels
    decoder: Labels

    def of(self, module: str, weights: Tensor) -> tuple[Labels, Labels]:
        """Labels of the queries and of the keys of an attention in this module."""
        batch, _, queries, keys = weights.shape
        decodes = bool(self.decoder) and "decoder" in module.lower()
        crosses = decodes and any(word in module.lower() for word in _CROSS)
        asking = self.decoder if decodes else self.given
        asked = self.given if crosses else asking
        return _fitting(asking, batch, queries), _fitting(asked, batch, keys)


def _fitting(texts: Labels, batch: int, count: int) -> Labels:
    if len(texts) == batch and all(len(row) == count for row in texts):
        return texts
    return (positions(count),) * batch


def _labelled(record: AttentionRecord, weights: Tensor, texts: _Texts, examples: int) -> AttentionMap:
    if record.edges is not None:
        queries = keys = (positions(record.nodes),)
    else:
        weights = _four_axes(weights, examples)
        queries, keys = texts.of(record.module, weights)
    return AttentionMap(
        module=record.module,
        call=record.call,
        kind=record.kind,
        weights=weights,
        queries=queries,
        keys=keys,
        error=record.error,
        edges=record.edges,
    )


def _four_axes(weights: Tensor, examples: int) -> Tensor:
    """Weights of any leading axes as (batch, heads, queries, keys)."""
    queries, keys = weights.shape[-2:]
    if weights.dim() == 4:  # noqa: PLR2004 - as it is
        return weights
    if weights.dim() > 4:  # noqa: PLR2004 - more axes of heads or windows
        return weights.reshape(weights.size(0), -1, queries, keys)
    rows = weights.reshape(-1, queries, keys)
    # (batch * heads, queries, keys) is how bmm is used; without heads the two are the same.
    return rows.view(examples, -1, queries, keys) if examples and len(rows) % examples == 0 else rows[:, None]


def _reason(model: nn.Module, left_out: tuple[str, ...], max_bytes: int) -> str:
    if left_out:
        return (
            f"None of the {len(left_out)} attention calls fitted under max_bytes={max_bytes:,}: "
            f"name one, such as modules=[{left_out[0]!r}], give shorter inputs, or raise the cap."
        )
    classes = sorted({type(module).__name__ for module in model.modules()} - {type(model).__name__})
    return (
        f"No attention was computed by {type(model).__name__}: this forward called no scaled_dot_product_attention, "
        "multi_head_attention_forward, softmax(...) @ values, attention function of transformers or edge softmax of PyG"
        f" (its modules are {', '.join(classes[:8]) or 'none'}{', ...' if len(classes) > 8 else ''})."  # noqa: PLR2004 - a list that reads as a sentence
    )

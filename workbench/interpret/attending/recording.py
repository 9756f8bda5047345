"""attention: records what every attention of a live model looked at, and labels it."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from workbench.core.calling import Call, call
from workbench.core.live import evaluating, look
from workbench.interpret._labels import positions
from workbench.interpret.attending.attention_map import AttentionMap
from workbench.interpret.attending.attention_maps import AttentionMaps
from workbench.interpret.attending.texts import Texts, crossing
from workbench.interpret.batches import as_batch
from workbench.taps import AttentionRecord, AttentionTap
from workbench.taps.layouts import Band, Points, Tiles, Windows

MAX_BYTES = 1 << 28


def attention(
    model: nn.Module,
    batch: Any,
    *,
    modules: Sequence[str] | None = None,
    max_bytes: int = MAX_BYTES,
    exact: bool = False,
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
        exact: Keep all weights as ``torch.float32``. Otherwise those by query and key are ``torch.float16`` where that
            moves none by more than 2^-12, half of the memory: see ``workbench.taps.precision``. Errors that
            ``.check()`` gives are those of the weights before they were rounded.
        call: How the model is called, where that is not the ordinary way.
        processor: A tokenizer, or a processor that has one, that writes the labels.

    Returns:
        The maps in the order in which they were computed; empty, with a ``.reason``, where there is no attention.

    Raises:
        AddressError: A path in ``modules`` names nothing in this model.
    """
    tap = AttentionTap(model, modules=modules, max_bytes=max_bytes, exact=exact)
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
    texts = Texts.of(processor, given, tap.ids)
    kept = [(record, record.weights) for record in tap.records if record.weights is not None]
    maps = tuple(_labelled(record, weights, texts, examples) for record, weights in kept)
    left_out = tuple(_name(record) for record in tap.records if record.weights is None)
    needed = tap.bytes + sum(record.bytes for record in tap.records if record.weights is None)
    reason = "" if maps else _reason(model, left_out, tap.max_bytes, needed)
    return AttentionMaps(maps=maps, left_out=left_out, reason=reason, inputs=inputs, needed=needed)


def _forward(model: nn.Module, batch: Any, how: Call | None) -> None:
    call(model, batch, call=how)


def _name(record: AttentionRecord) -> str:
    return f"{record.module}@{record.call}" if record.call else record.module


def _labelled(record: AttentionRecord, weights: Tensor, texts: Texts, examples: int) -> AttentionMap:
    layout = record.layout
    if record.edges is not None:
        queries = keys = (positions(record.nodes),)
    elif record.groups is not None:
        queries, keys = ((positions(count),) for count in weights.shape[-2:])
    elif isinstance(layout, Windows):
        if weights.dim() == 5:  # noqa: PLR2004 - (batch, heads, windows, positions, positions)
            weights = weights.transpose(1, 2).flatten(0, 1)
        count = layout.shape(weights)[0]
        queries, keys = ((_cells(tiles),) * count for tiles in (layout.queries, layout.keys))
    else:
        weights = weights if isinstance(layout, Band) else _four_axes(weights, examples)
        shape = layout.shape(weights) if isinstance(layout, Band) else tuple(weights.shape)
        queries, keys = texts.labels(record, shape)
    return AttentionMap(
        module=record.module,
        call=record.call,
        kind=_kind(record, weights),
        seen=record.kind,
        stored=weights,
        queries=queries,
        keys=keys,
        edges=record.edges,
        layout=layout,
        proof=record.proof,
        step=record.step,
    )


def _cells(tiles: Tiles) -> tuple[str, ...]:
    """Names of the tokens of a picture: row and column."""
    return tuple(f"{row},{column}" for row in range(tiles.height) for column in range(tiles.width))


def _kind(record: AttentionRecord, weights: Tensor) -> str:
    """What looks at what: see ``AttentionMap.kind``."""
    if record.edges is not None or record.groups is not None:
        return "edge" if record.groups is None else "pooled"
    layout = record.layout
    if isinstance(layout, Windows) and len(layout.keys.places) == 1:  # of the whole picture, in an order of its own
        return "self"
    if layout is not None:
        return {Windows: "windowed", Band: "local", Points: "deformable"}[type(layout)]
    queries, keys = weights.shape[-2:]
    named = crossing(record.module)
    if queries == 1 < keys and record.crosses is not False and not named and record.step == 0:
        return "pooled"
    if record.crosses or named:
        return "cross"
    return "local" if record.near else "self"


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


def _reason(model: nn.Module, left_out: tuple[str, ...], max_bytes: int, needed: int) -> str:
    if left_out:
        return (
            f"None of the {len(left_out)} attention calls fitted under max_bytes={max_bytes:,}: "
            f"name one, such as modules=[{left_out[0]!r}], give shorter inputs, or give max_bytes={needed:,} for all."
        )
    classes = sorted({type(module).__name__ for module in model.modules()} - {type(model).__name__})
    return (
        f"No attention was computed by {type(model).__name__}: this forward called no scaled_dot_product_attention, "
        "multi_head_attention_forward, softmax(...) @ values, softmax over sampled points, attention function of "
        "transformers or softmax over the edges or pooled nodes of PyG"
        f" (its modules are {', '.join(classes[:8]) or 'none'}{', ...' if len(classes) > 8 else ''})."  # noqa: PLR2004 - a list that reads as a sentence
    )

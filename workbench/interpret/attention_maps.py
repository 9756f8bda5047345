"""AttentionMaps: what every attention of a live model looked at, beside the model's own kernel."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from workbench.core.batch import Batch
from workbench.core.calling import Call, call
from workbench.core.entry import Paper
from workbench.core.errors import AddressError, nearest
from workbench.core.live import evaluating, look
from workbench.interpret._labels import positions, token_ids, tokens
from workbench.interpret._markup import columns, table
from workbench.taps import AttentionRecord, AttentionTap

ATTENTION = Paper(
    title="Attention Is All You Need",
    authors="Vaswani, Ashish and Shazeer, Noam and Parmar, Niki and others",
    year=2017,
    venue="NeurIPS",
    arxiv="1706.03762",
)

HEADER = ("attention", "kind", "weights", "error")


@dataclass(frozen=True, kw_only=True, eq=False)
class AttentionMap:
    """The weights of one attention call."""

    module: str
    """path of the module that computed it"""
    call: int
    """0 for the module's first attention of the forward, 1 for its second ..."""
    kind: str
    """how it was seen: "sdpa", "softmax", "mha", "transformers:sdpa" ..., or "edges" for message passing"""
    weights: Tensor
    """(batch, heads, queries, keys), on the CPU; (edges, heads) when the kind is "edges" """
    queries: tuple[tuple[str, ...], ...]
    """labels of the queries of each example; their positions where no tokens are known"""
    keys: tuple[tuple[str, ...], ...]
    """labels of the keys of each example"""
    error: float | None = None
    """of weights @ values against the layer's own product, over the product's largest value; None: not comparable"""
    edges: Tensor | None = None
    """(2, edges), source above target, when the kind is "edges" """

    @property
    def name(self) -> str:
        """``module``, with ``@n`` for a later call."""
        return f"{self.module}@{self.call}" if self.call else self.module

    def dense(self) -> Tensor:
        """The weights as (batch, heads, queries, keys), also for edges (queries are targets, keys are sources)."""
        if self.edges is None:
            return self.weights
        nodes, heads = len(self.queries[0]), self.weights.size(-1)
        source, target = self.edges
        flat = self.weights.new_zeros(heads, nodes * nodes).index_add_(1, target * nodes + source, self.weights.T)
        return flat.view(1, heads, nodes, nodes)


@dataclass(frozen=True, kw_only=True, eq=False)
class AttentionMaps(Sequence[AttentionMap]):
    """All attention of one forward, in the order in which it was computed."""

    maps: tuple[AttentionMap, ...]
    left_out: tuple[str, ...] = ()
    """names that did not fit under the byte cap"""
    reason: str = ""
    """why there is nothing to show; empty when there is something"""
    inputs: Any = None
    """the inputs of the forward"""

    def __len__(self) -> int:
        return len(self.maps)

    def __iter__(self) -> Iterator[AttentionMap]:
        return iter(self.maps)

    def __getitem__(self, key: int | str | slice) -> Any:
        if not isinstance(key, str):
            return self.maps[key]
        for one in self.maps:
            if key in (one.name, f"{one.module}@{one.call}"):
                return one
        if key in self.left_out:
            raise AddressError(
                f"The attention of {key!r} did not fit under the byte cap: name it in modules=[{key!r}]."
            )
        raise AddressError(f"There is no attention of {key!r}.{self.reason or nearest(key, self.names)}")

    @property
    def cited(self) -> tuple[Paper, ...]:
        """What to cite."""
        return (ATTENTION,)

    @property
    def names(self) -> tuple[str, ...]:
        """Names under which ``maps[name]`` answers."""
        return tuple(one.name for one in self.maps)

    def check(self) -> Mapping[str, float]:
        """The relative error of weights @ values against each layer's own product, by name, where comparable."""
        return {one.name: one.error for one in self.maps if one.error is not None}

    def tokens(self, processor: Any) -> list[list[str]]:
        """The tokens of each example, written by the tokenizer in ``processor``."""
        return tokens(processor, self.inputs)

    @property
    def doubt(self) -> str:
        """How far the maps can be trusted, in a sentence."""
        if self.reason:
            return self.reason
        errors = self.check()
        said = "No layer's own product could be compared with weights @ values."
        if errors:
            of = f"{len(errors)} of {len(self.maps)} calls"
            said = f"Weights @ values equal the layer's own product to {max(errors.values()):.1e} in {of}."
        return f"{said} Left out by the byte cap: {', '.join(self.left_out)}." if self.left_out else said

    def _rows(self) -> list[tuple[str, str, str, str]]:
        return [
            (m.name, m.kind, "x".join(map(str, m.weights.shape)), "" if m.error is None else f"{m.error:.1e}")
            for m in self.maps
        ]

    def __str__(self) -> str:
        return columns(HEADER, self._rows(), self.doubt) if self.maps else self.doubt

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return table(HEADER, self._rows(), self.doubt)


MAX_BYTES = 1 << 28


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
    texts = tuple(tuple(row) for row in tokens(processor, inputs))
    ids = token_ids(inputs)
    examples = len(ids) if ids is not None else len(inputs) if isinstance(inputs, Batch) else 0
    maps = tuple(
        _labelled(record, record.weights, texts, examples) for record in tap.records if record.weights is not None
    )
    left_out = tuple(_name(record) for record in tap.records if record.weights is None)
    reason = "" if maps else _reason(model, left_out, tap.max_bytes)
    return AttentionMaps(maps=maps, left_out=left_out, reason=reason, inputs=inputs)


def _forward(model: nn.Module, batch: Any, how: Call | None) -> None:
    call(model, batch, call=how)


def _name(record: AttentionRecord) -> str:
    return f"{record.module}@{record.call}" if record.call else record.module


def _labelled(
    record: AttentionRecord, weights: Tensor, texts: tuple[tuple[str, ...], ...], examples: int
) -> AttentionMap:
    if record.edges is not None:
        queries = keys = (positions(record.nodes),)
    else:
        weights = _four_axes(weights, examples)
        queries, keys = (_labels(texts, weights.size(0), weights.size(axis)) for axis in (2, 3))
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


def _labels(texts: tuple[tuple[str, ...], ...], batch: int, count: int) -> tuple[tuple[str, ...], ...]:
    if len(texts) == batch and all(len(row) == count for row in texts):
        return texts
    return (positions(count),) * batch


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

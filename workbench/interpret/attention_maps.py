"""AttentionMaps: what every attention of a live model looked at, beside the model's own kernel."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from workbench.core.entry import Paper
from workbench.core.errors import AddressError, nearest
from workbench.core.markup import columns, table
from workbench.interpret._labels import tokens

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

"""What heads do to the output: knocked out, or weighed by gradient x attention."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from workbench.core.calling import Call, call, scores
from workbench.core.entry import Paper
from workbench.core.errors import AddressError, DataError, nearest
from workbench.core.live import evaluating, look
from workbench.core.markup import columns, table
from workbench.interpret import targets
from workbench.interpret.batches import as_batch
from workbench.interpret.targets import Target, Wanted
from workbench.taps import AttentionRecord, AttentionTap

SIXTEEN_HEADS = Paper(
    title="Are Sixteen Heads Really Better than One?",
    authors="Michel, Paul and Levy, Omer and Neubig, Graham",
    year=2019,
    venue="NeurIPS",
    arxiv="1905.10650",
)

Head = tuple[str, int]
"""(name of a map, such as "encoder.layer.0.attention.self", and its head)"""


@dataclass(frozen=True, kw_only=True, eq=False)
class KnockOut:
    """The output with heads switched off, beside the output as it is."""

    heads: tuple[Head, ...]
    before: Tensor
    """scores of the model as it is, detached"""
    after: Tensor
    """scores with the heads switched off"""

    @property
    def change(self) -> Tensor:
        """``after - before``."""
        return self.after - self.before

    @property
    def largest(self) -> float:
        """The largest change of a score."""
        return float(self.change.abs().max()) if self.change.numel() else 0.0

    def __str__(self) -> str:
        named = ", ".join(f"{name} head {head}" for name, head in self.heads)
        return f"Without {named} scores change by up to {self.largest:.3g} (they lie within {_range(self.before)})."

    __repr__ = __str__


@dataclass(frozen=True, kw_only=True, eq=False)
class HeadImportance:
    """|gradient x attention| of every head, for one target."""

    sentence: str
    """what the importance is for, in words"""
    importance: Mapping[str, Tensor]
    """(heads,) by name of the map: the mean over examples of |sum of weights times their gradient|"""
    signed: Mapping[str, Tensor]
    """(examples, heads): to first order, what switching the head off takes from the example's score"""

    @property
    def cited(self) -> tuple[Paper, ...]:
        """What to cite."""
        return (SIXTEEN_HEADS,)

    def top(self, count: int = 5) -> list[tuple[str, int, float]]:
        """The most important heads: (map, head, importance)."""
        found = [(name, i, float(x)) for name, values in self.importance.items() for i, x in enumerate(values)]
        return sorted(found, key=lambda row: -row[2])[:count]

    def _rows(self) -> list[list[str]]:
        return [[name, str(head), f"{value:.3g}"] for name, head, value in self.top(len(self.importance) * 1000)]

    def __str__(self) -> str:
        return columns(("attention", "head", "importance"), self._rows(), f"Of {self.sentence}.")

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return table(("attention", "head", "importance"), self._rows(), f"Of {self.sentence}.")


def knock_out(model: nn.Module, batch: Any, heads: Iterable[Head], *, call: Call | None = None) -> KnockOut:
    """The output when what heads give out is replaced by zero.

    Args:
        model: Any module; its weights stay as they are.
        batch: What it is called with.
        heads: Names of maps, as ``attention`` gives them, each with the number of a head.
        call: How the model is called, where that is not the ordinary way.

    Raises:
        AddressError: There is no such attention or head.
        ModelError: An attention mixes its heads where they cannot be told apart.
    """
    asked = tuple(heads)
    with look(), evaluating(model), torch.no_grad():
        before = _output(model, batch, call)
        with AttentionTap(model, modules=_modules(model, asked)) as tap:
            _output(model, batch, call)
        counts = _counts(tap, batch)
        for name, head in asked:
            _refuse(name, head, counts)

        def gate(module: str, nth: int) -> Tensor | None:
            off = [head for name, head in asked if name in _names(module, nth)]
            if not off:
                return None
            factors = torch.ones(counts[_names(module, nth)[0]])
            factors[off] = 0.0
            return factors

        with AttentionTap(model, max_bytes=0, gate=_placed(gate, model)):
            after = _output(model, batch, call)
    return KnockOut(heads=asked, before=before, after=after)


def head_importance(
    model: nn.Module,
    batch: Any,
    *,
    target: Wanted | Target = None,
    modules: Sequence[str] | None = None,
    call: Call | None = None,
) -> HeadImportance:
    """Gradient x attention: how much the target's score depends on each head, to first order.

    For each example |sum over queries and keys of A * dS/dA| (Michel, Levy and Neubig 2019, arXiv:1905.10650,
    equation 2; they sum over a data set and normalise by layer, which is left to the reader). It is computed as the
    derivative by a factor on what the head gives out, which is the same number.

    Args:
        model: Any module.
        batch: What it is called with.
        target: Which score; None to infer it from the output.
        modules: Paths to look into; None for all.
        call: How the model is called, where that is not the ordinary way.

    Raises:
        DataError: No attention was computed, or the score does not depend on it.
        ModelError: An attention mixes its heads where they cannot be told apart.
    """
    with look(), evaluating(model):
        with torch.no_grad(), AttentionTap(model, modules=modules) as tap:
            output = _raw(model, batch, call)
        counts = _counts(tap, batch)
        if not counts:
            raise DataError(f"{type(model).__name__} computed no attention whose heads could be weighed.")
        found = targets.choose(model, output, target)
        examples = len(found.pick(output))
        rows: list[list[Tensor]] = []
        for example in range(examples):
            factors = {name: torch.ones(count, requires_grad=True) for name, count in counts.items()}

            def gate(module: str, nth: int, known: dict[str, Tensor] = factors) -> Tensor | None:
                return known.get(_names(module, nth)[0])

            with torch.enable_grad(), AttentionTap(model, modules=modules, max_bytes=0, gate=_placed(gate, model)):
                score = found.pick(_raw(model, batch, call))[example]
                slopes = torch.autograd.grad(score, list(factors.values()), allow_unused=True)
            known = zip(slopes, factors.values(), strict=True)
            rows.append([torch.zeros_like(factor) if slope is None else slope for slope, factor in known])  # pyright: ignore[reportUnnecessaryComparison] - a head that the score does not depend on
    signed = {name: torch.stack([row[i] for row in rows]).detach() for i, name in enumerate(counts)}
    return HeadImportance(
        sentence=found.sentence, importance={name: s.abs().mean(0) for name, s in signed.items()}, signed=signed
    )


def _raw(model: nn.Module, batch: Any, how: Call | None) -> Any:
    return call(model, as_batch(batch), call=how)


def _output(model: nn.Module, batch: Any, how: Call | None) -> Tensor:
    return scores(_raw(model, batch, how)).detach().cpu()


def _placed(gate: Any, model: nn.Module) -> Any:
    """The gate with its factors where the model is."""
    place = next((p.device for p in model.parameters()), torch.device("cpu"))

    def moved(module: str, nth: int) -> Tensor | None:
        factors: Tensor | None = gate(module, nth)
        return None if factors is None else factors.to(place)

    return moved


def _names(module: str, nth: int) -> tuple[str, ...]:
    """What a person may call the nth attention of a module."""
    return (module, f"{module}@0") if nth == 0 else (f"{module}@{nth}",)


def _modules(model: nn.Module, heads: Sequence[Head]) -> list[str] | None:
    known = {name for name, _ in model.named_modules()}
    paths = [name.rpartition("@")[0] if "@" in name else name for name, _ in heads]
    return paths if set(paths) <= known else None


def _counts(tap: AttentionTap, batch: Any) -> dict[str, int]:
    """The heads of every attention, by name."""
    examples = len(as_batch(batch))
    return {_names(r.module, r.call)[0]: count for r in tap.records if (count := _heads(r, examples))}


def _heads(record: AttentionRecord, examples: int) -> int:
    weights = record.weights
    if weights is None or record.kind == "deformable":
        return 0
    if record.edges is not None:
        return weights.size(-1)
    if weights.dim() > 3:  # noqa: PLR2004 - (batch, heads, queries, keys)
        return weights.size(-3)
    merged = weights.dim() == 3 and len(weights) % max(1, examples) == 0  # noqa: PLR2004 - (batch * heads, ...), for bmm
    return len(weights) // max(1, examples) if merged else 1


def _refuse(name: str, head: int, counts: Mapping[str, int]) -> None:
    plain = name.removesuffix("@0")
    if plain not in counts:
        raise AddressError(f"There is no attention called {name!r}.{nearest(plain, counts)}")
    if not 0 <= head < counts[plain]:
        raise AddressError(f"{name} has {counts[plain]} heads, counted from 0: there is no head {head}.")


def _range(values: Tensor) -> str:
    return f"{float(values.min()):.3g} to {float(values.max()):.3g}" if values.numel() else "nothing"

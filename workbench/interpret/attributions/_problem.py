"""A problem: one model, one input, the references it is compared with and one score, run in batches that fit.

Many points between input and reference are run at once where that gives what running each alone gives, which is
measured and not assumed: graphs, fixed batches and models that mix the rows of a batch are run one at a time.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cached_property
from time import perf_counter
from typing import Any

import torch
from torch import Tensor, nn

from workbench.core import seeds
from workbench.core.batch import Batch
from workbench.core.calling import Call, call, scores
from workbench.core.errors import DataError
from workbench.core.live import evaluating, look
from workbench.interpret.attributions._features import Features, features_of
from workbench.interpret.attributions._leaves import Leaf, replaced
from workbench.interpret.attributions._pace import Pace
from workbench.interpret.targets import Target
from workbench.taps import tap

MOST_CELLS_AT_ONCE = 1 << 24
"""numbers of the input that are held at once"""
TOLERANCE = 1e-3
_NO_SCORE_GRADIENT = "its forward detaches, rounds or runs without gradients"

Pick = Callable[[Any, int], Tensor]
"""(output for k * rows rows, k) -> (k, rows) scores"""


class NotDifferentiableError(DataError):
    """The score does not depend on the input by a gradient."""


@dataclass(kw_only=True, eq=False)
class Problem:
    """What is to be explained; the values of leaves have an axis of rows first, of which a graph has one."""

    model: nn.Module
    batch: Batch
    leaves: list[Leaf]
    values: list[Tensor]
    """of the leaves, (rows, ...)"""
    references: list[Tensor]
    """(references, rows, ...), averaged over"""
    target: Target
    reference: str
    """what the input is compared with, in words"""
    joint: bool
    """whether the rows of the input influence each other: then they are explained as one"""
    output: Any
    how: Call | None = None
    seed: int = 0
    asked: bool = False
    """whether a person said what to compare with"""

    @property
    def rows(self) -> int:
        """How many examples are explained, each on its own."""
        return len(self.values[0])

    @property
    def differentiable(self) -> bool:
        """Whether a gradient reaches every leaf."""
        try:
            _, gradients = self.gradients([v[None] for v in self.values])
        except NotDifferentiableError:
            return False
        return all(bool(g.isfinite().all()) for g in gradients)

    @cached_property
    def score(self) -> Tensor:
        """(rows,) scores of the input."""
        return self._ends[0]

    @cached_property
    def base(self) -> Tensor:
        """(rows,) mean scores of the references."""
        return self._ends[1] if len(self.references[0]) == 1 else self.scores_at(self.references).mean(0)

    @cached_property
    def scale(self) -> Tensor:
        """(rows,) what a gap is measured by: the change in score, or the spread of the score over the data."""
        spread = self.score.std() if self.rows > 1 else self.score.new_zeros(())
        over = self.scores_at(self.references).std(0) if len(self.references[0]) > 1 else self.score.new_zeros(())
        return torch.maximum(torch.maximum((self.score - self.base).abs(), spread), over)

    @property
    def room(self) -> int:
        """Points that may be held at once, whatever the number of steps or samples."""
        return max(1, MOST_CELLS_AT_ONCE // 4 // self._cells)

    def features(self, patches: int = 7) -> Features:
        """The features that perturbation methods switch."""
        return features_of(self.leaves, self.values, patches=patches, joint=self.joint)

    def with_background(self) -> "Problem":
        """The same, compared with many references where a person or the batch offers them."""
        if len(self.references[0]) > 1 or self.joint or self.rows < 2 or self.asked:  # noqa: PLR2004 - one is no sample
            return self
        if any(leaf.embedding is not None for leaf in self.leaves):
            return self
        rows = [v.unsqueeze(1).expand(-1, len(v), *v.shape[1:]) for v in self.values]
        return replace(self, references=rows, reference=f"each of the {self.rows} examples")

    def generator(self, *parts: int) -> torch.Generator:
        """Random numbers that follow from the seed."""
        return seeds.generator(self.seed, *parts)

    @property
    def repeats(self) -> float:
        """How far apart two scores of the same input are; above zero for a model that is random in evaluation mode."""
        with look():
            # A look gives the generators back, so they have to be moved on.
            torch.default_generator.manual_seed(int(torch.default_generator.initial_seed()) ^ 1)
            return float((self.scores_at([v[None] for v in self.values])[0] - self.score).abs().max())

    # Running

    def scores_at(self, points: Sequence[Tensor]) -> Tensor:
        """(k, rows) scores at k points, each leaf's of shape (k, rows, ...)."""
        with torch.no_grad():
            chunks = self._chunks(len(points[0]))
            return torch.cat([self._timed([p[chunk] for p in points]) for chunk in chunks])

    def coalitions(self, kept: Tensor, features: Features) -> Tensor:
        """(k, rows) scores with some features kept and the others as in the references, averaged over those.

        Args:
            kept: (k, features), whether a feature keeps its value.
            features: What they are.
        """
        found: list[Tensor] = []
        n = len(self.references[0])
        kept = kept.to(self.values[0].device)
        with torch.no_grad():
            for chunk in self._chunks(len(kept), n):
                points = [
                    torch.where(features.masks(kept[chunk], i, v), v, r).flatten(0, 1)
                    for i, (v, r) in enumerate(zip(self.values, self.references, strict=True))
                ]
                found.append(self._timed(points).reshape(-1, n, self.rows).mean(1))
        return torch.cat(found)

    def gradients(self, points: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """The scores (k, rows) at k points, and their gradients in the shape of the points.

        Raises:
            NotDifferentiableError: No gradient reaches the points.
        """
        values: list[Tensor] = []
        found: list[list[Tensor]] = []
        for chunk in self._chunks(len(points[0]), 2):
            leaves = [p[chunk].detach().clone().requires_grad_() for p in points]
            # Recurrent kernels of cuDNN cannot be differentiated in evaluation mode.
            with torch.enable_grad(), torch.backends.cudnn.flags(enabled=False), self._looking():
                score = self.run(leaves)
                if not score.requires_grad:
                    kind = type(self.model).__name__
                    raise NotDifferentiableError(
                        f"The score of {kind} does not depend on its input by a gradient: {_NO_SCORE_GRADIENT}."
                    )
                given = torch.autograd.grad(score.sum(), leaves, allow_unused=True)
            values.append(score.detach())
            found.append([_or_zeros(g, p) for g, p in zip(given, leaves, strict=True)])
        return torch.cat(values), [torch.cat(parts) for parts in zip(*found, strict=True)]

    def run(self, points: Sequence[Tensor]) -> Tensor:
        """(k, rows) scores at k points that keep their gradient, in one forward where that is known to be right."""
        k = len(points[0])
        if k == 1 or not self.stackable:
            rows = [self._alone([p[i] for p in points]) for i in range(k)]
            return torch.stack(rows)
        return self._pick(self._forward([p.flatten(0, 1) for p in points], k), k)

    def _timed(self, points: Sequence[Tensor]) -> Tensor:
        with self._looking():
            return self.run(points).detach()

    def _looking(self) -> ExitStack:
        stack = ExitStack()
        stack.enter_context(look())
        stack.enter_context(evaluating(self.model))
        return stack

    def _alone(self, point: Sequence[Tensor]) -> Tensor:
        output = self._forward([p[0] for p in point] if self.joint else point, 1)
        picked = self.target.pick(output)
        return picked.sum(0, keepdim=True) if self.joint else picked

    def _forward(self, points: Sequence[Tensor], k: int) -> Any:
        batch = self.batch if k == 1 else self.batch.map(lambda t: _repeated(t, self.rows, k))
        inputs: dict[str, Tensor] = {}
        with ExitStack() as stack:
            edits = {leaf.address: p for leaf, p in zip(self.leaves, points, strict=True) if leaf.embedding is not None}
            if edits:
                editing = stack.enter_context(tap(self.model))
                for address, point in edits.items():
                    editing.edit({address: lambda _, point=point: point})
            for leaf, point in zip(self.leaves, points, strict=True):
                if leaf.embedding is None:
                    inputs[leaf.name] = point
            return call(self.model, self._with(batch, inputs), call=self.how)

    def _with(self, batch: Batch, inputs: Mapping[str, Tensor]) -> Batch:
        """The batch with some inputs replaced; positions are looked up in the signature only once."""
        if isinstance(batch.inputs, Mapping) or self._slots is None:
            return replaced(batch, inputs, self.model)
        given = list(batch.inputs)
        for name, value in inputs.items():
            given[self._slots[name]] = value
        return Batch(tuple(given))

    @cached_property
    def _slots(self) -> dict[str, int] | None:
        """Where each leaf stands among positional inputs; None where they have names or one graph holds them."""
        marks = {leaf.name: torch.zeros(0) for leaf in self.leaves}
        marked = replaced(self.batch, marks, self.model).inputs
        if isinstance(marked, Mapping):
            return None
        found = {name: i for name, mark in marks.items() for i, value in enumerate(marked) if value is mark}
        return found if len(found) == len(marks) else None

    # Chunks: as many points in a forward as pay

    def _chunks(self, count: int, each: int = 1) -> Iterator[slice]:
        most = max(1, MOST_CELLS_AT_ONCE // self._cells // each)
        start, stacks = 0, self.stackable
        while start < count:
            size = min(max(1, self.pace.size // each), most, count - start)
            began = perf_counter()
            yield slice(start, start + size)
            if stacks:
                self.pace.ran(size * each, perf_counter() - began)
            start += size

    # Stacking, only where it was seen to be right

    @cached_property
    def pace(self) -> Pace:
        """How many points go into one forward."""
        return Pace(self._cells)

    @cached_property
    def _cells(self) -> int:
        return max(1, sum(v.numel() for v in self.values))

    @cached_property
    def _ends(self) -> Tensor:
        """(2, rows) scores of the input and of the first reference, each run alone."""
        with torch.no_grad(), self._looking():
            values, references = self.values, [r[0] for r in self.references]
            return torch.stack([self._alone(values), self._alone(references)]).detach()

    @cached_property
    def stackable(self) -> bool:
        """Whether many points in one forward give what each gives alone."""
        return self._pick is not _none

    @cached_property
    def _pick(self) -> Pick:
        """How the scores of stacked points are read; ``_none`` where points must not be stacked."""
        if self.joint:
            return _none
        points = [torch.stack([v, r[0]]) for v, r in zip(self.values, self.references, strict=True)]
        try:
            with torch.no_grad(), self._looking():
                output = self._forward([p.flatten(0, 1) for p in points], 2)
                for pick in (self._directly, self._by_class, self._in_turn):
                    if _same(pick, output, self._ends):
                        return pick
        except (RuntimeError, ValueError, IndexError, TypeError):  # a model made for one size of batch
            return _none
        return _none

    def _directly(self, output: Any, k: int) -> Tensor:
        return self.target.pick(output).reshape(k, self.rows)

    def _by_class(self, output: Any, k: int) -> Tensor:
        value = scores(output)
        classes = torch.tensor(self.target.classes, device=value.device).expand(self.rows)
        value = value[:, -1] if value.dim() == 3 else value  # noqa: PLR2004 - (rows, positions, classes)
        return value.gather(-1, classes.repeat(k)[:, None]).reshape(k, self.rows)

    def _in_turn(self, output: Any, k: int) -> Tensor:
        total = k * self.rows
        return torch.stack([self.target.pick(_sliced(output, i * self.rows, self.rows, total)) for i in range(k)])


def _or_zeros(gradient: Tensor | None, like: Tensor) -> Tensor:
    return torch.zeros_like(like) if gradient is None else gradient


def _none(_: Any, k: int) -> Tensor:
    raise AssertionError(k)


def _same(pick: Pick, output: Any, expected: Tensor) -> bool:
    try:
        found = pick(output, len(expected))
    except (RuntimeError, ValueError, IndexError, TypeError):
        return False
    scale = float(expected.abs().max()) + float(torch.finfo(expected.dtype).tiny)
    return bool(((found - expected).abs() <= TOLERANCE * scale).all())


def _repeated(value: Tensor, rows: int, k: int) -> Tensor:
    """The rows of a batch k times one after another; what has no rows stays as it is."""
    return value.repeat(k, *(1,) * (value.dim() - 1)) if value.dim() and len(value) == rows else value


def _sliced(output: Any, start: int, size: int, total: int) -> Any:
    """Some rows of whatever a model returned."""
    if isinstance(output, Tensor):
        return output[start : start + size] if output.dim() and len(output) == total else output
    if isinstance(output, Mapping):
        kept: Any = type(output)
        return kept(**{name: _sliced(value, start, size, total) for name, value in output.items()})
    if isinstance(output, tuple | list):
        items = [_sliced(value, start, size, total) for value in output]
        kind: Any = type(output)
        return kind(*items) if hasattr(output, "_fields") else kind(items)
    return output

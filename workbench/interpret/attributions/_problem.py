"""A problem: one model, one input, the references it is compared with and one score."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from workbench.core import seeds
from workbench.core.batch import Batch
from workbench.core.calling import Call
from workbench.interpret.attributions._backgrounds import background_of
from workbench.interpret.attributions._features import Features, features_of
from workbench.interpret.attributions._leaves import Leaf
from workbench.interpret.attributions._pace import Pace
from workbench.interpret.attributions._reduced import Reduced
from workbench.interpret.attributions._remembered import Findings
from workbench.interpret.attributions._running import NotDifferentiableError, Runner, move_on
from workbench.interpret.attributions._stacking import same
from workbench.interpret.targets import Target

MOST_CELLS_AT_ONCE = 1 << 23
"""numbers of the input that are held at once; not by the free memory, on which random draws would then depend"""
FIRST_PIECE = 16
"""coalitions after which a first result is given, where it is not known how long they take"""
PATIENCE = 1.0
"""seconds after which a better result is given"""


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
    shares: Tensor | None = None
    """(references,) how much each counts, 1 together; None where all count alike"""
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
    reduced: Reduced = field(default_factory=Reduced)
    """whether passes run in bfloat16"""
    known: Findings = field(default_factory=Findings)
    """what was found out before about running this model on this kind of input"""

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
        return self._alone if self.known.stacking else self._ends[0]

    @cached_property
    def _alone(self) -> Tensor:
        """(rows,) scores of the forward that was run when the problem was posed."""
        with torch.no_grad():
            score = self.target.pick(self.output).detach()
        return score.sum(0, keepdim=True) if self.joint else score

    @cached_property
    def base(self) -> Tensor:
        """(rows,) mean scores of the references."""
        return self._ends[1] if len(self.references[0]) == 1 else self.averaged(self._at_references)

    @cached_property
    def scale(self) -> Tensor:
        """(rows,) what a gap is measured by: the change in score, or the spread of the score over the data."""
        scale = (self.score - self.base).abs()
        if self.rows > 1:
            scale = torch.maximum(scale, self.score.std())
        return torch.maximum(scale, self._at_references.std(0)) if len(self.references[0]) > 1 else scale

    @cached_property
    def _at_references(self) -> Tensor:
        """(references, rows) scores of the references."""
        return self.scores_at(self.references)

    def averaged(self, values: Tensor) -> Tensor:
        """The mean over the first axis, which is that of the references."""
        return values.mean(0) if self.shares is None else torch.tensordot(self.shares.to(values), values, 1)

    @property
    def room(self) -> int:
        """Points that may be held at once, whatever the number of steps or samples."""
        return max(1, MOST_CELLS_AT_ONCE // self._cells)

    def features(self, patches: int = 7) -> Features:
        """The features that perturbation methods switch."""
        kind = (patches, *((leaf.name, leaf.embedding is None) for leaf in self.leaves))
        if kind not in self.known.features:
            made = features_of(self.leaves, self.values, patches=patches, joint=self.joint)
            self.known.features[kind] = made
        return self.known.features[kind]

    def with_background(self) -> "Problem":
        """The same, compared with many references where a person or the batch offers them."""
        if len(self.references[0]) > 1 or self.joint or self.rows < 2 or self.asked:  # noqa: PLR2004 - one is no sample
            return self
        if any(leaf.embedding is not None for leaf in self.leaves):
            return self
        return replace(self, **background_of(self.values, self.generator(8)))

    def on(self, model: nn.Module) -> "Problem":
        """The same asked of another model with the same inputs, or of this one after its weights have changed."""
        other = replace(self, model=model, known=Findings())
        other.output = other.output_at(self.values)
        return other

    def output_at(self, values: Sequence[Tensor]) -> Any:
        """What the model returns where the leaves, (rows, ...), have other values."""
        with torch.no_grad(), self._runner.looking():
            return self._runner.output(values)

    def generator(self, *parts: int) -> torch.Generator:
        """Random numbers that follow from the seed."""
        return seeds.generator(self.seed, *parts)

    @property
    def repeats(self) -> float:
        """How far apart two scores of the same input are; above zero for a model that is random in evaluation mode."""
        score = self._ends[0]  # looks first whether what is remembered still holds
        if self.known.apart is None:
            with self._runner.looking(), torch.no_grad():
                move_on()
                self.known.apart = float((self._runner.alone(self.values) - score).abs().max())
        return self.known.apart

    # Running

    def scores_at(self, points: Sequence[Tensor]) -> Tensor:
        """(k, rows) scores at k points, each leaf's of shape (k, rows, ...)."""
        _ = self.stackable
        return self._runner.scores(points)

    def coalitions(self, kept: Tensor, features: Features) -> Tensor:
        """(k, rows) scores with some features kept and the others as in the references, averaged over those.

        Args:
            kept: (k, features), whether a feature keeps its value.
            features: What they are.
        """
        if self.known.stacking and "_ends" not in self.__dict__ and len(self.references[0]) == 1:
            found = self._with_ends(kept, features)
            if found is not None:
                return found
        n = len(self.references[0])
        kept = kept.to(self.values[0].device)
        step = max(1, self.room // n)
        found = [self._mixed(kept[start : start + step], features) for start in range(0, len(kept), step)]
        return found[0] if len(found) == 1 else torch.cat(found)

    def _with_ends(self, kept: Tensor, features: Features) -> Tensor | None:
        """The scores of coalitions, run together with the input and the reference, whose scores become known by that.

        None where that shows that what is remembered about the model no longer holds.
        """
        if self.reduced.within is not None:
            return None
        whole = torch.tensor([[True], [False]]).expand(2, kept.size(1))
        step = max(1, self.room - len(whole))
        first = torch.cat([whole, kept[:step]]).to(self.values[0].device)
        with torch.no_grad(), self._runner.drawing_anew():
            found = self._runner.scores(self._points(first, features, slice(None)))
        if not same(found[:1], self._alone[None]):
            self.known.stacking = self.known.apart = None
            return None
        self._ends = found[:2]
        return found[2:] if len(kept) <= step else torch.cat([found[2:], self.coalitions(kept[step:], features)])

    def _points(self, kept: Tensor, features: Features, references: slice) -> list[Tensor]:
        """Of each leaf, (k * references, rows, ...) values where they are kept and references where not."""
        pairs = enumerate(zip(self.values, self.references, strict=True))
        return [torch.where(features.masks(kept, i, v), v, r[references]).flatten(0, 1) for i, (v, r) in pairs]

    def growing(self, kept: Tensor, features: Features) -> Iterator[Tensor]:
        """The same as ``coalitions`` in pieces that take about a second each, an even number of coalitions.

        Args:
            kept: (k, features), whether a feature keeps its value.
            features: What they are.
        """
        start, n = 0, len(self.references[0])
        while start < len(kept):
            size = FIRST_PIECE if self.known.seconds is None else int(PATIENCE / (self.known.seconds * n))
            stop = start + max(2, size - size % 2)
            yield self.coalitions(kept[start:stop], features)
            start = stop

    def _mixed(self, kept: Tensor, features: Features) -> Tensor:
        """The scores of some coalitions, the references taken as many at a time as there is room for."""
        n, room, total = len(self.references[0]), self.room, self.values[0].new_zeros(())
        for start in range(0, n, room):
            points = self._points(kept, features, slice(start, start + room))
            values = self._perhaps_reduced(points)
            if n == 1:
                return values
            values = values.reshape(len(kept), -1, self.rows)
            share = None if self.shares is None else self.shares[start : start + room].to(values)
            total = total + (values.sum(1) / n if share is None else torch.einsum("knr,n->kr", values, share))
        return total

    def _perhaps_reduced(self, points: Sequence[Tensor]) -> Tensor:
        """(k, rows) scores at k points, in bfloat16 where that was asked for and is close."""
        if not self.reduced.measured("scores", points, self._change_of_scores):
            return self.scores_at(points)
        with self._runner.reducing():
            return self.scores_at(points)

    def _change_of_scores(self, points: list[Tensor]) -> float:
        whole = self.scores_at(points)
        with self._runner.reducing():
            return _largest((self.scores_at(points) - whole) / self.scale)

    def _change_of_gradients(self, points: list[Tensor]) -> float:
        """By what follows for contributions: derivatives times the way from the reference, all together or one."""
        whole = self._runner.gradients(points)[1]
        with self._runner.reducing():
            found = self._runner.gradients(points)[1]
        triples = zip(whole, found, self.values, self.references, strict=True)
        off = torch.cat([((a - b) * (v - r[0])).flatten(2) for a, b, v, r in triples], 2) / self.scale[:, None]
        return max(_largest(off), _largest(off.sum(2)))

    def gradients(self, points: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """The scores (k, rows) at k points, and their gradients in the shape of the points.

        Raises:
            NotDifferentiableError: No gradient reaches the points.
        """
        if len(points[0]) > 1:
            _ = self.stackable
        if not self.reduced.measured("gradients", points, self._change_of_gradients):
            return self._runner.gradients(points)
        with self._runner.reducing():
            return self._runner.gradients(points)

    def run(self, points: Sequence[Tensor]) -> Tensor:
        """(k, rows) scores at k points that keep their gradient, in one forward where that is known to be right."""
        _ = self.stackable
        return self._runner.run(points)

    @cached_property
    def stackable(self) -> bool:
        """Whether many points in one forward give what each gives alone."""
        _ = self._ends
        return bool(self.known.stacking)

    @property
    def pace(self) -> Pace:
        """How many points go into one forward."""
        return self._runner.batching.pace

    @cached_property
    def _ends(self) -> Tensor:
        """(2, rows) scores of the input and of the first reference."""
        return self._runner.ends(self._alone, self.values, [r[0] for r in self.references]).detach()

    @cached_property
    def _runner(self) -> Runner:
        return Runner(
            model=self.model, batch=self.batch, leaves=self.leaves, rows=self.rows, cells=self._cells, joint=self.joint,
            target=self.target, how=self.how, known=self.known,
        )  # fmt: skip

    @property
    def _cells(self) -> int:
        return max(1, sum(v.numel() for v in self.values))


def _largest(values: Tensor) -> float:
    return float(values.abs().nan_to_num(torch.inf).max())

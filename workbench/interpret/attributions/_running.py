"""Running points between input and reference through a model, many in one forward where that is known to be right.

Many points are stacked where that gives what running each alone gives, which is measured and not assumed: graphs,
fixed batches and models that mix the rows of a batch are run one at a time. How many go into one forward follows from
the free memory and from what was fastest so far; it does not depend on how many there are.
"""

from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from workbench.core.batch import Batch
from workbench.core.calling import Call, call
from workbench.core.errors import DataError
from workbench.core.live import evaluating, look
from workbench.interpret.attributions._batching import Batching
from workbench.interpret.attributions._leaves import Leaf, replaced
from workbench.interpret.attributions._remembered import Findings
from workbench.interpret.attributions._stacking import READERS, repeated, same
from workbench.interpret.attributions._state import state_kept
from workbench.interpret.targets import Target
from workbench.taps import tap

_NO_SCORE_GRADIENT = "its forward detaches, rounds or runs without gradients"
_ALONE = ""
_BROKEN = (RuntimeError, ValueError, IndexError, TypeError, AssertionError)
"""what a model raises that was made for one size of batch"""


class NotDifferentiableError(DataError):
    """The score does not depend on the input by a gradient."""


@dataclass(kw_only=True, eq=False)
class Runner:
    """One model and one input whose leaves are replaced by points."""

    model: nn.Module
    batch: Batch
    leaves: list[Leaf]
    rows: int
    cells: int
    """numbers in one point"""
    joint: bool
    target: Target
    how: Call | None
    known: Findings
    reduced: bool = False
    """whether forwards are run in bfloat16 for now"""
    anew: bool = False
    """whether forwards begin with another state of the generator for now"""

    # Scores and gradients

    def scores(self, points: Sequence[Tensor]) -> Tensor:
        """(k, rows) scores at k points, each leaf's of shape (k, rows, ...)."""
        with torch.no_grad():
            return _joined(self.batching.in_chunks(points, self._scored, gradients=False))

    def gradients(self, points: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """The scores (k, rows) at k points, and their gradients in the shape of the points.

        Raises:
            NotDifferentiableError: No gradient reaches the points.
        """
        found = self.batching.in_chunks(points, self._differentiated, gradients=True)
        return _joined([v for v, _ in found]), [_joined(parts) for parts in zip(*(g for _, g in found), strict=True)]

    def run(self, points: Sequence[Tensor]) -> Tensor:
        """(k, rows) scores at k points that keep their gradient, in one forward where that is known to be right."""
        k = len(points[0])
        if k == 1 or not self.known.stacking:
            return torch.stack([self.alone([p[i] for p in points]) for i in range(k)])
        picked = self._pick(self._forward([p.flatten(0, 1) for p in points], k), k)
        return picked.to(self._kind) if self.reduced else picked

    def alone(self, point: Sequence[Tensor]) -> Tensor:
        """(rows,) scores at one point."""
        picked = self.target.pick(self.output(point))
        picked = picked.to(self._kind) if self.reduced else picked
        return picked.sum(0, keepdim=True) if self.joint else picked

    def output(self, point: Sequence[Tensor]) -> Any:
        """What the model returns at one point."""
        return self._forward([p[0] for p in point] if self.joint else point, 1)

    @contextmanager
    def looking(self) -> Generator[None]:
        """The lock held, the model in evaluation mode and afterwards as it was."""
        with look(), evaluating(self.model):
            if self.anew:
                move_on()
            yield

    @contextmanager
    def drawing_anew(self) -> Generator[None]:
        """A model that draws random numbers gives other scores inside the block."""
        self.anew = True
        try:
            yield
        finally:
            self.anew = False

    @contextmanager
    def reducing(self) -> Generator[None]:
        """Forwards are run in bfloat16; scores are of the input's precision all the same."""
        self.reduced = True
        try:
            yield
        finally:
            self.reduced = False

    @property
    def _kind(self) -> torch.dtype:
        return self.leaves[0].value.dtype

    def _scored(self, points: Sequence[Tensor]) -> Tensor:
        with self.looking():
            return self.run(points).detach()

    def _differentiated(self, points: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
        given = [p.detach().clone().requires_grad_() for p in points]
        # Recurrent kernels of cuDNN cannot be differentiated in evaluation mode.
        with torch.enable_grad(), torch.backends.cudnn.flags(enabled=False), self.looking():
            score = self.run(given)
            if not score.requires_grad:
                kind = type(self.model).__name__
                raise NotDifferentiableError(
                    f"The score of {kind} does not depend on its input by a gradient: {_NO_SCORE_GRADIENT}."
                )
            found: tuple[Any, ...] = torch.autograd.grad(score.sum(), given, allow_unused=True)
        pairs = zip(found, given, strict=True)
        return score.detach(), [torch.zeros_like(p) if g is None else g for g, p in pairs]

    @cached_property
    def batching(self) -> Batching:
        """How many points go into one forward."""
        return Batching(model=self.model, device=self._device, cells=self.cells, known=self.known)

    @property
    def _device(self) -> torch.device:
        return self.leaves[0].value.device

    # One forward

    def _forward(self, points: Sequence[Tensor], k: int) -> Any:
        inputs: dict[str, Tensor] = {}
        with ExitStack() as stack:
            edits = {leaf.address: p for leaf, p in zip(self.leaves, points, strict=True) if leaf.embedding is not None}
            if edits:
                editing = stack.enter_context(tap(self.model))
                for address, point in edits.items():
                    editing.edit({address: lambda _, point=point: point})
            for leaf, point in zip(self.leaves, points, strict=True):
                if leaf.embedding is None:
                    inputs[leaf.name] = _laid_out(point) if self.known.channels_last else point
            if self.known.stateful is not False:
                stack.enter_context(state_kept(self.model))
            if self.reduced:
                stack.enter_context(torch.autocast(self._device.type, dtype=torch.bfloat16))
            return call(self.model, self._with(inputs, k), call=self.how)

    def _with(self, inputs: Mapping[str, Tensor], k: int) -> Batch:
        """The batch with some inputs replaced and the others repeated; positions are looked up only once."""
        if self._slots is None:
            batch = self.batch if k == 1 else self.batch.map(lambda t: repeated(t, self.rows, k))
            return replaced(batch, inputs, self.model)
        given: list[Any] = list(self.batch.inputs)
        for name, value in inputs.items():
            given[self._slots[name]] = value
        if k > 1 and len(inputs) < len(given):
            taken = {self._slots[name] for name in inputs}
            for i, value in enumerate(given):
                if i not in taken and isinstance(value, Tensor):
                    given[i] = repeated(value, self.rows, k)
        return Batch(tuple(given))

    @cached_property
    def _slots(self) -> dict[str, int] | None:
        """Where each leaf stands among positional inputs; None where they have names or one graph holds them."""
        if isinstance(self.batch.inputs, Mapping):
            return None
        marks = {leaf.name: torch.zeros(0) for leaf in self.leaves}
        marked = replaced(self.batch, marks, self.model).inputs
        found = {name: i for name, mark in marks.items() for i, value in enumerate(marked) if value is mark}
        return found if len(found) == len(marks) else None

    # Stacking, only where it was seen to be right

    def ends(self, score: Tensor, values: Sequence[Tensor], references: Sequence[Tensor]) -> Tensor:
        """(2, rows) scores of the input and of a reference; finds out whether points may be stacked.

        What is remembered is believed only as long as the input among stacked points has the score it has alone.

        Args:
            score: (rows,) of the input, run alone.
            values: The input, (rows, ...).
            references: The reference, (rows, ...).
        """
        points = [torch.stack([v, r]) for v, r in zip(values, references, strict=True)]
        with torch.no_grad(), self.looking():
            if self.known.stacking:
                move_on()
                found = self._stacked(points, self.known.stacking)
                if found is not None and same(found[:1], score[None]):
                    return found
                self.known.stacking = self.known.apart = None
            if self.known.stacking is None and not self.joint:
                ends = torch.stack([self.alone([p[i] for p in points]) for i in range(2)])
                self.known.channels_last = False
                tried = ((name, self._stacked(points, name)) for name in READERS)
                self.known.stacking = next(
                    (name for name, found in tried if found is not None and same(found, ends)), _ALONE
                )
                if self.known.stacking and self._device.type == "cpu" and any(v.dim() == 4 for v in values):  # noqa: PLR2004 - pictures
                    self.known.channels_last = True
                    found = self._stacked(points, self.known.stacking)
                    self.known.channels_last = found is not None and same(found, ends)
                return ends
            self.known.stacking = _ALONE
            return torch.stack([score, self.alone(references)])

    def _stacked(self, points: Sequence[Tensor], name: str) -> Tensor | None:
        """Scores of two stacked points; None where the model or the target does not take them."""
        try:
            return READERS[name](self.target, self.rows, self._forward([p.flatten(0, 1) for p in points], 2), 2)
        except _BROKEN:
            return None

    def _pick(self, output: Any, k: int) -> Tensor:
        return READERS[self.known.stacking or _ALONE](self.target, self.rows, output, k)


def _laid_out(point: Tensor) -> Tensor:
    """Pictures with their channels side by side, which convolutions on a processor are faster with."""
    return point.contiguous(memory_format=torch.channels_last) if point.dim() == 4 else point  # noqa: PLR2004 - (rows, channels, height, width)


def move_on() -> None:
    """Move the generator, which every look gives back, so that a model that draws gives another score."""
    torch.default_generator.manual_seed(int(torch.default_generator.initial_seed()) ^ 1)


def _joined(parts: Sequence[Tensor]) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(list(parts))

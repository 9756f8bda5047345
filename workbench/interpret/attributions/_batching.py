"""Batching: as many points in one forward as fit into memory and pay, whatever their number."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import TypeVar

import torch
from torch import Tensor, nn

from workbench.interpret.attributions._memory import Meter, allowance, is_lack, lacking
from workbench.interpret.attributions._pace import Pace
from workbench.interpret.attributions._remembered import Findings

T = TypeVar("T")


@dataclass(kw_only=True, eq=False)
class Batching:
    """Pieces of points for one model; the first is weighed, the others are timed."""

    model: nn.Module
    device: torch.device
    cells: int
    """numbers in one point"""
    known: Findings

    def room(self, *, gradients: bool = False) -> int:
        """Points that fit into memory at once."""
        each = (self.known.gradient_bytes if gradients else self.known.forward_bytes) or 4 * self.cells
        fit = max(1, allowance(self.device) // each)
        return fit if self.known.most is None else min(fit, self.known.most)

    def in_chunks(self, points: Sequence[Tensor], work: Callable[[Sequence[Tensor]], T], *, gradients: bool) -> list[T]:
        """What the work gave for each piece of the points.

        Args:
            points: Of each leaf, (k, rows, ...).
            work: Done on pieces of them.
            gradients: Whether it goes back through the model.

        Raises:
            ModelError: Memory does not suffice for a single point.
        """
        found: list[T] = []
        start, count = 0, len(points[0])
        while start < count:
            size = self._size(count - start, gradients=gradients)
            piece = points if size == count else [p[start : start + size] for p in points]
            try:
                found.append(self._watched(piece, work, gradients=gradients))
            except (RuntimeError, MemoryError) as error:
                if not is_lack(error):
                    raise
                if size == 1:
                    raise lacking(self.model) from None
                self.known.most = size // 2
                continue
            start += size
        return found

    def _size(self, left: int, *, gradients: bool) -> int:
        if left == 1 or not self.known.stacking or self._unmetered(gradients=gradients):
            return 1
        pace = self.pace.size // 2 if gradients else self.pace.size
        return max(1, min(left, pace, self.room(gradients=gradients)))

    def _unmetered(self, *, gradients: bool) -> bool:
        return (self.known.gradient_bytes if gradients else self.known.forward_bytes) is None

    def _watched(self, points: Sequence[Tensor], work: Callable[[Sequence[Tensor]], T], *, gradients: bool) -> T:
        """The work, of which the first piece is weighed and the others are timed."""
        if self.known.stacking and self._unmetered(gradients=gradients):
            with Meter() as meter:
                found = work(points)
            each = max(1, meter.peak // len(points[0]))
            if gradients:
                self.known.gradient_bytes = each
            else:
                self.known.forward_bytes = each
            return found
        began = perf_counter()
        found = work(points)
        seconds = perf_counter() - began
        self.known.seconds = seconds / len(points[0])
        if self.known.stacking:
            self.pace.ran(len(points[0]) * (2 if gradients else 1), seconds)
        return found

    @property
    def pace(self) -> Pace:
        """How many points go into one forward."""
        if self.known.pace is None:
            self.known.pace = Pace(self.cells)
        return self.known.pace

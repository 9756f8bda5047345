"""Curves: what runs have reported, thinned to what a chart can show."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.panels.page.frame import Packed
from workbench.train.history import History

Column = tuple[str, NDArray[np.int64], NDArray[np.float64]]
"""name, steps (points,), values (points,)"""


@dataclass(frozen=True, slots=True)
class Points:
    """Points of one curve."""

    run: int
    """which of the runs on show"""
    name: str
    steps: NDArray[np.float64]
    """(points,)"""
    values: NDArray[np.float64]
    """(points,), NaN where nothing was reported"""

    def message(self) -> dict[str, Any]:
        """The points as they travel."""
        steps, values = self.steps.astype(np.float64), self.values.astype(np.float32)
        return {"run": self.run, "name": self.name, "x": Packed(steps).message(), "y": Packed(values).message()}


def columns(history: History) -> list[Column]:
    """Every figure of every phase; those of training by their own name."""
    return [
        (name if phase == "train" else f"{phase} · {name}", *history.column(phase, name))
        for phase in history.phases()
        for name in history.names(phase)
    ]


def thinned(steps: NDArray[Any], values: NDArray[Any], most: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """At most so many points; each the mean of equally many neighbours, NaN ignored.

    Args:
        steps: (points,)
        values: (points,)
        most: At least 1.
    """
    each = -(-len(steps) // most)
    x, y = np.asarray(steps, np.float64), np.asarray(values, np.float64)
    if each <= 1:
        return x, y
    edges = np.arange(0, len(x), each)
    counts = np.diff(np.append(edges, len(x)))
    there = np.isfinite(y)
    numbers = np.add.reduceat(there, edges)
    sums = np.add.reduceat(np.where(there, y, 0.0), edges)
    means = np.divide(sums, numbers, out=np.full(len(edges), np.nan), where=numbers > 0)
    return np.add.reduceat(x, edges) / counts, means

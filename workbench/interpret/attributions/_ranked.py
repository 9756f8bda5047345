"""What many examples say together: which columns matter, and which other column a column's effect depends on."""

import numpy as np
from numpy.typing import NDArray

Figures = NDArray[np.float64]

_BINS, _WIDEST = 10, 50
"""bins of a column, of at most so many examples"""


def importance(scores: Figures) -> NDArray[np.int64]:
    """Columns by the mean size of their scores, the greatest first.

    Args:
        scores: (examples, columns).
    """
    return np.argsort(-np.abs(scores).mean(0), kind="stable")


def partner(scores: Figures, values: Figures, column: int) -> int | None:
    """The other column with which the effect of a column seems to change most; None where nothing varies.

    As shap's ``approximate_interactions`` does it: the examples are sorted by the column and cut into bins, and within
    a bin, where the column hardly changes, its scores are correlated with the other columns.

    Args:
        scores: (examples, columns).
        values: (examples, columns).
        column: Which.
    """
    order = np.argsort(values[:, column], kind="stable")
    effect, others = scores[order, column], values[order]
    size = max(min(len(order) // _BINS, _WIDEST), 1)
    total = np.zeros(values.shape[1])
    for start in range(0, len(order), size):
        total += _correlation(effect[start : start + size], others[start : start + size])
    total[column] = 0
    best = int(total.argmax())
    return best if total[best] > 0 else None


def swarm(values: Figures, *, rows: int = 100) -> Figures:
    """How far each point is moved aside so that points of equal value lie beside each other, in -1 .. 1.

    Args:
        values: (examples,); what is no number lies where zeros do.
        rows: Bins over the range of the values.
    """
    values = np.where(np.isfinite(values), values, 0.0)
    low, high = float(values.min(initial=0.0)), float(values.max(initial=0.0))
    bins = np.rint((values - low) / max(high - low, 1e-12) * rows).astype(int)
    offsets = np.zeros(len(values))
    for each in np.unique(bins):
        members = np.flatnonzero(bins == each)
        offsets[members] = (np.arange(len(members)) + 1) // 2 * np.where(np.arange(len(members)) % 2, 1, -1)
    return offsets / max(1.0, float(np.abs(offsets).max(initial=0.0)))


def _correlation(one: Figures, others: Figures) -> Figures:
    """(columns,) sizes of the correlation; zero where something does not vary."""
    a, b = one - one.mean(), others - others.mean(0)
    scale = np.sqrt((a**2).sum() * (b**2).sum(0))
    return np.where(scale > 1e-12, np.abs(a @ b) / np.maximum(scale, 1e-12), 0.0)  # noqa: PLR2004 - rounding

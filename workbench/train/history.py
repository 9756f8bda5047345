"""History: what a run reported, kept in columns of numbers, so that a million steps are 24 MB and not a gigabyte."""

from array import array
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from workbench.core.errors import UnknownNameError, nearest
from workbench.train.contract import Event

_NAN = float("nan")


class _Table:
    """The events of one phase in one scope."""

    __slots__ = ("columns", "phase", "scope", "steps")

    def __init__(self, phase: str, scope: str) -> None:
        self.phase, self.scope = phase, scope
        self.steps = array("q")
        self.columns: dict[str, array[float]] = {}

    def add(self, event: Event) -> None:
        columns, rows = self.columns, len(self.steps)
        self.steps.append(event.step)
        if event.raw.keys() == columns.keys():
            for name, value in event.raw.items():
                columns[name].append(float(value))
            return
        for name in event.raw:
            if name not in columns:
                columns[name] = array("d", [_NAN]) * rows
        for name, column in columns.items():
            column.append(float(event.raw.get(name, _NAN)))

    def event(self, row: int) -> Event:
        values = {name: column[row] for name, column in self.columns.items()}
        return Event(self.steps[row], self.phase, {k: v for k, v in values.items() if v == v}, self.scope)  # noqa: PLR0124 - NaN is "not reported"


class History:
    """All events of a run in the order in which they came.

    One thread appends; any thread reads. A figure that was not a number reads as not reported, except in
    ``column``, where it is NaN.
    """

    def __init__(self) -> None:
        self._tables: list[_Table] = []
        self._index: dict[tuple[str, str], int] = {}
        self._order = array("H")

    def append(self, event: Event) -> None:
        """Add one event."""
        key = (event.phase, event.scope)
        at = self._index.get(key)
        if at is None:
            at = self._index[key] = len(self._tables)
            self._tables.append(_Table(*key))
        self._tables[at].add(event)
        self._order.append(at)

    def __len__(self) -> int:
        """How many events there are."""
        return len(self._order)

    def __iter__(self) -> Iterator[Event]:
        """The events reported so far."""
        return self.since([0] * 0)

    def since(self, cursor: list[int]) -> Iterator[Event]:
        """The events that a reader has not seen; ``cursor`` starts empty and is moved along."""
        if not cursor:
            cursor.append(0)
        while cursor[0] < len(self._order):
            at = self._order[cursor[0]]
            cursor.extend([0] * (at + 2 - len(cursor)))
            event = self._tables[at].event(cursor[at + 1])
            cursor[0] += 1
            cursor[at + 1] += 1
            yield event

    def phases(self, scope: str = "") -> Sequence[str]:
        """The phases that have reported."""
        return [table.phase for table in self._tables if table.scope == scope]

    def names(self, phase: str, scope: str = "") -> Sequence[str]:
        """The figures that a phase has reported."""
        return list(self._table(phase, scope).columns)

    def column(self, phase: str, name: str, scope: str = "") -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """One figure over the run.

        Returns:
            Steps and values, both of shape (reports,).

        Raises:
            UnknownNameError: The phase has not reported, or reports no such figure.
        """
        table = self._table(phase, scope)
        if name not in table.columns:
            raise UnknownNameError(f"Phase {phase!r} reports no {name!r}.{nearest(name, table.columns)}")
        rows = min(len(table.steps), len(table.columns[name]))
        return np.array(table.steps[:rows], dtype=np.int64), np.array(table.columns[name][:rows], dtype=np.float64)

    def _table(self, phase: str, scope: str) -> _Table:
        at = self._index.get((phase, scope))
        if at is None:
            known = [p for p, s in self._index if s == scope]
            raise UnknownNameError(f"No phase {phase!r} has reported.{nearest(phase, known)}")
        return self._tables[at]

"""Another value in a column of the table row on show."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from torch import Tensor

from workbench.core.errors import DataError, nearest
from workbench.panels.means.base import Means, Progress, main_input, replaced
from workbench.panels.means.given import Ranges


class Columns(Means):
    """The cells of one example; each keeps the value it had, for a reset."""

    keys: ClassVar[frozenset[str]] = frozenset({"cells", "reset"})

    def __init__(self, names: Sequence[str], ranges: Ranges) -> None:
        """Begin with nothing changed.

        Args:
            names: Of the columns.
            ranges: Least and greatest value of each in the data; empty where it is not known.
        """
        self._names, self._ranges = tuple(names), tuple(ranges)
        self._changed: dict[int, float] = {}
        self._own: Tensor | None = None

    def state(self) -> dict[str, Any]:
        """Name, value, own value and range of every column."""
        _, row = self._row()
        own = row if self._own is None else self._own
        return {
            "columns": [
                {
                    "name": name,
                    "value": _short(float(row[i])),
                    "own": _short(float(own[i])),
                    "range": list(self._ranges[i]) if i < len(self._ranges) else None,
                    "changed": i in self._changed,
                }
                for i, name in enumerate(self._names)
            ]
        }

    def forget(self) -> None:
        """Another row is on show."""
        self._changed, self._own = {}, None

    def take(self, wish: Mapping[str, Any], progress: Progress) -> str:
        """Put values into cells, or give all their own values back."""
        del progress
        at, row = self._row()
        own = row.clone() if self._own is None else self._own
        cells = wish.get("cells") if "cells" in wish else {}
        if not isinstance(cells, Mapping):
            raise DataError(f"Cells are given by the names of their columns; got {type(cells).__name__}.")
        new = {self._index(name): self._number(name, value) for name, value in cells.items()}
        changed = {} if wish.get("reset") else self._changed | new
        changed = {i: value for i, value in changed.items() if value != _short(float(own[i]))}
        fresh = own.clone()
        for i, value in changed.items():
            fresh[i] = value
        self._show(at, fresh)
        self._changed, self._own = changed, own
        return self._doubt(new)

    def calls(self) -> list[dict[str, Any]]:
        """The cells that were changed: by name, or by position where names are not unique."""
        if not self._changed:
            return []
        unique = len(set(self._names)) == len(self._names)
        return [{"cells": {self._names[i] if unique else i: value for i, value in sorted(self._changed.items())}}]

    def _row(self) -> tuple[str | int, Tensor]:
        found = main_input(self.line.session.batch)
        if found is None:
            raise DataError("The input on show is no table.")
        at, values = found
        return at, values[self.line.session.selection.example]

    def _show(self, at: str | int, row: Tensor) -> None:
        session = self.line.session
        example, values = session.selection.example, main_input(session.batch)
        assert values is not None  # noqa: S101 - it was read before
        table = values[1].clone()
        table[example] = row
        kept = session.selection
        self.line.put(replaced(session.batch, at, table))
        session.select(example=example, token=kept.token)

    def _index(self, name: Any) -> int:
        if name in self._names:
            return self._names.index(name)
        if str(name).isdecimal() and int(name) < len(self._names):
            return int(name)
        raise DataError(f"There is no column {name!r}.{nearest(str(name), self._names)}")

    def _number(self, name: Any, value: Any) -> float:
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = math.nan
        if not math.isfinite(number):
            raise DataError(f"{self._names[self._index(name)]} must be a finite number; got {str(value)[:40]!r}.")
        return number

    def _doubt(self, new: Mapping[int, float]) -> str:
        """A sentence where a new value lies outside what the data holds."""
        known = {i: self._ranges[i] for i in new if i < len(self._ranges)}
        out = [i for i, (low, top) in known.items() if not _short(low) <= new[i] <= _short(top)]
        if not out:
            return ""
        low, top = known[out[0]]
        return f"{self._names[out[0]]} lies outside the data, which has {low:.4g} to {top:.4g}"


def _short(value: float) -> float:
    """What a person would write: six figures say a float32 well enough to be changed."""
    return float(f"{value:.6g}")

"""The features of a table: which columns belong together, what they may be, and in what unit a change is measured."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from workbench.core.errors import DataError

Column = int | str
Categorical = Column | Sequence[Column]
"""a column of codes, or several columns of which one is 1"""


@dataclass(frozen=True, kw_only=True, eq=False)
class Features:
    """What may be changed in a row; every feature is one column or, one-hot, several."""

    names: tuple[str, ...]
    columns: tuple[tuple[int, ...], ...]
    """of each feature"""
    numeric: tuple[bool, ...]
    """whether a feature is a number, and no category"""
    free: tuple[bool, ...]
    """whether a feature may be changed"""
    unit: Tensor
    """(columns,) the median absolute deviation"""
    low: Tensor
    """(columns,) the least that a column may be"""
    high: Tensor
    """(columns,) the most"""
    whole: Tensor
    """(columns,) whether only whole numbers are right"""
    data: Tensor
    """(examples, columns) which features were described by"""

    def costs(self, rows: Tensor, origin: Tensor) -> Tensor:
        """(rows, features) how far each feature was moved: in deviations, and 1 for another category."""
        moved = (rows - origin).abs()
        return torch.stack([
            (moved[:, c] / self.unit[list(c)]).sum(1) if number else moved[:, c].amax(1).gt(0).to(rows)
            for c, number in zip(self.columns, self.numeric, strict=True)
        ], 1)  # fmt: skip

    def spread(self, chosen: Tensor) -> Tensor:
        """(rows, columns) from (rows, features) booleans: which columns are meant."""
        found = torch.zeros(len(chosen), len(self.unit), dtype=torch.bool)
        for i, columns in enumerate(self.columns):
            found[:, list(columns)] = chosen[:, i, None]
        return found

    def rounded(self, rows: Tensor, origin: Tensor) -> Tensor:
        """The same with whole numbers where only those are right, no nearer to the origin."""
        away = torch.where(rows > origin, rows.ceil(), rows.floor())
        return torch.where(self.whole & (rows != origin), away, rows).clamp(self.low, self.high)


def described(
    data: Tensor,
    row: Tensor,
    names: Sequence[str] | None,
    categorical: Sequence[Categorical],
    immutable: Sequence[Column],
    ranges: Mapping[Column, tuple[float, float]],
) -> Features:
    """Features of a table, by its examples.

    Args:
        data: (examples, columns).
        row: (1, columns), whose own values are always allowed.
        names: Of the columns.
        categorical: Columns of codes, and groups of one-hot columns.
        immutable: Columns that may not be changed.
        ranges: The least and the most of columns, instead of those in the examples.

    Raises:
        DataError: A column is not there or belongs to two features, or a range is none.
    """
    called = tuple(names) if names is not None else tuple(f"feature {i}" for i in range(data.size(1)))
    if len(called) != data.size(1):
        raise DataError(f"{len(called)} names were given for {data.size(1)} columns: give one for each.")
    groups = [tuple(_at(c, called) for c in _several(group)) for group in categorical]
    taken = [c for group in groups for c in group]
    if len(taken) != len(set(taken)):
        raise DataError("A column stands in two categorical features: let it belong to one.")
    fixed = {_at(c, called) for c in immutable}
    features = sorted([*((i,) for i in range(len(called)) if i not in taken), *groups])
    low, high = (torch.minimum(data.amin(0), row[0]), torch.maximum(data.amax(0), row[0]))
    for column, (least, most) in ranges.items():
        i = _at(column, called)
        if not least <= float(row[0, i]) <= most:
            raise DataError(f"{called[i]!r} is {float(row[0, i]):g}, outside the range {least:g} to {most:g}.")
        low[i], high[i] = least, most
    integers = (data == data.round()).all(0) & (row[0] == row[0].round())
    return Features(
        names=tuple(called[f[0]] if len(f) == 1 else "/".join(called[c] for c in f) for f in features),
        columns=tuple(features),
        numeric=tuple(f not in groups for f in features),
        free=tuple(not fixed & set(f) for f in features),
        unit=_units(data),
        low=low,
        high=high,
        whole=integers,
        data=data,
    )


def _units(data: Tensor) -> Tensor:
    """Median absolute deviations; where more than half are equal the standard deviation, and 1 for a constant."""
    deviation = (data - data.median(0).values).abs().median(0).values
    spread = data.std(0, correction=0)
    found = torch.where(deviation > 0, deviation, spread)
    return torch.where(found > 0, found, 1.0)


def _several(group: Categorical) -> Sequence[Column]:
    return [group] if isinstance(group, int | str) else group


def _at(column: Column, names: Sequence[str]) -> int:
    if isinstance(column, str):
        if column not in names:
            raise DataError(f"There is no column {column!r}; there are {', '.join(names[:20])}.")
        return names.index(column)
    if not 0 <= column < len(names):
        raise DataError(f"There is no column {column}: the table has {len(names)}, numbered from 0.")
    return column

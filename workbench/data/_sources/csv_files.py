"""A CSV file with names in its first line; read without pandas."""

import csv
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from workbench.core.errors import DataError
from workbench.data._sources._columns import table_rows
from workbench.data._sources._rows import Rows

if TYPE_CHECKING:
    from workbench.data._own import Own

SEPARATORS: dict[str, str] = {".csv": ",", ".tsv": "\t"}


def takes(thing: object) -> bool:
    """A path of a file."""
    return isinstance(thing, Path) and not thing.is_dir()


def read(thing: Path, how: "Own") -> Rows:
    """The rows in their order; an empty cell among numbers is a missing number.

    Raises:
        DataError: It is no table of that kind: another ending, no rows, lines of different length, two equal names.
    """
    if thing.suffix.lower() not in SEPARATORS or not thing.is_file():
        raise DataError(f"Cannot read {thing.name}: give a .csv or .tsv file, or a folder of pictures.")
    with thing.open(newline="", encoding="utf-8-sig") as file:
        lines = [line for line in csv.reader(file, delimiter=SEPARATORS[thing.suffix.lower()]) if line]
    if len(lines) < 2:  # noqa: PLR2004 - names and one row
        raise DataError(f"{thing.name} is empty: it needs a line of names and at least one row.")
    names, rows = lines[0], lines[1:]
    if len(set(names)) < len(names):
        raise DataError(f"Two columns of {thing.name} have the same name: rename one.")
    for i, row in enumerate(rows):
        if len(row) != len(names):
            raise DataError(f"Row {i + 1} of {thing.name} has {len(row)} cells where the first line has {len(names)}.")
    columns = {name: _values([row[i] for row in rows]) for i, name in enumerate(names)}
    return table_rows(columns, how, "a CSV file")


def _values(cells: list[str]) -> np.ndarray:
    """Whole numbers where all cells are such, numbers where all that are filled are, else the texts."""
    for kind in (int, float):
        try:
            return np.asarray([kind(cell) for cell in cells])
        except (ValueError, OverflowError):
            continue
    try:
        return np.asarray([float(cell) if cell.strip() else float("nan") for cell in cells])
    except ValueError:
        return np.asarray(cells, dtype=object)

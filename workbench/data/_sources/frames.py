"""A pandas ``DataFrame``: columns of numbers, or one column of texts, and a target by name."""

from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.core.errors import DataError
from workbench.data._sources import is_a
from workbench.data._sources._columns import table_rows
from workbench.data._sources._rows import Rows

if TYPE_CHECKING:
    from workbench.data._own import Own


def takes(thing: object) -> bool:
    """A data frame."""
    return is_a(thing, "pandas", "DataFrame")


def read(thing: Any, how: "Own") -> Rows:
    """The rows, in the order of the frame; its index is not looked at.

    Raises:
        DataError: Two columns have one name, or the columns do not fit together.
    """
    names = [str(name) for name in thing.columns]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise DataError(f"Two columns of {how.name} are called {twice!r}: rename one.")
    columns = {name: _values(thing.iloc[:, i]) for i, name in enumerate(names)}
    return table_rows(columns, how, "a pandas DataFrame")


def _values(column: Any) -> np.ndarray:
    """Numbers as numbers, also where pandas marks missing ones in its own way; the rest as objects."""
    kind = getattr(column.dtype, "kind", "O")
    if kind in "iufb" and not column.isna().any():
        return column.to_numpy(dtype=np.dtype({"i": "i8", "u": "i8", "f": "f8", "b": "?"}[kind]))
    if kind in "iufb":
        return column.to_numpy(dtype="f8", na_value=float("nan"))
    return column.to_numpy(dtype=object, na_value=None)

"""Rows of Hugging Face ``datasets``: a ``Dataset``, or a ``DatasetDict`` with splits of its own."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from workbench.core.errors import DataError
from workbench.data._sources import is_a
from workbench.data._sources._columns import table_rows
from workbench.data._sources._pictures import stacked
from workbench.data._sources._rows import Rows

if TYPE_CHECKING:
    from workbench.data._own import Own

SPLITS: Mapping[str, str] = {"train": "train", "validation": "validation", "valid": "validation", "test": "test"}
"""their names for splits and ours"""


def takes(thing: object) -> bool:
    """A data set or a dictionary of such."""
    return is_a(thing, "datasets", "Dataset", "DatasetDict")


def read(thing: Any, how: "Own") -> Rows:
    """The rows in their order; class names come from the features.

    Raises:
        DataError: The columns do not fit together, or a dictionary has no split called train.
    """
    if not is_a(thing, "datasets", "DatasetDict"):
        return _rows(thing, how, {})
    parts = {SPLITS[name]: part for name, part in thing.items() if name in SPLITS}
    if "train" not in parts:
        raise DataError(f"{how.name} has the splits {', '.join(thing)}: one must be called train.")
    import datasets

    ends = np.cumsum([0, *(len(part) for part in parts.values())])
    at = {name: torch.arange(ends[i], ends[i + 1]) for i, name in enumerate(parts)}
    return _rows(datasets.concatenate_datasets(list(parts.values())), how, at)


def _rows(rows: Any, how: "Own", splits: Mapping[str, Tensor]) -> Rows:
    columns = {name: _values(rows, name, how) for name in rows.column_names}
    named = tuple(getattr(rows.features.get(how.target), "names", None) or ())
    found = table_rows(columns, how, "Hugging Face rows", named)
    return Rows(
        whole=found.whole,
        source=found.source,
        labels=found.labels,
        columns=found.columns,
        texts=found.texts,
        splits=splits,
    )


def _values(rows: Any, name: str, how: "Own") -> np.ndarray:
    """One column: numbers, equally long lists of numbers, pictures, or objects."""
    if type(rows.features[name]).__name__ == "Image":
        return stacked(list(rows[name]), how.name, how.side).numpy()
    values = list(rows.with_format(None)[name])
    try:
        array = np.asarray(values)
    except ValueError:
        raise DataError(f"The lists in column {name!r} of {how.name} differ in length: pad them first.") from None
    return array if array.dtype.kind in "iufb" else np.asarray(values, dtype=object)

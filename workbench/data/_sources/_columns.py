"""Named columns as one table of numbers and a target; what tables, CSV files and Hugging Face rows share."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from workbench.core.batch import Batch
from workbench.core.errors import DataError, nearest
from workbench.data._sources._rows import Rows

if TYPE_CHECKING:
    from workbench.data._own import Own


def table_rows(columns: Mapping[str, np.ndarray], how: "Own", source: str, labels: tuple[str, ...] = ()) -> Rows:
    """Rows from columns: numbers side by side, or one column of texts, and the target.

    Args:
        columns: Values by name, each of shape (rows,) or (rows, ...).
        how: Names the target.
        source: What they came in.
        labels: Names of the classes, where the source has them.

    Raises:
        DataError: There is no such target, nothing is left as input, or texts stand among numbers.
    """
    if how.target is not None and how.target not in columns:
        raise DataError(f"{how.name} has no column {how.target!r} for the target.{nearest(how.target, columns)}")
    target, named = (None, ()) if how.target is None else labelled(columns[how.target], how.target, how.labels)
    inputs = {name: values for name, values in columns.items() if name != how.target}
    if not inputs:
        raise DataError(f"{how.name} has no column beside the target: give at least one input.")
    spoken = [name for name, values in inputs.items() if not _numeric(values)]
    if spoken and len(inputs) == 1:
        texts = [_said(value, spoken[0], i) for i, value in enumerate(inputs[spoken[0]])]
        return Rows(whole=Batch((), target), source=source, labels=labels or named, texts=texts)
    if spoken:
        raise DataError(
            f"The columns {', '.join(map(repr, spoken))} of {how.name} hold no numbers: drop them, turn them into "
            "numbers, or keep a single column of texts beside the target."
        )
    if len(inputs) == 1 and next(iter(inputs.values())).ndim > 1:
        return Rows(
            whole=Batch((torch.tensor(next(iter(inputs.values()))),), target),
            source=source,
            labels=labels or named,
        )
    wide = [name for name, values in inputs.items() if values.ndim > 1]
    if wide:
        raise DataError(f"The column {wide[0]!r} of {how.name} holds whole arrays: it must be the only input.")
    x = np.stack([values.astype(np.float64) for values in inputs.values()], axis=1)
    return Rows(whole=Batch((torch.tensor(x),), target), source=source, labels=labels or named, columns=tuple(inputs))


def labelled(values: np.ndarray, name: str, order: tuple[str, ...] = ()) -> tuple[Tensor, tuple[str, ...]]:
    """A target as numbers: whole numbers and numbers as they are, words as their place in an order.

    Args:
        values: One for each row.
        name: Of the column, for the message.
        order: The words in the order they are numbered; that of the alphabet when not given.

    Returns:
        The numbers, and the words where it held words.

    Raises:
        DataError: Rows have no target, or a word that is not in the order.
    """
    if _numeric(values):
        return torch.tensor(values), ()
    without = [i for i, value in enumerate(values) if value is None or value != value or value == ""]  # noqa: PLR0124 - NaN
    if without:
        raise DataError(f"{len(without)} rows have no {name!r}, the first is row {without[0]}: drop them.")
    words = [str(value) for value in values]
    known = order or tuple(sorted(set(words)))
    if strange := sorted(set(words) - set(known)):
        raise DataError(f"{name!r} has {strange[0]!r}, which is not among the labels {', '.join(known)}.")
    number = {word: i for i, word in enumerate(known)}
    return torch.tensor([number[word] for word in words], dtype=torch.int64), known


def _numeric(values: np.ndarray) -> bool:
    return values.dtype.kind in "iufb"


def _said(value: object, name: str, i: int) -> str:
    if not isinstance(value, str):
        raise DataError(
            f"Row {i} of column {name!r} holds {type(value).__name__} where the others hold text: fill it in."
        )
    return value

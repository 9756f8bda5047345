"""What can be wrong with data, each said in one sentence before anything trains on it."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from workbench.core.batch import Batch
from workbench.core.errors import DataError
from workbench.data.contract import Field

INPUT_TYPES = (torch.float32, torch.bfloat16, torch.float16, torch.int64, torch.bool)


def check(name: str, split: str, whole: Batch, answer: Field | None) -> None:
    """Refuse a split that no model can learn from.

    Args:
        name: Of the data set.
        split: Of the examples.
        whole: All examples of the split.
        answer: The target's field.

    Raises:
        DataError: It is empty, has parts of different lengths, a wrong dtype, a value that is not finite, or a label
            out of range.
    """
    where = f"{name} ({split})"
    parts = named_parts(whole)
    equally_long(where, parts)
    for part, tensor in parts.items():
        finite(where, part, tensor)
    if answer is not None and answer.kind in ("classes", "next_token"):
        _labels(where, whole.target, answer)


def named_parts(whole: Batch) -> dict[str, Tensor]:
    """The tensors of a batch by what they are called in messages."""
    inputs = whole.inputs
    given = dict(inputs) if isinstance(inputs, Mapping) else {f"input {i}": value for i, value in enumerate(inputs)}
    parts = {**given, "target": whole.target, "mask": whole.mask}
    return {name: value for name, value in parts.items() if isinstance(value, Tensor)}


def equally_long(where: str, parts: Mapping[str, Tensor]) -> None:
    """Refuse parts without examples, or with different numbers of them.

    Args:
        where: The data they belong to, for the message.
        parts: Tensors by name, examples along the first axis.

    Raises:
        DataError: There are none, one is empty, or they differ in length.
    """
    lengths = {part: len(tensor) for part, tensor in parts.items()}
    if not lengths or min(lengths.values()) == 0:
        raise DataError(f"{where} is empty: give at least one example.")
    if len(set(lengths.values())) > 1:
        said = ", ".join(f"{part} has {n}" for part, n in lengths.items())
        raise DataError(f"The parts of {where} differ in length: {said}.")


def finite(where: str, part: str, tensor: Tensor, columns: Sequence[str] = ()) -> None:
    """Refuse a tensor of another type than models take, or with values that are not finite.

    Args:
        where: The data it belongs to, for the message.
        part: What it is there.
        tensor: Any.
        columns: Names of its columns, where it is a table.

    Raises:
        DataError: Its dtype is unusual, or a value is NaN or infinite.
    """
    if tensor.dtype not in INPUT_TYPES:
        raise DataError(
            f"The {part} of {where} is {_short(tensor.dtype)}; use float32 for numbers, int64 for tokens and labels."
        )
    if not tensor.is_floating_point() or tensor.isfinite().all():
        return
    places = (~tensor.isfinite()).nonzero()
    first = places[0].tolist()
    column = f" in column {columns[first[1]]!r}" if len(columns) > 1 and len(first) > 1 and part != "target" else ""
    raise DataError(
        f"{len(places)} of {tensor.numel()} values in the {part} of {where} are not finite (NaN or infinite), "
        f"the first in row {first[0]}{column}: fill them in or drop those rows."
    )


def _labels(where: str, target: Tensor | None, answer: Field) -> None:
    if target is None:
        return
    if target.is_floating_point():
        raise DataError(f"The labels of {where} are {_short(target.dtype)}; classes are int64, counted from 0.")
    classes = len(answer.labels)
    low, high = int(target.min()), int(target.max())
    if low < 0 or high >= classes:
        raise DataError(
            f"The labels of {where} run from {low} to {high}; with {classes} classes they must lie in "
            f"0 … {classes - 1}."
        )


def _short(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")

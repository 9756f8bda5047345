"""What a tensor of examples is, told from its type and shape."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from workbench.core.batch import Batch
from workbench.core.errors import DataError
from workbench.data.contract import Field, Kind

if TYPE_CHECKING:
    from workbench.data._own import Own

_BY_AXES: Mapping[int, Kind] = {1: "table", 2: "series", 3: "image"}
"""by the axes of one example"""

IGNORED = -100
"""the label that torch leaves out of losses"""

_LARGEST_VOCABULARY = 1_000_000
_MANY_CLASSES = 1000


def readable(batch: Batch, how: "Own") -> Batch:
    """The same examples in the types that models take.

    Numbers become float32, whole numbers int64, bytes of pictures float32 in [-1, 1]; a column of numbers as input
    or target gets an axis of its own. Labels of -100, which torch leaves out of losses, become a mask.

    Args:
        batch: Inputs and target as they were found.
        how: What the person said about them.
    """
    inputs, target = batch.inputs, _target(batch.target, how)
    values = list(inputs.values()) if isinstance(inputs, Mapping) else list(inputs)
    kinds: list[Kind | None] = [_said(value, how) if i == 0 else None for i, value in enumerate(values)]
    read = [_input(value, kind) for value, kind in zip(values, kinds, strict=True)]
    mask = batch.mask
    if target is not None and not target.is_floating_point() and bool((left_out := target == IGNORED).any()):
        target, mask = target.masked_fill(left_out, 0), ~left_out if mask is None else mask & ~left_out
    if isinstance(inputs, Mapping):
        return Batch(dict(zip(inputs, read, strict=True)), target, mask)
    return Batch(tuple(read), target, mask)


def _said(first: Any, how: "Own") -> Kind | None:
    """The kind of the main input where something says it: the person, or yes and no in columns."""
    yes_and_no = isinstance(first, Tensor) and first.dtype == torch.bool
    return how.kind or ("table" if yes_and_no else None)


def _input(value: Any, kind: Kind | None) -> Any:
    if not isinstance(value, Tensor):
        return value
    if value.dtype == torch.uint8 and (kind == "image" or (kind is None and value.dim() in (3, 4))):
        value = (value.unsqueeze(1) if value.dim() == 3 else value).float() / 127.5 - 1  # noqa: PLR2004 - grey pictures
    elif value.is_floating_point() or kind in ("image", "table", "series", "audio"):
        value = value.float()
    elif value.dtype != torch.bool and not value.is_complex():
        value = value.long()
    return value.unsqueeze(1) if value.dim() == 1 else value


def _target(target: Tensor | None, how: "Own") -> Tensor | None:
    if target is None:
        return None
    if target.is_floating_point() and how.answer in ("classes", "next_token"):
        if not bool((target == target.round()).all()):
            raise DataError(f"The target of {how.name} has broken numbers, so they are no classes: use answer='value'.")
        return target.long()
    if target.is_floating_point() or how.answer == "value":
        target = target.float()
        return target.unsqueeze(1) if target.dim() == 1 else target
    return target.long()


@dataclass(frozen=True)
class Seen:
    """What all examples of one part have in common."""

    examples: int
    floating: bool
    shape: tuple[int | None, ...]
    """of one example; None where it varies"""
    low: int = 0
    """smallest of whole numbers"""
    high: int = 0
    """largest of whole numbers"""

    @classmethod
    def of(cls, tensor: Tensor) -> "Seen":
        """Of a tensor with examples along the first axis."""
        shape, count = tuple(tensor.shape[1:]), len(tensor)
        if tensor.is_floating_point() or not tensor.numel():
            return cls(count, tensor.is_floating_point(), shape)
        return cls(count, floating=False, shape=shape, low=int(tensor.min()), high=int(tensor.max()))

    def and_also(self, other: "Seen") -> "Seen":
        """Of the examples of both.

        Raises:
            DataError: They have different numbers of axes, or different types.
        """
        if len(self.shape) != len(other.shape) or self.floating != other.floating:
            raise DataError(f"Examples of shape {self.shape} and {other.shape} do not go together: make them alike.")
        shape = tuple(a if a == b else None for a, b in zip(self.shape, other.shape, strict=True))
        low, high = min(self.low, other.low), max(self.high, other.high)
        return Seen(self.examples + other.examples, self.floating, shape, low, high)


def input_field(name: str, seen: Seen, labels: tuple[str, ...], kind: Kind | None) -> Field:
    """The field of an input that stands in a batch.

    Args:
        name: Of the input.
        seen: All examples of it.
        labels: Names of columns or words, where they are known.
        kind: What the person says it is.

    Raises:
        DataError: The shape does not say what it is.
    """
    if kind is None:
        kind = "tokens" if len(seen.shape) == 1 and not seen.floating else _BY_AXES.get(len(seen.shape))
    if kind is None:
        raise DataError(
            f"The shape {seen.shape} of an example of {name} does not say what it is: say kind='image', 'table', "
            "'series', 'audio' or 'tokens'."
        )
    if kind == "tokens" and not labels and not seen.floating:
        labels = _numbered(name, seen)
    return Field(name=name, kind=kind, shape=seen.shape, labels=labels)


def _numbered(name: str, seen: Seen) -> tuple[str, ...]:
    if seen.low < 0 or seen.high >= _LARGEST_VOCABULARY:
        raise DataError(
            f"The whole numbers of {name} run from {seen.low} to {seen.high}, which is no vocabulary: "
            "say kind='table' where they are measurements."
        )
    return tuple(str(i) for i in range(seen.high + 1))


def answer_field(target: Seen, first: Seen, labels: tuple[str, ...], how: "Own") -> Field:
    """The field of the target.

    Args:
        target: All targets.
        first: All examples of the main input.
        labels: Names of the classes, where they are known.
        how: What the person said about it.

    Raises:
        DataError: Whole numbers are too many to be classes, negative, or beyond the names.
    """
    name = how.target or "target"
    if target.floating:
        return Field(name=name, kind="value", shape=target.shape)
    if target.low < 0:
        raise DataError(f"The labels of {how.name} run from {target.low} to {target.high}; count them from 0.")
    if not labels and target.high >= max(_MANY_CLASSES, target.examples) and not target.shape:
        raise DataError(
            f"The target of {how.name} has whole numbers up to {target.high}, more than there are rows, so they are "
            "hardly classes: say answer='value' where they are measurements."
        )
    tokens = not first.floating and bool(target.shape) and first.shape == target.shape
    kind = how.answer or ("next_token" if tokens else "classes")
    count = 1 + (max(target.high, first.high) if kind == "next_token" else target.high)
    if labels and count > len(labels):
        raise DataError(
            f"The labels of {how.name} run from {target.low} to {target.high}; with {len(labels)} classes they must "
            f"lie in 0 … {len(labels) - 1}."
        )
    return Field(name=name, kind=kind, shape=target.shape, labels=labels or tuple(str(i) for i in range(count)))

"""What a tensor of examples is, told from its type and shape."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from workbench.core.batch import Batch
from workbench.core.errors import DataError
from workbench.data.contract import Field, Kind

if TYPE_CHECKING:
    from workbench.data._own import Own

_BY_AXES: Mapping[int, Kind] = {2: "table", 3: "series", 4: "image"}
_LARGEST_VOCABULARY = 1_000_000
_MANY_CLASSES = 1000


def readable(batch: Batch, how: "Own") -> Batch:
    """The same examples in the types that models take.

    Numbers become float32, whole numbers int64, bytes of pictures float32 in [-1, 1]; a column of numbers as input
    or target gets an axis of its own.

    Args:
        batch: Inputs and target as they were found.
        how: What the person said about them.
    """
    inputs, target = batch.inputs, _target(batch.target, how)
    values = list(inputs.values()) if isinstance(inputs, Mapping) else list(inputs)
    kinds: list[Kind | None] = [_said(value, how) if i == 0 else None for i, value in enumerate(values)]
    read = [_input(value, kind) for value, kind in zip(values, kinds, strict=True)]
    if isinstance(inputs, Mapping):
        return Batch(dict(zip(inputs, read, strict=True)), target, batch.mask)
    return Batch(tuple(read), target, batch.mask)


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


def input_field(name: str, value: Tensor, labels: tuple[str, ...], kind: Kind | None) -> Field:
    """The field of an input that stands in a batch.

    Args:
        name: Of the input.
        value: Examples along the first axis.
        labels: Names of columns or words, where they are known.
        kind: What the person says it is.

    Raises:
        DataError: The shape does not say what it is.
    """
    if kind is None:
        whole = not value.is_floating_point()
        kind = "tokens" if whole and value.dim() == 2 else _BY_AXES.get(value.dim())  # noqa: PLR2004 - rows of tokens
    if kind is None:
        raise DataError(
            f"The shape {tuple(value.shape)} of {name} does not say what an example is: say kind='image', 'table', "
            "'series', 'audio' or 'tokens'."
        )
    if kind == "tokens" and not labels and not value.is_floating_point():
        labels = _numbered(int(value.max()) + 1 if value.numel() else 0, name, int(value.min()) if value.numel() else 0)
    return Field(name=name, kind=kind, shape=tuple(value.shape[1:]), labels=labels)


def _numbered(count: int, name: str, lowest: int) -> tuple[str, ...]:
    if lowest < 0 or count > _LARGEST_VOCABULARY:
        raise DataError(
            f"The whole numbers of {name} run from {lowest} to {count - 1}, which is no vocabulary: "
            "say kind='table' where they are measurements."
        )
    return tuple(str(i) for i in range(count))


def answer_field(whole: Batch, labels: tuple[str, ...], how: "Own") -> Field | None:
    """The field of the target.

    Args:
        whole: All examples, as ``readable`` gives them.
        labels: Names of the classes, where they are known.
        how: What the person said about it.

    Raises:
        DataError: Whole numbers are too many to be classes, or negative.
    """
    target = whole.target
    if target is None:
        return None
    if target.is_floating_point():
        return Field(name=how.target or "target", kind="value", shape=tuple(target.shape[1:]))
    low, high = int(target.min()), int(target.max())
    if low < 0:
        raise DataError(f"The labels of {how.name} run from {low} to {high}; count them from 0.")
    if not labels and high >= max(_MANY_CLASSES, len(target)) and target.dim() == 1:
        raise DataError(
            f"The target of {how.name} has whole numbers up to {high}, more than there are rows, so they are hardly "
            "classes: say answer='value' where they are measurements."
        )
    first = next(iter(whole.tensors()))
    tokens = not first.is_floating_point() and first.shape == target.shape and target.dim() > 1
    kind = how.answer or ("next_token" if tokens else "classes")
    count = high + 1
    if kind == "next_token":
        count = max(count, int(first.max()) + 1)
    names = labels or tuple(str(i) for i in range(count))
    return Field(name=how.target or "target", kind=kind, shape=tuple(target.shape[1:]), labels=names)

"""Edits: what a person changes inside a model to see what happens. The model itself stays as it is.

An edit replaces one value of the forward, by its address. It is part of how the model is called, so that every
method which takes ``call=`` explains the edited model: output, attention, attribution, the search for mistakes.
"""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from workbench.core.calling import Call, call, scores
from workbench.core.errors import DataError
from workbench.taps import tap
from workbench.taps.addresses import resolve
from workbench.taps.values import mapped, tensors

Change = Callable[[Any], Any]
"""value -> value of the same shape"""


@dataclass(frozen=True, slots=True)
class Edit:
    """One change of one value."""

    kind: Literal["ablated", "steered", "edited"]
    address: str
    unit: int | None
    """the unit that is ablated; None for all of them, and for other kinds"""
    sentence: str
    """the edit in words"""
    code: str
    """the method of ``Session`` and its arguments that make it"""
    change: Change


@dataclass(frozen=True, slots=True)
class Effect:
    """What the edits did to the output."""

    largest: float
    """the largest absolute change of a score"""
    relative: float
    """the norm of the change over the norm of the untouched scores"""
    sentence: str
    """the same in words"""


class Edits(Sequence[Edit]):
    """The edits of a session. The same change made again, with other figures, replaces the first."""

    def __init__(self, model: nn.Module, plain: Call | None) -> None:
        """Begin without any.

        Args:
            model: The model that is called.
            plain: How it is called, where that is not the ordinary way.
        """
        self.model, self.plain = model, plain
        self._all: tuple[Edit, ...] = ()

    def __len__(self) -> int:
        return len(self._all)

    def __getitem__(self, i: Any) -> Any:
        return self._all[i]

    def __iter__(self) -> Iterator[Edit]:
        return iter(self._all)

    @property
    def call(self) -> Call | None:
        """How the edited model is called."""
        return self._run if self._all else self.plain

    def put(self, *new: Edit) -> tuple[Edit, ...]:
        """Add edits; returns what there was before, as ``restore`` takes it.

        Raises:
            AddressError: An address names nothing in this model.
        """
        for edit in new:
            resolve(self.model, edit.address)
        before, keys = self._all, {_key(edit) for edit in new}
        self._all = (*(edit for edit in before if _key(edit) not in keys), *new)
        return before

    def restore(self, edits: Sequence[Edit] = ()) -> None:
        """Have these edits and no others."""
        self._all = tuple(edits)

    @contextmanager
    def made(self) -> Generator[None]:
        """In this thread, forwards of the model are edited. Taps that are entered later read edited values."""
        if not self._all:
            yield
            return
        with tap(self.model, max_bytes=0) as editing:
            for edit in self._all:
                editing.edit({edit.address: edit.change})
            yield

    def _run(self, model: nn.Module, inputs: Any) -> Any:
        with self.made():
            return call(model, inputs, call=self.plain)


def edited(address: str, change: Change) -> Edit:
    """A value replaced by a function of itself."""
    called = getattr(change, "__name__", type(change).__name__)
    said = f"edited {_named(address)}" + ("" if called == "<lambda>" else f" with {called}")
    return Edit("edited", address, None, said, f"edit({{{address!r}: change}})", change)


def ablated(address: str, unit: int | None) -> Edit:
    """A value set to zero: all of it, or one unit (a channel of pictures, else a feature of the last axis)."""

    def change(value: Tensor) -> Tensor:
        if unit is None:
            return torch.zeros_like(value)
        axis = unit_axis(value)
        if not -value.shape[axis] <= unit < value.shape[axis]:
            raise DataError(f"{address!r} has units 0 to {value.shape[axis] - 1}, not {unit}.")
        return value.index_fill(axis, torch.tensor([unit % value.shape[axis]], device=value.device), 0.0)

    which, arguments = ("", "") if unit is None else (f", unit {unit}", f", {unit}")
    said = f"ablated {_named(address)}{which}"
    return Edit("ablated", address, unit, said, f"ablate({address!r}{arguments})", _of_first(change))


def steered(address: str, vector: Any, scale: float) -> Edit:
    """A vector (units,) times a scale added to a value, at every position."""
    direction = torch.as_tensor(vector).detach().clone()
    if direction.dim() != 1 or not direction.numel():
        raise DataError(f"A steering vector has one axis, one number a unit; got shape {tuple(direction.shape)}.")

    def change(value: Tensor) -> Tensor:
        axis = unit_axis(value)
        if len(direction) != value.shape[axis]:
            raise DataError(f"{address!r} has {value.shape[axis]} units, the steering vector {len(direction)}.")
        shape = [1] * value.dim()
        shape[axis] = -1
        return value + (scale * direction).to(value).view(shape)

    said = f"steered {_named(address)} by {scale:g} times a vector of length {float(direction.float().norm()):.3g}"
    return Edit("steered", address, None, said, f"steer({address!r}, vector, {scale:g})", _of_first(change))


def effect(output: Any, untouched: Any, called: Callable[[int], str], example: int) -> Effect:
    """How far an output moved, and what became of the likeliest class of one example.

    Args:
        output: Of the edited model.
        untouched: Of the model as it is.
        called: The name of a class.
        example: Row of the batch.
    """
    new, old = scores(output).detach().float(), scores(untouched).detach().float()
    moved = new - old
    largest = float(moved.abs().max()) if moved.numel() else 0.0
    relative = float(moved.norm() / old.norm().clamp_min(1e-12))
    said = f"the output moved by {relative:.2%}" if largest else "the output is the same"
    if new.dim() == 2 and new.shape[-1] > 1:  # noqa: PLR2004 - (examples, classes)
        row = min(example, len(new) - 1)
        was, now = int(old[row].argmax()), int(new[row].argmax())
        before, after = float(old[row].softmax(-1)[was]), float(new[row].softmax(-1)[now])
        said += f": {called(was)} {before:.2f} → {called(now)} {after:.2f}"
    return Effect(largest, relative, said)


def unit_axis(value: Tensor) -> int:
    """Channels of pictures and volumes; features of everything else."""
    return 1 if value.dim() > 3 else -1  # noqa: PLR2004 - (batch, channels, height, width)


def of_mapping(changes: Mapping[str, Change]) -> tuple[Edit, ...]:
    """An edit for every address."""
    return tuple(edited(address, change) for address, change in changes.items())


def _key(edit: Edit) -> tuple[str, str, int | None]:
    return edit.kind, edit.address, edit.unit


def _named(address: str) -> str:
    return address or "the output"


def _of_first(change: Callable[[Tensor], Tensor]) -> Change:
    """The change of a tensor as one of whatever a module returns: of the first tensor in it."""

    def whole(value: Any) -> Any:
        first = next((tensor for _, tensor in tensors(value)), None)
        return mapped(value, lambda tensor: change(tensor) if tensor is first else tensor)

    return whole

"""The part of a session that edits: what a person changes inside the model, and what that does to the output."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from workbench.core.calling import Call
from workbench.core.live import look
from workbench.interpret import editing, targets
from workbench.interpret._labels import naming
from workbench.interpret.editing import Change, Edit, Edits, Effect
from workbench.interpret.moment import Selection, Snapshot


class Editable(ABC):
    """What holds edits of a model. A second input of the same model shares those of the first."""

    model: nn.Module
    names: Sequence[str] | None
    processor: Any
    selection: Selection
    _edits: Edits
    _first: Any
    """the session of the first input, in that of a second"""
    _lock: threading.RLock

    @abstractmethod
    def snapshot(self) -> Snapshot:
        """The captured forward, with the edits."""

    @abstractmethod
    def _forget_all(self) -> None:
        """What was captured of this and of a second input belongs to other edits."""

    @abstractmethod
    def _tell(self, *, looked_at: bool = True) -> None:
        """Tell followers that something has changed: what is looked at, or only the weights."""

    @property
    def call(self) -> Call | None:
        """How the model is called, with the edits; every method that takes ``call=`` explains the edited model."""
        return self._edits.call

    @property
    def edits(self) -> tuple[Edit, ...]:
        """What is changed inside the model; each has its ``sentence``."""
        return tuple(self._edits)

    def edit(self, changes: Mapping[str, Change]) -> None:
        """Replace values inside the model; everything captured from now on is of the edited model.

        The model is not changed, and nobody else who runs it sees the edits. An edit whose forward raises is not made.

        Args:
            changes: Address -> function from the value to a new value of the same shape.

        Raises:
            AddressError: An address names nothing in this model.
            ModelError: A function changed its value in place, or its shape.
        """
        self._put(*editing.of_mapping(changes))

    def ablate(self, address: str, unit: int | None = None) -> None:
        """Set a value to zero, as ``edit`` does.

        Args:
            address: The value; of a tuple or mapping its first tensor.
            unit: A channel of pictures, else a feature of the last axis; None for the whole value.

        Raises:
            AddressError: The address names nothing in this model.
            DataError: There is no such unit.
        """
        self._put(editing.ablated(address, unit))

    def steer(self, address: str, vector: Any, scale: float = 1.0) -> None:
        """Add a vector to a value at every position, as ``edit`` does. Steering it again replaces that.

        Args:
            address: The value; of a tuple or mapping its first tensor.
            vector: (units,)
            scale: What it is multiplied by.

        Raises:
            AddressError: The address names nothing in this model.
            DataError: The vector does not fit.
        """
        self._put(editing.steered(address, vector, scale))

    def reset(self) -> None:
        """Take all edits back."""
        if self._first is not None and self._first._edits is self._edits:  # noqa: SLF001 - the same class
            self._first.reset()
        elif self._edits:
            with self._lock:
                self._edits.restore()
                self._forget_all()
            self._tell()

    @property
    def untouched(self) -> Any:
        """What the model returns without the edits, detached, with the weights of ``output``."""
        return self.snapshot().untouched

    def effect(self) -> Effect | None:
        """What the edits did to the output; None where there are none."""
        if not self._edits:
            return None
        held = self.snapshot()
        called = naming(self.processor, held.output) or targets.namer(self.model, self.names)
        return editing.effect(held.output, held.untouched, called, self.selection.example)

    def _put(self, *edits: Edit) -> None:
        if self._first is not None and self._first._edits is self._edits:  # noqa: SLF001 - the same class
            self._first._put(*edits)  # noqa: SLF001 - the same class
            return
        with look(), self._lock:
            before = self._edits.put(*edits)
            self._forget_all()
            try:
                self.snapshot()
            except BaseException:
                self._edits.restore(before)
                raise
        self._tell()

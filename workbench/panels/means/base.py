"""Means: one way of saying what is looked at next. One file each; the input row holds those that apply."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from torch import Tensor

from workbench.core.batch import Batch
from workbench.interpret.batches import as_batch

if TYPE_CHECKING:
    from workbench.interpret import Session

_HERE = Path(__file__).parent

Progress = Callable[[str], bool]
"""told how far something is; returns whether to go on"""


class Line:
    """One input of a session and the means to change it."""

    def __init__(self, session: "Session", means: Sequence["Means"], batch: Batch | None = None) -> None:
        """Begin with what the session looks at.

        Args:
            session: The model and the input.
            means: What applies to it.
            batch: The input that the means say; that of the session when not given.
        """
        self.session, self.said, self.wrong = session, "", False
        self._batch = session.batch if batch is None else batch
        self.means = [one.on(self) for one in means]

    def state(self) -> dict[str, Any]:
        """The line as the page draws it."""
        if self.session.batch is not self._batch:
            self._batch = self.session.batch
            for one in self.means:
                one.replaced()
            self.tell("the input was changed by code")
        known: dict[str, Any] = {"text": None, "example": 0, "examples": 1, "said": self.said, "wrong": self.wrong}
        for one in self.means:
            known |= one.state()
        return known

    def take(self, wish: Mapping[str, Any], progress: Progress) -> None:
        """Look at what is wished; what nobody understands changes nothing.

        Raises:
            WorkbenchError: It cannot be looked at; the input is the one from before.
        """
        self.tell("")
        for one in self.means:
            if one.keys & set(wish):
                self.said = one.take(wish, progress)
                return

    def tell(self, sentence: str, *, wrong: bool = False) -> None:
        """Say something beside the line."""
        self.said, self.wrong = sentence, wrong

    def look_at(self, inputs: Any, by: "Means", *, example: int = 0) -> None:
        """Put another input into the session; what the other means had made of the one before is forgotten."""
        for one in self.means:
            if one is not by:
                one.forget()
        self.put(inputs)
        self.session.select(example=example)

    def put(self, inputs: Any) -> None:
        """Put an input into the session that one of the means has made of the one before."""
        self._batch = as_batch(inputs)  # first, because the session tells others at once
        self.session.use(self._batch)

    def calls(self) -> list[dict[str, Any]]:
        """What ``Inspector.look`` is called with, one after the other, to come to this input again."""
        return [call for one in self.means for call in one.calls()]


class Means(ABC):
    """One way of saying what is looked at next."""

    keys: ClassVar[frozenset[str]]
    """of the wishes that it understands"""
    line: Line

    @property
    def offers(self) -> bool:
        """Whether there is anything to choose from."""
        return True

    @property
    def script(self) -> str:
        """What draws it: the ESM beside its own file."""
        return (_HERE / f"{type(self).__module__.rpartition('.')[2]}.js").read_text("utf-8")

    def on(self, line: Line) -> Self:
        """A copy that changes another line, beginning with what this one has come to."""
        other = copy(self)
        other.line = line
        return other

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """What the page needs to draw it."""

    @abstractmethod
    def take(self, wish: Mapping[str, Any], progress: Progress) -> str:
        """Look at what is wished; returns what is said of it.

        Args:
            wish: What a page sent, not yet checked.
            progress: Told how far a long search is.

        Raises:
            WorkbenchError: It cannot be looked at; nothing has changed.
        """

    def forget(self) -> None:  # noqa: B027 - most have nothing to forget
        """Another of the means has put another input in the place of the one on show."""

    def replaced(self) -> None:
        """Code has put another input into the session; unless overridden, as ``forget``."""
        self.forget()

    @abstractmethod
    def calls(self) -> list[dict[str, Any]]:
        """What ``Inspector.look`` is called with to come to the same again."""


def main_input(batch: Batch) -> tuple[str | int, Tensor] | None:
    """The first tensor among the inputs, and where it stands."""
    items = batch.inputs.items() if isinstance(batch.inputs, Mapping) else enumerate(batch.inputs)
    return next(((at, value) for at, value in items if isinstance(value, Tensor)), None)


def replaced(batch: Batch, at: str | int, value: Tensor) -> Batch:
    """The same batch with one of its inputs replaced."""
    if isinstance(batch.inputs, Mapping):
        return Batch({**batch.inputs, str(at): value}, batch.target, batch.mask)
    inputs = tuple(value if i == at else old for i, old in enumerate(batch.inputs))
    return Batch(inputs, batch.target, batch.mask)

"""What a lesson shows: verdicts, hints and progress, each as text and as escaped HTML."""

from dataclasses import dataclass
from html import escape
from typing import Any

from workbench.core.markup import columns, table

MARK = "application/vnd.workbench.lesson+json"
"""kind of output in which a notebook keeps what was answered"""
_HEADER = ("exercise", "points", "attempts", "hints")


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What came of an answer. As the last line of a cell it is shown, and kept in the notebook."""

    lesson: str
    exercise: str
    right: bool
    says: str
    points: int
    """that the answer earned"""
    attempts: int
    hints: int
    """that were asked for"""
    then: str = ""
    """the next question"""

    def __str__(self) -> str:
        head = f"{'Right' if self.right else 'Not yet'}: {self.says}"
        return f"{head}\nNext: {self.then}" if self.then else head

    __repr__ = __str__

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        colour, sign = ("#2b8a3e", "✓ Right") if self.right else ("#c25e00", "○ Not yet")
        then = f"<div><b>Next</b> {escape(self.then)}</div>" if self.then else ""
        kept = ("lesson", "exercise", "right", "points", "attempts", "hints")
        return {
            "text/plain": str(self),
            "text/html": f'<div style="border-left:4px solid {colour};padding:2px 12px">'
            f"<div><b>{sign}</b> {escape(self.says)}</div>{then}</div>",
            MARK: {name: getattr(self, name) for name in kept},
        }


@dataclass(frozen=True, slots=True)
class Hint:
    """A hint, as it is shown."""

    text: str
    number: int
    of: int

    def __str__(self) -> str:
        return f"Hint {self.number} of {self.of}: {self.text}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return f'<div style="padding:2px 12px"><b>Hint {self.number} of {self.of}</b> {escape(self.text)}</div>'


@dataclass(frozen=True, slots=True)
class Row:
    """How far one exercise is."""

    exercise: str
    points: int
    of: int
    attempts: int = 0
    hints: int = 0


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a lesson is."""

    title: str
    rows: tuple[Row, ...]

    @property
    def points(self) -> int:
        """Points that were earned."""
        return sum(row.points for row in self.rows)

    @property
    def of(self) -> int:
        """Points that there are."""
        return sum(row.of for row in self.rows)

    def _cells(self) -> list[tuple[str, str, int, int]]:
        return [(row.exercise, f"{row.points}/{row.of}", row.attempts, row.hints) for row in self.rows]

    def __str__(self) -> str:
        return columns(_HEADER, self._cells(), f"{self.title}: {self.points} of {self.of} points")

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return table(_HEADER, self._cells(), f"{self.title}: {self.points} of {self.of} points")

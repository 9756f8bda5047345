"""What a page is made of: pieces, each in several versions from the richest to the poorest."""

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something that the page does not show as the notebook did."""

    cell: int
    """number of the cell, from 1"""
    what: str
    """what is missing"""
    why: str
    """the reason, and what to try"""

    @property
    def sentence(self) -> str:
        """What is missing, and why."""
        return f"{self.what}: {self.why}."

    def __str__(self) -> str:
        return f"Cell {self.cell}: {self.sentence}"


@dataclass(frozen=True, slots=True)
class Version:
    """One way to show a piece."""

    html: str
    """clean"""
    panels: frozenset[str] = frozenset()
    """ids of the widgets that it draws"""
    name: str = "text"
    """what it is called when it is left out"""


@dataclass(slots=True)
class Piece:
    """A part of the page that may be shown in a poorer version when the page would grow too large."""

    cell: int
    versions: Sequence[Version]
    at: int = field(default=0)
    """which version is shown"""

    @property
    def shown(self) -> Version:
        """The version that is shown."""
        return self.versions[self.at]

    @property
    def poorer(self) -> Version | None:
        """The next poorer version, if there is one."""
        return self.versions[self.at + 1] if self.at + 1 < len(self.versions) else None

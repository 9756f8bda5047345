"""The table of the zoo."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from workbench.core.errors import UnknownNameError, nearest
from workbench.core.markup import amount, columns
from workbench.core.markup import table as html_table
from workbench.zoo import _discovery
from workbench.zoo._badges import badge_of
from workbench.zoo._facts import index

_HEADER = ("name", "family", "what it is", "paper", "task", "parameters", "claim")


@dataclass(frozen=True)
class Row:
    """One entry, in short."""

    name: str
    family: str
    title: str
    paper: str
    task: str
    parameters: int
    """of the default size"""
    rows: tuple[str, ...]
    """ids of the catalogue"""
    badge: str
    """last result of the claim: "holds", "fails", "stale" or "never run" """


@dataclass(frozen=True)
class Table:
    """Entries that were asked for."""

    rows: tuple[Row, ...]

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __str__(self) -> str:
        return columns(_HEADER, self._cells(), self._note())

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return html_table(_HEADER, self._cells(), self._note())

    def to_dict(self) -> list[dict[str, Any]]:
        """The rows as JSON."""
        return [asdict(row) for row in self.rows]

    def _cells(self) -> list[tuple[str, ...]]:
        return [
            (row.name, row.family, row.title, row.paper, row.task, amount(row.parameters), row.badge) for row in self
        ]

    def _note(self) -> str:
        return f"{len(self)} of {len(_discovery.names())} entries. wb.zoo.card(name) says more."


def listing(family: str | None, task: str | None, paper: str | None, max_parameters: int | None) -> Table:
    """The rows that pass every filter.

    Raises:
        UnknownNameError: There is no such family, or no entry for such a task.
    """
    families, facts = _discovery.families(), index()
    tasks = sorted({entry["task"] for entry in facts.values()})
    if family is not None and family not in families:
        raise UnknownNameError(f"There is no family {family!r} in zoo.{nearest(family, families)}")
    if task is not None and (task := task.replace("-", "_")) not in tasks:
        raise UnknownNameError(f"No entry of the zoo is for the task {task!r}.{nearest(task, tasks)}")
    found = [
        _row(name, folder, facts[name])
        for folder, entries in families.items()
        for name in entries
        if name in facts  # a file that is newer than the index is missing here until the index is written
        if family in (None, folder)
        if task in (None, facts[name]["task"])
        if paper is None or paper.casefold() in _paper_text(facts[name]).casefold()
        if max_parameters is None or facts[name]["parameters"]["default"] <= max_parameters
    ]
    return Table(tuple(found))


def _row(name: str, family: str, facts: dict[str, Any]) -> Row:
    return Row(
        name=name,
        family=family,
        title=facts["title"],
        paper=f"{facts['paper']['authors'].partition(',')[0]} {facts['paper']['year']}",
        task=facts["task"],
        parameters=facts["parameters"]["default"],
        rows=tuple(facts["rows"]),
        badge=badge_of(name).status,
    )


def _paper_text(facts: dict[str, Any]) -> str:
    return " ".join(str(value) for value in facts["paper"].values())

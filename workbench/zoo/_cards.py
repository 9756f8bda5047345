"""The card of an entry: everything a person should know before building it."""

from dataclasses import asdict, dataclass
from html import escape
from typing import Any

from workbench.core.entry import Paper
from workbench.core.markup import amount, columns
from workbench.core.markup import table as html_table
from workbench.zoo._badges import COLOURS, Badge, badge_of
from workbench.zoo._discovery import family_of
from workbench.zoo._facts import index, opening_of

_HEADER = ("setting", "default", "range", "what it is")
_SIGNS = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<", "multiple_of": "multiple of"}


@dataclass(frozen=True)
class Setting:
    """One thing that can be turned."""

    name: str
    kind: str
    default: Any
    range: str
    """in words, and the size of the data that sets it, if one does"""
    help: str


@dataclass(frozen=True)
class EntryCard:
    """An entry in words."""

    name: str
    family: str
    title: str
    text: str
    """the rest of the opening: equations, departures"""
    paper: Paper
    rows: tuple[str, ...]
    """ids of the catalogue that it is evidence for"""
    task: str
    takes: tuple[str, ...]
    parameters: dict[str, int]
    """by preset"""
    settings: tuple[Setting, ...]
    claim: str
    """what is claimed, in words"""
    metric: str
    threshold: float
    badge: Badge

    def to_dict(self) -> dict[str, Any]:
        """The card as JSON."""
        return asdict(self)

    def __str__(self) -> str:
        head = f"{self.name}: {self.title}\n{self._source()}\n\n{self.text}\n"
        return f"{head}\n{columns(_HEADER, self._cells())}\n\n{self._sizes()}\nClaim: {self.claim}\n{self._last()}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        colour = COLOURS[self.badge.status]
        mark = f'<b style="color:{colour}">{escape(self.badge.status)}</b>'
        text = "".join(
            f'<p style="white-space:pre-wrap">{escape(part)}</p>' for part in self.text.split("\n\n") if part
        )
        return (
            f"<div><h3>{escape(self.name)}</h3><p>{escape(self.title)}<br><small>{escape(self._source())}</small></p>"
            f"{text}{html_table(_HEADER, self._cells(), self._sizes())}"
            f"<p>{mark} {escape(self.claim)}<br><small>{escape(self._last())}</small></p></div>"
        )

    def _source(self) -> str:
        paper = self.paper
        where = paper.venue or (f"arXiv:{paper.arxiv}" if paper.arxiv else "")
        return f"{paper.authors.replace(' and ', '; ')} ({paper.year}). {paper.title}. {where}".strip()

    def _cells(self) -> list[tuple[str, str, str, str]]:
        return [(s.name, str(s.default), s.range, s.help) for s in self.settings]

    def _sizes(self) -> str:
        return "Parameters: " + ", ".join(f"{preset} {amount(count)}" for preset, count in self.parameters.items())

    def _last(self) -> str:
        if not self.badge.figures:
            return f"Never run here: workbench verify {self.name}"
        figures = ", ".join(f"{figure:.4g}" for figure in self.badge.figures)
        stale = ", measured before the entry or a library changed" if self.badge.status == "stale" else ""
        return f"{self.metric}: {figures} over the seeds; threshold {self.threshold:g}{stale}"


def card_of(name: str) -> EntryCard:
    """The card of an entry, from the index, the file's opening and the last result.

    Raises:
        UnknownNameError: There is no such entry.
    """
    family = family_of(name)
    name = name.replace("-", "_")
    badge, facts = badge_of(name), index()[name]
    title, _, text = opening_of(name).partition("\n")
    return EntryCard(
        name=name,
        family=family,
        title=title,
        text=text.strip(),
        paper=Paper(**facts["paper"]),
        rows=tuple(facts["rows"]),
        task=facts["task"],
        takes=tuple(facts["takes"]),
        parameters=facts["parameters"],
        settings=tuple(_setting(row) for row in facts["fields"]),
        claim=facts["claim"]["sentence"],
        metric=facts["claim"]["metric"],
        threshold=facts["claim"]["threshold"],
        badge=badge,
    )


def _setting(row: dict[str, Any]) -> Setting:
    bounds = [f"{_SIGNS[bound]} {value:g}" for bound, value in row["bounds"].items()]
    if "data" in row:
        bounds.append(f"set by the data's {row['data']}")
    return Setting(row["name"], row["kind"], row["default"], ", ".join(bounds), row["help"])

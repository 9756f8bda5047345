"""What any entry may promise: its sources and an executable claim."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

ClaimKind = Literal["exact", "ablation", "beats", "reproduces"]


@dataclass(frozen=True, kw_only=True)
class Paper:
    """One citable source."""

    title: str
    authors: str
    """as BibTeX has them: "Family, Given and Family, Given and others" """
    year: int
    venue: str = ""
    arxiv: str = ""
    doi: str = ""

    @property
    def key(self) -> str:
        """A BibTeX key: family name of the first author, year, first word of the title."""
        family = self.authors.split(" and ")[0].split(",")[0]
        word = next((w for w in self.title.split() if len(w) > 3), self.title)  # noqa: PLR2004 - skip articles
        return "".join(c for c in f"{family}{self.year}{word}".lower() if c.isalnum())

    def bibtex(self) -> str:
        """The BibTeX entry."""
        rows = {"title": f"{{{self.title}}}", "author": self.authors, "year": str(self.year)}
        rows |= {"journal": self.venue or (f"arXiv:{self.arxiv}" if self.arxiv else "")}
        rows |= {"eprint": self.arxiv, "archivePrefix": "arXiv" if self.arxiv else "", "doi": self.doi}
        body = ",\n".join(f"  {name} = {{{value}}}" for name, value in rows.items() if value)
        return f"@article{{{self.key},\n{body}\n}}"


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One measured number with its name, as it stands in a claim's table."""

    name: str
    value: float


@dataclass(frozen=True, kw_only=True)
class Demand:
    """A second figure that a claim asks for, so that the first cannot be had at its expense."""

    metric: str
    """name of the figure, with its unit"""
    measure: Callable[[Any, Any], float]
    """(trained model, data) -> the figure"""
    threshold: float
    """what it must reach"""
    higher: bool = True
    """whether larger is better"""

    def reaches(self, value: float) -> bool:
        """Whether a figure is at least as good as the threshold."""
        return value >= self.threshold if self.higher else value <= self.threshold


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What an entry learns, and what must fail or be beaten for that to mean something.

    The worst of three seeds must reach the threshold and meet every further demand. Where there is an ablation,
    the ablated network is trained by the same recipe and must miss one of them. With ``kind="beats"`` the figure
    must also beat the first rival by ``margin``. Rivals are printed beside every claim, also where they win.
    """

    kind: ClaimKind
    sentence: str
    """what is claimed, in words"""
    metric: str
    """name of the figure, with its unit"""
    threshold: float
    """the worst of three seeds must reach it; an ablated network must miss it, or a demand"""
    measure: Callable[[Any, Any], float] | None = None
    """(trained model, data) -> the figure on held-out data; the task's metric when not given"""
    rivals: Callable[[Any], dict[str, float]] | None = None
    """(data) -> figures of classical methods on the same split, the one to beat first; the task's when not given"""
    margin: float = 0.0
    """for "beats": by how much the first rival must be beaten"""
    higher: bool = True
    """whether larger is better"""
    ablation: Callable[[Any], Any] | None = None
    """(config) -> the same network without the row's idea"""
    also: tuple[Demand, ...] = ()
    """further figures that must hold as well"""
    published: str = ""
    """a figure read in the paper, with where; "direction" where only the sign is known"""

    def reaches(self, value: float) -> bool:
        """Whether a figure is at least as good as the threshold."""
        return value >= self.threshold if self.higher else value <= self.threshold

    def beats(self, value: float, rival: float) -> bool:
        """Whether a figure is better than a rival's by at least the margin."""
        return value - rival >= self.margin if self.higher else rival - value >= self.margin

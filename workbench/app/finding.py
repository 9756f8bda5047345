"""Finding an entry of the zoo by words, each with the badge of its claim."""

from typing import Any

from workbench import zoo
from workbench.core.errors import UnknownNameError, nearest
from workbench.zoo import EntryCard


class Catalogue:
    """The entries with their badges as they stand when it is made.

    Make it in the thread of the notebook's cells: cards parse source files, and Python 3.11 fails where two threads
    make syntax trees at once, which would hit a cell that is being compiled.
    """

    def __init__(self) -> None:
        self._cards = {row.name: zoo.card(row.name) for row in zoo.table()}
        self._rows = [_row(card) for card in self._cards.values()]
        self._texts = [_text(card) for card in self._cards.values()]

    def found(self, words: str = "") -> list[dict[str, Any]]:
        """The entries in whose name, title, family, task, paper or claim every word occurs.

        Args:
            words: Separated by blanks; upper and lower case are the same.

        Returns:
            For each entry ``name``, ``family``, ``title``, ``badge`` ("holds", "fails", "stale", "never run") and
            ``says``: its worst figure beside the threshold.
        """
        wanted = words.casefold().split()
        pairs = zip(self._rows, self._texts, strict=True)
        return [row for row, text in pairs if all(word in text for word in wanted)]

    def title(self, name: str) -> str:
        """What an entry is, in a sentence."""
        return self._card(name).title

    def claim(self, name: str) -> tuple[str, str]:
        """The badge's status, and the claim with its last result in a sentence."""
        card = self._card(name)
        figures = ", ".join(f"{figure:.4g}" for figure in card.badge.figures)
        last = f"{card.metric} {figures} over the seeds, threshold {card.threshold:g}"
        sentences = {
            "holds": f"claim holds: {last}",
            "fails": f"claim fails: {last}",
            "stale": f"claim measured before the entry or a library changed: {last}",
            "never run": f"claim never run here: workbench verify {name}",
        }
        return card.badge.status, sentences[card.badge.status]

    def paper(self, name: str) -> dict[str, str]:
        """``title`` of an entry's paper, and ``by``: who, when and where."""
        paper = self._card(name).paper
        authors = paper.authors.split(" and ")
        first = authors[0].partition(",")[0]
        where = f"arXiv {paper.arxiv}" if paper.arxiv else paper.venue
        return {"title": paper.title, "by": f"{first}{' et al.' if len(authors) > 1 else ''} {paper.year} · {where}"}

    def _card(self, name: str) -> EntryCard:
        if name not in self._cards:
            raise UnknownNameError(f"The index of the zoo does not know {name!r}.{nearest(name, self._cards)}")
        return self._cards[name]


def _row(card: EntryCard) -> dict[str, Any]:
    status = card.badge.status
    return {"name": card.name, "family": card.family, "title": card.title, "badge": status, "says": _says(card)}


def _text(card: EntryCard) -> str:
    paper = card.paper
    parts = [card.name, card.family, card.title, card.task, card.claim, *card.rows, *card.takes]
    return " ".join([*parts, paper.title, paper.authors, str(paper.year), paper.venue, paper.arxiv]).casefold()


def _says(card: EntryCard) -> str:
    figures, higher = card.badge.figures, zoo.facts()[card.name]["claim"]["higher"]
    if not figures:
        return "unproven"
    worst = min(figures) if higher else max(figures)
    return f"{worst:.3g} {'≥' if higher else '≤'} {card.threshold:.3g}"

"""Finding an entry of the zoo by words, each with the badge of its claim."""

from functools import cache
from typing import Any

from workbench import zoo


def found(words: str = "") -> list[dict[str, Any]]:
    """The entries in whose name, title, family, task, paper or claim every word occurs.

    Args:
        words: Separated by blanks; upper and lower case are the same.

    Returns:
        For each entry ``name``, ``family``, ``title``, ``badge`` ("holds", "fails", "stale", "never run") and
        ``says``: its worst figure beside the threshold.
    """
    wanted = words.casefold().split()
    return [
        {"name": row.name, "family": row.family, "title": row.title, "badge": row.badge, "says": _says(row.name)}
        for row in _table()
        if all(word in _text(row.name, row.family) for word in wanted)
    ]


def claim_of(name: str) -> tuple[str, str]:
    """The badge's status, and the claim with its last result in a sentence."""
    card = zoo.card(name)
    figures = card.badge.figures
    last = f"{card.metric} {', '.join(f'{figure:.4g}' for figure in figures)} over the seeds"
    status = {
        "holds": f"claim holds: {last}, threshold {card.threshold:g}",
        "fails": f"claim fails: {last}, threshold {card.threshold:g}",
        "stale": f"claim measured before the entry or a library changed: {last}, threshold {card.threshold:g}",
        "never run": f"claim never run here: workbench verify {name}",
    }
    return card.badge.status, status[card.badge.status]


def paper_of(name: str) -> dict[str, str]:
    """Title, and who, when and where, of an entry's paper."""
    paper = zoo.card(name).paper
    authors = paper.authors.split(" and ")
    first = authors[0].partition(",")[0]
    where = f"arXiv {paper.arxiv}" if paper.arxiv else paper.venue
    return {"title": paper.title, "by": f"{first}{' et al.' if len(authors) > 1 else ''} {paper.year} · {where}"}


@cache
def _table() -> zoo.Table:
    return zoo.table()


@cache
def _text(name: str, family: str) -> str:
    facts = zoo.facts()[name]
    parts = [name, family, facts["title"], facts["task"], facts["claim"]["sentence"], *facts["rows"], *facts["takes"]]
    return " ".join([*parts, *map(str, facts["paper"].values())]).casefold()


def _says(name: str) -> str:
    figures, claim = zoo.card(name).badge.figures, zoo.facts()[name]["claim"]
    if not figures:
        return "unproven"
    worst = min(figures) if claim["higher"] else max(figures)
    return f"{worst:.3g} {'≥' if claim['higher'] else '≤'} {claim['threshold']:.3g}"

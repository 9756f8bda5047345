"""Interpolated n-grams with Kneser-Ney counts: Chen and Goodman 1999, equations 26 and 27 (modified discounts)."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from math import log2
from typing import Any

import torch

LEAST = 0.1
"""smallest discount: every context leaves something for what it was not followed by"""

Context = tuple[int, ...]
Counts = dict[Context, Counter[int]]


class Level:
    """Counts of one order: of next tokens after each context, and the discounts that follow from them."""

    def __init__(self, counts: Counts) -> None:
        """Derive the discounts.

        Args:
            counts: Next tokens by context, all contexts of one length.
        """
        ones = Counter(min(n, 4) for row in counts.values() for n in row.values())
        n1, n2, n3, n4 = (max(1, ones[n]) for n in (1, 2, 3, 4))
        base = n1 / (n1 + 2 * n2)
        formula = (1 - 2 * base * n2 / n1, 2 - 3 * base * n3 / n2, 3 - 4 * base * n4 / n3)
        # The formula assumes many rare n-grams, which the lowest orders of characters do not have.
        self.discounts = (0.0, *(min(max(value, LEAST), n) for n, value in enumerate(formula, start=1)))
        self.counts = counts
        self.totals = {context: row.total() for context, row in counts.items()}
        self.kept = {context: sum(self.discounts[min(n, 3)] for n in row.values()) for context, row in counts.items()}

    def probability(self, context: Context, token: int, lower: float) -> float:
        """The discounted share of a token, and what the discounts freed shared out by the lower order."""
        total = self.totals.get(context)
        if not total:
            return lower
        count = self.counts[context].get(token, 0)
        return (max(0.0, count - self.discounts[min(count, 3)]) + self.kept[context] * lower) / total


@dataclass(frozen=True)
class Levels:
    """All orders of a text, by the length of their context."""

    often: list[Level]
    """how often a token followed a context: for the longest context at hand"""
    widely: list[Level]
    """after how many different tokens context and token stood: for the shorter ones below it"""

    def probability(self, context: Context, token: int, lowest: float) -> float:
        """The probability of a token, the longest context interpolated with all shorter ones."""
        p, longest = lowest, len(context)
        for n in range(longest):
            p = self.widely[n].probability(context[longest - n :], token, p)
        return self.often[longest].probability(context, token, p)


def interpolated_ngram(data: Any, order: int = 6) -> float:
    """Test bits per token; a context never reaches beyond the window that a network sees.

    Args:
        data: A data set whose target is the next token.
        order: Length of the longest n-gram, the predicted token included.
    """
    levels = counted(_stream(data), order)
    return _bits(levels, order, _windows(data, "test"), 1 / data.sizes["vocab"])


def _bits(levels: Levels, order: int, windows: list[list[int]], lowest: float) -> float:
    """The mean cost of a token over all positions of all windows but the first, which is given."""
    total, tokens = 0.0, 0
    for window in windows:
        for at in range(1, len(window)):
            context = tuple(window[max(0, at - order + 1) : at])
            total, tokens = total - log2(levels.probability(context, window[at], lowest)), tokens + 1
    return total / tokens


def _windows(data: Any, split: str) -> list[list[int]]:
    """Inputs and, at the end of each, the last target: (examples, length + 1)."""
    batch = data.batch(split, torch.arange(data.size(split)))
    return torch.cat([batch.inputs[0], batch.target[:, -1:]], dim=1).tolist()


def _stream(data: Any) -> list[int]:
    """The text that trains, windows joined where one ends with the token that the next begins with."""
    joined: list[int] = []
    for window in _windows(data, "train"):
        joined += window[1:] if joined and joined[-1] == window[0] else window
    return joined


def counted(text: list[int], order: int) -> Levels:
    """All counts of a text up to an order.

    Args:
        text: Tokens.
        order: Length of the longest n-gram.
    """
    often: list[Counts] = []
    for n in range(order):
        counts: Counts = defaultdict(Counter)
        for at in range(n, len(text)):
            counts[tuple(text[at - n : at])][text[at]] += 1
        often.append(counts)
    widely: list[Counts] = []
    for longer in often[1:]:
        counts = defaultdict(Counter)
        for context, row in longer.items():
            for token in row:
                counts[context[1:]][token] += 1
        widely.append(counts)
    return Levels([Level(counts) for counts in often], [Level(counts) for counts in widely])

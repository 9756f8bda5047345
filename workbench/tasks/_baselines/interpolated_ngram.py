"""Interpolated n-grams with Kneser-Ney counts: Chen and Goodman 1999, equations 26 and 27 (modified discounts)."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from math import log2
from typing import Any

import torch

from workbench.tasks._baselines._choice import best

LEAST = 0.1
"""smallest discount: every context leaves something for what it was not followed by"""

Context = tuple[int, ...]
Counts = dict[Context, Counter[int]]


class _Order:
    """Counts of one order: of next tokens after each context, and the discounts that follow from them."""

    def __init__(self, counts: Counts) -> None:
        self.counts = counts
        self.totals = {context: sum(row.values()) for context, row in counts.items()}
        ones = Counter(min(n, 4) for row in counts.values() for n in row.values())
        n1, n2, n3, n4 = (max(1, ones[n]) for n in (1, 2, 3, 4))
        base = n1 / (n1 + 2 * n2)
        formula = (1 - 2 * base * n2 / n1, 2 - 3 * base * n3 / n2, 3 - 4 * base * n4 / n3)
        # The formula assumes many rare n-grams, which the lowest orders of characters do not have.
        self.discounts = (0.0, *(min(max(value, LEAST), n) for n, value in enumerate(formula, start=1)))
        self.kept = {context: self._mass(row) for context, row in counts.items()}

    def _mass(self, row: Counter[int]) -> float:
        """How much of a context's count its discounts free for the lower order."""
        return sum(self.discounts[min(n, 3)] for n in row.values())

    def probability(self, context: Context, token: int, lower: float) -> float:
        """The discounted share of a token, and the freed mass by the lower order."""
        total = self.totals.get(context)
        if not total:
            return lower
        count = self.counts[context].get(token, 0)
        return (max(0.0, count - self.discounts[min(count, 3)]) + self.kept[context] * lower) / total


def interpolated_ngram(data: Any, orders: tuple[int, ...] = (6, 8)) -> float:
    """Test bits per token; a context never reaches beyond the window that a network sees.

    Args:
        data: A data set whose target is the next token.
        orders: Lengths of the longest n-gram, the predicted token included, to choose from.
    """
    text = _stream(data)

    def fit(order: int) -> list[_Order]:
        return [_Order(counts) for counts in _kneser_ney(text, order)]

    def bits(levels: list[_Order], split: str) -> float:
        return _bits(levels, _windows(data, split), data.sizes["vocab"])

    return bits(best(orders, fit, lambda levels: -bits(levels, "validation")), "test")


def _bits(levels: list[_Order], windows: list[list[int]], vocab: int) -> float:
    """The mean cost of a token over all positions of all windows."""
    total, tokens = 0.0, 0
    for window in windows:
        for at in range(1, len(window)):
            p = 1 / vocab
            for n, level in enumerate(levels[: at + 1]):
                p = level.probability(tuple(window[at - n : at]), window[at], p)
            total, tokens = total - log2(p), tokens + 1
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


def _kneser_ney(text: list[int], order: int) -> Sequence[Counts]:
    """Counts by order, lowest first: how often for the highest, after how many different tokens for the others."""
    highest: Counts = defaultdict(Counter)
    for at in range(order - 1, len(text)):
        highest[tuple(text[at - order + 1 : at])][text[at]] += 1
    levels = [highest]
    for _ in range(order - 1):
        lower: Counts = defaultdict(Counter)
        for context, row in levels[-1].items():
            for token in row:
                lower[context[1:]][token] += 1
        levels.append(lower)
    return levels[::-1]

"""Shapley values of a few players: exact, or by orders drawn at random and their reverses, with their error."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import comb

import torch
from torch import Tensor

Coalition = tuple[bool, ...]
Worth = Callable[[Sequence[Coalition]], Sequence[float]]
"""coalitions -> what each is worth"""
NORMAL = 1.959964
"""standard errors in half a 95 % interval of many draws"""
FIRST = 4
"""pairs of orders after which a first result is given"""


@dataclass(frozen=True, kw_only=True, eq=False)
class Shares:
    """What each player adds."""

    scores: Tensor
    """(players,)"""
    interval: Tensor
    """(players,) half of the 95 % interval; zero where they are exact"""
    exact: bool
    """whether every coalition was run"""
    runs: int
    """different coalitions that were run"""


def exact(players: int, worth: Worth) -> Shares:
    """By all coalitions: phi_i = sum over S without i of |S|! (n - |S| - 1)! / n! (v(S with i) - v(S))."""
    coalitions = list(product((False, True), repeat=players))
    values = torch.tensor(list(worth(coalitions)), dtype=torch.float64)
    kept = torch.tensor(coalitions)
    others = [1 / (players * comb(players - 1, size)) for size in range(players)]
    sizes = kept.sum(1)
    joined = torch.tensor([*([0.0]), *others], dtype=torch.float64)[sizes]  # with i: |S| is one less
    left = torch.tensor([*others, 0.0], dtype=torch.float64)[sizes]
    scores = torch.stack([(values * torch.where(kept[:, i], joined, -left)).sum() for i in range(players)])
    return Shares(scores=scores, interval=torch.zeros_like(scores), exact=True, runs=len(coalitions))


def sampled(players: int, worth: Worth, runs: int, random: torch.Generator) -> Iterator[Shares]:
    """By orders and their reverses, as many as ``runs`` coalitions allow; results with twice as many pairs each."""
    gains: list[Tensor] = []
    known: dict[Coalition, float] = {}
    most = max(FIRST, runs // (2 * (players - 1)))
    while len(gains) < most:
        for _ in range(min(max(FIRST, len(gains)), most - len(gains))):
            order = torch.randperm(players, generator=random)
            gains.append((_along(order, worth, known) + _along(order.flip(0), worth, known)) / 2)
        drawn = torch.stack(gains)
        error = drawn.std(0) / len(gains) ** 0.5
        yield Shares(
            scores=drawn.mean(0), interval=_quantile(len(gains) - 1) * error, exact=False, runs=len(known)
        )  # fmt: skip


def _along(order: Tensor, worth: Worth, known: dict[Coalition, float]) -> Tensor:
    """(players,) what each adds when it joins in this order."""
    rank = order.argsort()
    steps: list[Coalition] = [tuple((rank < size).tolist()) for size in range(len(order) + 1)]
    missing = [step for step in steps if step not in known]
    known.update(zip(missing, worth(missing), strict=True))
    changes = torch.tensor([known[step] for step in steps], dtype=torch.float64).diff()
    return changes[rank]


def _quantile(freedom: int) -> float:
    """Student's 97.5 % quantile by the expansion of Cornish and Fisher, right to 1 % from three degrees of freedom."""
    z = NORMAL
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / freedom + second / freedom**2 + third / freedom**3

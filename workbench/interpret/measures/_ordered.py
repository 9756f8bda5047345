"""Measures that take features away, or put them back, in the order of their scores."""

from abc import abstractmethod
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from workbench.interpret.attributions._features import Features
from workbench.interpret.attributions._outcome import Explanation
from workbench.interpret.attributions._problem import Problem
from workbench.interpret.doubt.ranking import by_feature
from workbench.interpret.measures._measure import Faithfulness, Measure


class Ordered(Measure):
    """Base of measures by order; a file says which shares, what is kept, and what the curve comes to."""

    taken_away: ClassVar[bool]
    """whether the strongest are taken away, or all others"""

    patches: int = Field(7, ge=2, le=64)
    """Patches along each side of a picture; each is one feature."""
    orders: int = Field(8, ge=0, le=1000)
    """Random orders to compare with; 0 for none."""

    def of(self, found: Explanation, mask: Tensor | None) -> Faithfulness:
        """The curve of scores, what it comes to, and the same for random orders."""
        del mask
        problem = found.source()
        features = problem.features(self.patches)
        scores = by_feature(found, problem, features)
        counts = self.counts(features.count)
        curve = _curve(problem, features, scores.argsort(dim=1, descending=True, stable=True), counts, self.taken_away)
        values = self.value(curve, problem)
        chance = self._chance(problem, features, counts)
        return Faithfulness(
            measure=self.title,
            method=found.method.partition(",")[0],
            better=self.better,
            values=values.cpu(),
            chance=chance.cpu(),
            places=torch.tensor(counts) / features.count,
            curve=curve.cpu(),
            warnings=self._warnings(values, chance),
            cited=self.papers,
        )

    @abstractmethod
    def counts(self, features: int) -> list[int]:
        """How many of the strongest features are taken away or kept, for each point of the curve."""

    @abstractmethod
    def value(self, curve: Tensor, problem: Problem) -> Tensor:
        """(rows,) what a curve, (points, rows), comes to."""

    def _chance(self, problem: Problem, features: Features, counts: list[int]) -> Tensor:
        if not self.orders:
            return torch.zeros(0)
        random = problem.generator(13)
        drawn = (torch.rand(problem.rows, features.count, generator=random).argsort(1) for _ in range(self.orders))
        return torch.stack(
            [self.value(_curve(problem, features, order, counts, self.taken_away), problem) for order in drawn]
        ).mean(0)

    def _warnings(self, values: Tensor, chance: Tensor) -> tuple[str, ...]:
        if not chance.numel():
            return ()
        better = values < chance if self.better == "lower" else values > chance
        bad = int((~better).sum())
        if not bad:
            return ()
        return (f"By {self.title} the order is no better than a random one on {bad} of {len(values)} examples.",)


def _curve(problem: Problem, features: Features, order: Tensor, counts: list[int], taken_away: bool) -> Tensor:  # noqa: FBT001 - as the class has it
    """(points, rows) scores with the first features of an order, (rows, features), taken away or kept alone."""
    rank = order.argsort(1)
    found = torch.zeros(len(counts), problem.rows).to(problem.score)
    chosen = torch.stack([rank < count for count in counts])  # (points, rows, features)
    kept = ~chosen if taken_away else chosen
    # Every example has an order of its own, and a forward takes the same features of all.
    for row in range(problem.rows):
        found[:, row] = problem.coalitions(kept[:, row], features)[:, row]
    return found

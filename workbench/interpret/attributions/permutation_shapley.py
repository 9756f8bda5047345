"""Shapley values by random orders: Castro et al. 2009, doi:10.1016/j.cor.2008.04.004.

Departure: every order is also run backwards (Mitchell et al. 2022, arXiv:2104.12199), so that a model without
interactions of three features or more is exact after one pair, and the pairs give the standard error.
"""

from collections.abc import Iterator
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from workbench.core.entry import Paper
from workbench.core.environment import within_budget
from workbench.interpret.attributions._coalitional import Coalitional
from workbench.interpret.attributions._features import Features
from workbench.interpret.attributions._method import Axiom, Estimate
from workbench.interpret.attributions._moments import Moments
from workbench.interpret.attributions._problem import Problem


class PermutationShapley(Coalitional):
    """The mean change of score when a feature joins, over orders drawn at random and their reverses."""

    title: ClassVar[str] = "permutation Shapley values"
    axioms: ClassVar[frozenset[Axiom]] = frozenset(Axiom) - {Axiom.SYMMETRY}
    papers: ClassVar[tuple[Paper, ...]] = (
        Paper(
            title="Polynomial Calculation of the Shapley Value Based on Sampling",
            authors="Castro, Javier and Gomez, Daniel and Tejada, Juan",
            year=2009,
            venue="Computers and Operations Research",
            doi="10.1016/j.cor.2008.04.004",
        ),
    )

    pairs: int = Field(4, ge=2, le=65_536)
    """Orders of the first attempt, each with its reverse."""
    most: int = Field(256, ge=2, le=1_048_576)
    """Orders after which no better attempt is made; 8 under the budget of continuous integration."""

    def results(self, problem: Problem) -> Iterator[Estimate]:
        """Estimates with twice as many orders each."""
        features = problem.features(self.patches)
        most, count = max(self.pairs, min(self.most, within_budget(self.most, 8))), self.pairs
        moments = Moments()
        while moments.count < most:
            random = problem.generator(3, moments.count)
            for _ in range(count):
                moments.add(_pair(problem, features, torch.randperm(features.count, generator=random))[None])
            runs = moments.count * 2 * features.count
            yield self.estimate(problem, features, moments.mean, runs, moments.error)
            count = moments.count


def _pair(problem: Problem, features: Features, order: Tensor) -> Tensor:
    """(features, rows) mean change along an order and its reverse."""
    m = features.count
    rank = torch.empty(m, dtype=torch.int64)
    rank[order] = torch.arange(m)
    step = torch.arange(m + 1)[:, None]
    # Empty and full stand in both orders; the reverse keeps what comes last.
    values = problem.coalitions(torch.cat([rank < step, rank >= m - step[1:-1]]), features)
    forth = values[: m + 1]
    back = torch.cat([forth[:1], values[m + 1 :], forth[m:]])
    gains = torch.zeros(m, problem.rows, dtype=values.dtype, device=values.device)
    gains[order] += forth.diff(dim=0) / 2
    gains[order.flip(0)] += back.diff(dim=0) / 2
    return gains


METHOD = PermutationShapley

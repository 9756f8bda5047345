"""Shapley values by random orders: Castro et al. 2009, doi:10.1016/j.cor.2008.04.004.

Departure: every order is also run backwards (Mitchell et al. 2022, arXiv:2104.12199), so that a model without
interactions of three features or more is exact after one pair, and the pairs give the standard error.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from time import perf_counter
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from workbench.core import seeds
from workbench.core.entry import Paper
from workbench.core.environment import within_budget
from workbench.interpret.attributions._coalitional import Coalitional
from workbench.interpret.attributions._features import Features
from workbench.interpret.attributions._method import Axiom, Estimate
from workbench.interpret.attributions._moments import Moments
from workbench.interpret.attributions._problem import PATIENCE, Problem

AT_ONCE = 16
"""orders whose coalitions are made at once"""


class PermutationShapley(Coalitional):
    """The mean change of score when a feature joins, over orders drawn at random and their reverses."""

    title: ClassVar[str] = "permutation Shapley values"
    axioms: ClassVar[frozenset[Axiom]] = frozenset(Axiom) - {Axiom.SYMMETRY, Axiom.CONSERVATION}
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
            began, first = perf_counter(), moments.count
            while moments.count < first + count:
                k = min(AT_ONCE, first + count - moments.count)
                moments.add(_gains(problem, features, *_orders(features.count, k, problem.seed, moments.count)))
                done = moments.count == first + count
                if done or (moments.count > 1 and perf_counter() - began > PATIENCE):
                    began, runs = perf_counter(), moments.count * 2 * features.count
                    found = self.estimate(problem, features, moments.mean, runs, moments.error)
                    yield replace(found, done=done)
            count = moments.count


@lru_cache(maxsize=8)
def _orders(m: int, k: int, seed: int, done: int) -> tuple[Tensor, Tensor]:
    """(k, m) orders, which feature joins when, and the coalitions along them and their reverses, (2 k (m - 1), m)."""
    orders = torch.rand(k, m, generator=seeds.generator(seed, 3, done)).argsort(1)
    rank = orders.argsort(1)[:, None]
    step = torch.arange(1, m)[:, None]
    # Empty and full stand in every order; the reverse keeps what comes last.
    return orders, torch.cat([(rank < step).flatten(0, 1), (rank >= m - step).flatten(0, 1)])


def _gains(problem: Problem, features: Features, orders: Tensor, kept: Tensor) -> Tensor:
    """(orders, features, rows) mean change along each order and its reverse.

    Args:
        problem: What is explained.
        features: What joins.
        orders: (orders, features), which feature joins when.
        kept: The coalitions along the orders and their reverses, without the empty and the full one.
    """
    k, m = orders.shape
    inner = problem.coalitions(kept, features).unflatten(0, (2, k, m - 1)) if m > 1 else None
    ends = [v.expand(2, k, 1, -1) for v in (problem.base, problem.score)]
    steps = torch.cat([ends[0], *([] if inner is None else [inner]), ends[1]], 2).diff(dim=2)
    orders = orders.to(steps.device)[..., None].expand(k, m, problem.rows)
    forth = torch.zeros_like(steps[0]).scatter_(1, orders, steps[0])
    back = torch.zeros_like(steps[0]).scatter_(1, orders.flip(1), steps[1])
    return (forth + back) / 2


METHOD = PermutationShapley

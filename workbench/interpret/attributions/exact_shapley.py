"""Shapley values from every coalition: Shapley 1953; Lundberg and Lee 2017, arXiv:1705.07874, equation 4."""

from collections.abc import Iterator
from math import factorial
from typing import ClassVar

import torch

from workbench.core.entry import Paper
from workbench.core.errors import DataError
from workbench.interpret.attributions._coalitional import Coalitional
from workbench.interpret.attributions._method import Axiom, Estimate
from workbench.interpret.attributions._problem import Problem

MOST_FEATURES = 16


class ExactShapley(Coalitional):
    """The mean change of score when a feature joins, over all orders in which features can join."""

    title: ClassVar[str] = "exact Shapley values"
    axioms: ClassVar[frozenset[Axiom]] = frozenset(Axiom) - {Axiom.CONSERVATION}
    papers: ClassVar[tuple[Paper, ...]] = (
        Paper(
            title="A Unified Approach to Interpreting Model Predictions",
            authors="Lundberg, Scott M. and Lee, Su-In",
            year=2017,
            venue="NeurIPS",
            arxiv="1705.07874",
        ),
    )

    def results(self, problem: Problem) -> Iterator[Estimate]:
        """One estimate."""
        features = problem.features(self.patches)
        m = features.count
        if m > MOST_FEATURES:
            raise DataError(
                f"Exact Shapley values run 2 to the power of {m} coalitions of {m} features; {MOST_FEATURES} is the "
                'most: use method="permutation_shapley", or fewer patches.'
            )
        number = torch.arange(2**m)
        kept = (number[:, None] >> torch.arange(m)) & 1 > 0
        values = problem.coalitions(kept, features)
        sizes = kept.sum(1)
        weights = torch.tensor([factorial(s) * factorial(m - s - 1) / factorial(m) for s in range(m)])
        rows = []
        for i in range(m):
            without = number[~kept[:, i]].to(values.device)
            gain = values[without + (1 << i)] - values[without]
            rows.append((gain * weights[sizes[without.cpu()]].to(gain)[:, None]).sum(0))
        yield self.estimate(problem, features, torch.stack(rows), 2**m)


METHOD = ExactShapley

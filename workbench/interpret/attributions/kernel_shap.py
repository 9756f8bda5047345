"""KernelSHAP: Lundberg and Lee 2017, arXiv:1705.07874, theorem 2.

Departures: coalitions are drawn with the kernel's weights, each with its complement (Covert and Lee 2021,
arXiv:2012.01536), so that the fit itself is unweighted; the constraint of completeness is solved exactly. Where all
coalitions are no more than the samples, they are all run and the result is exact.
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
from workbench.interpret.attributions._problem import Problem
from workbench.interpret.attributions._regression import constrained
from workbench.interpret.attributions.exact_shapley import METHOD as EXACT
from workbench.interpret.attributions.exact_shapley import MOST_FEATURES


class KernelShap(Coalitional):
    """Shapley values as the best fit to coalitions, with Shapley's weights."""

    title: ClassVar[str] = "KernelSHAP"
    axioms: ClassVar[frozenset[Axiom]] = frozenset(Axiom) - {Axiom.SYMMETRY, Axiom.DUMMY}
    papers: ClassVar[tuple[Paper, ...]] = EXACT.papers

    samples: int = Field(500, ge=10, le=1_048_576)
    """Coalitions of the first attempt."""
    most: int = Field(16_384, ge=10, le=1_048_576)
    """Coalitions after which no better attempt is made; 500 under the budget of continuous integration."""

    def results(self, problem: Problem) -> Iterator[Estimate]:
        """Estimates with twice as many coalitions each."""
        features = problem.features(self.patches)
        if features.count <= MOST_FEATURES and 2**features.count <= self.samples:
            yield from EXACT(patches=self.patches).results(problem)
            return
        most, count = max(self.samples, min(self.most, within_budget(self.most, 500))), self.samples
        total = problem.score - problem.base
        kept, values = torch.zeros(0, features.count, dtype=torch.bool), problem.score.new_zeros(0, problem.rows)
        while len(kept) < most:
            drawn = _drawn(features, count // 2, problem.generator(5, len(kept)))
            kept = torch.cat([kept, drawn])
            values = torch.cat([values, problem.coalitions(drawn, features) - problem.base])
            scores, error = constrained(kept.to(values), values, total)
            yield self.estimate(problem, features, scores, len(kept), error)
            count = len(kept)


def _drawn(features: Features, pairs: int, random: torch.Generator) -> Tensor:
    """(2 pairs, features) coalitions with Shapley's weights, each beside its complement."""
    m = features.count
    if m < 2:  # noqa: PLR2004 - one feature has no coalition but the empty and the full one
        return torch.tensor([[True], [False]]).repeat(pairs, 1)
    # Of all coalitions of one size together: the kernel (m-1)/(C(m,s) s (m-s)) times C(m,s).
    weights = torch.tensor([(m - 1) / (s * (m - s)) for s in range(1, m)])
    sizes = torch.multinomial(weights, pairs, replacement=True, generator=random) + 1
    rank = torch.rand(pairs, m, generator=random).argsort(1).argsort(1)
    kept = rank < sizes[:, None]
    return torch.cat([kept, ~kept])


METHOD = KernelShap

"""KernelSHAP: Lundberg and Lee 2017, arXiv:1705.07874, theorem 2.

Departures: coalitions are drawn with the kernel's weights, each with its complement (Covert and Lee 2021,
arXiv:2012.01536), so that the fit itself is unweighted; the constraint of completeness is solved exactly. Where all
coalitions are no more than the samples, they are all run and the result is exact.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from workbench.core import seeds
from workbench.core.entry import Paper
from workbench.core.environment import within_budget
from workbench.interpret.attributions._coalitional import Coalitional
from workbench.interpret.attributions._method import Axiom, Estimate
from workbench.interpret.attributions._problem import Problem
from workbench.interpret.attributions._regression import Constrained
from workbench.interpret.attributions.exact_shapley import METHOD as EXACT
from workbench.interpret.attributions.exact_shapley import MOST_FEATURES

MOST_REMEMBERED = 1 << 16
"""places in coalitions up to which they and their fit are kept for the next call"""


class KernelShap(Coalitional):
    """Shapley values as the best fit to coalitions, with Shapley's weights."""

    title: ClassVar[str] = "KernelSHAP"
    axioms: ClassVar[frozenset[Axiom]] = frozenset(Axiom) - {Axiom.SYMMETRY, Axiom.DUMMY, Axiom.CONSERVATION}
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
        kept, values = torch.zeros(0, features.count, dtype=torch.bool), problem.score.new_zeros(0, problem.rows)
        while len(kept) < most:
            drawn, alone = _drawn(features.count, count // 2, problem.seed, len(kept))
            kept, alone = torch.cat([kept, drawn]), None if len(kept) else alone
            for part in problem.growing(drawn, features):
                values = torch.cat([values, part - problem.base])
                done = len(values) == len(kept)
                if done or len(values) > 2 * features.count:
                    fit = alone if done and alone else Constrained(kept[: len(values)])
                    scores, error = fit.fit(values, problem.score - problem.base)
                    yield replace(self.estimate(problem, features, scores, len(values), error), done=done)
            count = len(kept)


def _drawn(m: int, pairs: int, seed: int, done: int) -> tuple[Tensor, Constrained | None]:
    """(2 pairs, m) coalitions with Shapley's weights, each beside its complement, and for few of them their fit."""
    if m * pairs > MOST_REMEMBERED or done:
        return _coalitions(m, pairs, seeds.generator(seed, 5, done)), None
    return _remembered(m, pairs, seed)


@lru_cache(maxsize=8)
def _remembered(m: int, pairs: int, seed: int) -> tuple[Tensor, Constrained]:
    kept = _coalitions(m, pairs, seeds.generator(seed, 5, 0))
    return kept, Constrained(kept)


def _coalitions(m: int, pairs: int, random: torch.Generator) -> Tensor:
    if m < 2:  # noqa: PLR2004 - one feature has no coalition but the empty and the full one
        return torch.tensor([[True], [False]]).repeat(pairs, 1)
    # Of all coalitions of one size together: the kernel (m-1)/(C(m,s) s (m-s)) times C(m,s).
    weights = torch.tensor([(m - 1) / (s * (m - s)) for s in range(1, m)])
    sizes = torch.multinomial(weights, pairs, replacement=True, generator=random) + 1
    rank = torch.rand(pairs, m, generator=random).argsort(1).argsort(1)
    kept = rank < sizes[:, None]
    return torch.stack([kept, ~kept], 1).flatten(0, 1)


METHOD = KernelShap

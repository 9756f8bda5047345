"""LIME: Ribeiro et al. 2016, arXiv:1602.04938, equations 1 and 2.

Departures: weighted least squares in closed form with a slight ridge instead of a lasso, so that no feature is left
out; closeness is the cosine of a coalition with the full one, as the authors' code has it for text and pictures.
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
from workbench.interpret.attributions._coalitional import Coalitional
from workbench.interpret.attributions._method import Axiom, Estimate
from workbench.interpret.attributions._problem import Problem
from workbench.interpret.attributions._regression import Fitted

MOST_REMEMBERED = 1 << 16
"""places in coalitions up to which they and their fit are kept for the next call"""


class Lime(Coalitional):
    """Slopes of a linear model fitted to coalitions near the input."""

    title: ClassVar[str] = "LIME"
    axioms: ClassVar[frozenset[Axiom]] = frozenset(
        {Axiom.IMPLEMENTATION_INVARIANCE, Axiom.LINEARITY, Axiom.LINEAR_MODEL}
    )
    papers: ClassVar[tuple[Paper, ...]] = (
        Paper(
            title='"Why Should I Trust You?": Explaining the Predictions of Any Classifier',
            authors="Ribeiro, Marco Tulio and Singh, Sameer and Guestrin, Carlos",
            year=2016,
            venue="KDD",
            arxiv="1602.04938",
        ),
    )

    samples: int = Field(1000, ge=10, le=1_048_576)
    """Coalitions drawn at random."""
    width: float = Field(0.25, gt=0, le=100)
    """Width of the kernel in cosine distance; wide is less local."""
    ridge: float = Field(1e-6, ge=0, le=1)
    """Ridge penalty, as a fraction of the mean variance of a feature."""

    def results(self, problem: Problem) -> Iterator[Estimate]:
        """An estimate for every piece of coalitions that takes a while."""
        features = problem.features(self.patches)
        work = (features.count, self.samples, problem.seed, self.width, self.ridge)
        kept, whole = (
            _remembered(*work) if features.count * self.samples <= MOST_REMEMBERED else (_drawn(*work[:3]), None)
        )
        values = problem.score.new_zeros(0, problem.rows)
        for part in problem.growing(kept, features):
            values = torch.cat([values, part])
            done = len(values) == len(kept)
            if done or len(values) > 2 * features.count:
                fit = whole if done and whole else _fit(kept[: len(values)], self.width, self.ridge)
                scores, error = fit.fit(values)
                found = self.estimate(problem, features, scores, len(values), error[:-1])
                yield replace(found, total_error=error[-1], done=done)


@lru_cache(maxsize=8)
def _remembered(m: int, samples: int, seed: int, width: float, ridge: float) -> tuple[Tensor, Fitted]:
    kept = _drawn(m, samples, seed)
    return kept, _fit(kept, width, ridge)


def _drawn(m: int, samples: int, seed: int) -> Tensor:
    kept = torch.rand(samples, m, generator=seeds.generator(seed, 4)) < 0.5  # noqa: PLR2004 - a fair coin
    kept[0] = True
    return kept


def _fit(kept: Tensor, width: float, ridge: float) -> Fitted:
    closeness = torch.exp(-((1 - kept.float().mean(1).sqrt()) ** 2) / width**2)
    return Fitted(kept, closeness, ridge)


METHOD = Lime

"""LIME: Ribeiro et al. 2016, arXiv:1602.04938, equations 1 and 2.

Departures: weighted least squares in closed form with a slight ridge instead of a lasso, so that no feature is left
out; closeness is the cosine of a coalition with the full one, as the authors' code has it for text and pictures.
"""

from collections.abc import Iterator
from typing import ClassVar

import torch
from pydantic import Field

from workbench.core.entry import Paper
from workbench.interpret.attributions._coalitional import Coalitional
from workbench.interpret.attributions._method import Axiom, Estimate
from workbench.interpret.attributions._problem import Problem
from workbench.interpret.attributions._regression import fitted


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
        """One estimate."""
        features = problem.features(self.patches)
        random = problem.generator(4)
        kept = torch.rand(self.samples, features.count, generator=random) < 0.5  # noqa: PLR2004 - a fair coin
        kept[0] = True
        values = problem.coalitions(kept, features)
        design = kept.to(values)
        weights = torch.exp(-((1 - design.mean(1).sqrt()) ** 2) / self.width**2)
        scores, error = fitted(design, values, weights, self.ridge)
        yield self.estimate(problem, features, scores, self.samples, error)


METHOD = Lime

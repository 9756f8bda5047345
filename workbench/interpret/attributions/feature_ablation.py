"""Feature ablation: what is lost when a feature alone is replaced by the reference (Zeiler and Fergus 2013)."""

from collections.abc import Iterator
from typing import ClassVar

import torch

from workbench.core.entry import Paper
from workbench.interpret.attributions._coalitional import Coalitional
from workbench.interpret.attributions._method import Axiom, Estimate
from workbench.interpret.attributions._problem import Problem

VISUALIZING = Paper(
    title="Visualizing and Understanding Convolutional Networks",
    authors="Zeiler, Matthew D. and Fergus, Rob",
    year=2013,
    arxiv="1311.2901",
)


class FeatureAblation(Coalitional):
    """The score minus the score without a feature."""

    title: ClassVar[str] = "feature ablation"
    axioms: ClassVar[frozenset[Axiom]] = frozenset(Axiom) - {Axiom.COMPLETENESS, Axiom.CONSERVATION}
    papers: ClassVar[tuple[Paper, ...]] = (VISUALIZING,)

    def results(self, problem: Problem) -> Iterator[Estimate]:
        """One estimate."""
        features = problem.features(self.patches)
        values = problem.coalitions(~torch.eye(features.count, dtype=torch.bool), features)
        yield self.estimate(problem, features, problem.score - values, features.count)


METHOD = FeatureAblation

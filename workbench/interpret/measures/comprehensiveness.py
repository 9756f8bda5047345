"""Comprehensiveness: DeYoung et al. 2020 (ERASER), arXiv:1911.03429, equation 1 and section 4.2 (over five shares).

Departures: the score is the target's own, not a probability; features are replaced by the problem's reference.
"""

import math
from typing import ClassVar

from torch import Tensor

from workbench.core.entry import Paper
from workbench.interpret.attributions._problem import Problem
from workbench.interpret.measures._measure import Better
from workbench.interpret.measures._ordered import Ordered

SHARES = (0.01, 0.05, 0.1, 0.2, 0.5)
"""of the features, as in the paper"""
ERASER = Paper(
    title="ERASER: A Benchmark to Evaluate Rationalized NLP Models",
    authors="DeYoung, Jay and Jain, Sarthak and Rajani, Nazneen Fatema and Lehman, Eric and others",
    year=2020,
    venue="ACL",
    arxiv="1911.03429",
)


class Comprehensiveness(Ordered):
    """How much of the score is lost without the strongest features, the mean over five shares of them."""

    title: ClassVar[str] = "comprehensiveness"
    better: ClassVar[Better] = "higher"
    papers: ClassVar[tuple[Paper, ...]] = (ERASER,)
    taken_away: ClassVar[bool] = True

    def counts(self, features: int) -> list[int]:
        """At least one feature for each share."""
        return [max(1, math.ceil(share * features)) for share in SHARES]

    def value(self, curve: Tensor, problem: Problem) -> Tensor:
        """The mean loss."""
        return (problem.score - curve).mean(0)


MEASURE = Comprehensiveness

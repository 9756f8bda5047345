"""Integrated gradients: Sundararajan et al. 2017, arXiv:1703.01365, equation 1.

Departures: Gauss-Legendre instead of a Riemann sum; nodes double until the gap closes; nodes are stacked into batches.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import ClassVar

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from workbench.core.entry import Paper
from workbench.core.environment import within_budget
from workbench.interpret.attributions._attribution import INTEGRATED_GRADIENTS
from workbench.interpret.attributions._method import Axiom, Estimate, Method
from workbench.interpret.attributions._problem import Problem


class IntegratedGradients(Method):
    """The way from the reference times the mean gradient along it."""

    title: ClassVar[str] = "integrated gradients"
    axioms: ClassVar[frozenset[Axiom]] = frozenset(Axiom) - {Axiom.CONSERVATION}
    papers: ClassVar[tuple[Paper, ...]] = (INTEGRATED_GRADIENTS,)

    steps: int = Field(16, ge=1, le=4096)
    """Gradients along the path in the first attempt."""
    most: int = Field(512, ge=1, le=65_536)
    """Gradients after which no better attempt is made; 32 under the budget of continuous integration."""

    def results(self, problem: Problem) -> Iterator[Estimate]:
        """Estimates with steps, 2 steps, 4 steps ..."""
        steps, most = self.steps, max(self.steps, min(self.most, within_budget(self.most, 32)))
        while steps <= most:
            yield Estimate(parts=_integral(problem, steps), steps=steps, work=f"{steps} steps")
            steps *= 2


def _integral(problem: Problem, steps: int) -> list[Tensor]:
    """The integral over the line from each reference times the line, averaged over the references."""
    places, weights = _rule(steps)
    count = len(problem.references[0])
    sums = [torch.zeros_like(v) for v in problem.values]
    for i in range(count):
        references = [r[i] for r in problem.references]
        share = 1 / count if problem.shares is None else float(problem.shares[i])
        for start in range(0, steps, problem.room):
            piece = slice(start, start + problem.room)
            pairs = zip(problem.values, references, strict=True)
            _, gradients = problem.gradients([torch.lerp(r, v, _axes(places[piece], v)) for v, r in pairs])
            for total, gradient, v, r in zip(sums, gradients, problem.values, references, strict=True):
                total.add_((v - r) * (gradient * _axes(weights[piece], v)).sum(0) * share)
    return sums


@lru_cache(maxsize=32)
def _rule(steps: int) -> tuple[Tensor, Tensor]:
    """Nodes and weights of Gauss and Legendre between 0 and 1."""
    nodes, weights = (torch.from_numpy(a) for a in np.polynomial.legendre.leggauss(steps))
    return (nodes + 1) / 2, weights / 2


def _axes(numbers: Tensor, value: Tensor) -> Tensor:
    return numbers.to(value).reshape(-1, *(1,) * value.dim())


METHOD = IntegratedGradients

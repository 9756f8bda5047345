"""DeepLIFT, rescale rule: Shrikumar et al. 2017, arXiv:1704.02685, for functions however they are called.

captum and shap replace the gradient of modules that they know, so functional, reused and unknown nonlinearities keep
their plain gradient and the scores no longer add up. Here torch functions are followed instead; where captum is right
both agree. What the paper has no rule for is described in ``_propagation.secants``.
"""

from collections.abc import Iterator, Sequence
from typing import ClassVar

import torch
from torch import Tensor

from workbench.core.entry import Paper
from workbench.interpret.attributions._method import Axiom, Estimate, Method
from workbench.interpret.attributions._problem import Problem
from workbench.interpret.attributions._propagation.running import propagated
from workbench.interpret.attributions._propagation.secants import Recording, Secants


class DeepLift(Method):
    """How much each input adds, by comparing every activation with its value at the reference."""

    title: ClassVar[str] = "DeepLIFT"
    background: ClassVar[bool] = True
    axioms: ClassVar[frozenset[Axiom]] = frozenset({Axiom.COMPLETENESS, Axiom.DUMMY, Axiom.LINEAR_MODEL})
    papers: ClassVar[tuple[Paper, ...]] = (
        Paper(
            title="Learning Important Features Through Propagating Activation Differences",
            authors="Shrikumar, Avanti and Greenside, Peyton and Kundaje, Anshul",
            year=2017,
            venue="ICML",
            arxiv="1704.02685",
        ),
    )

    def results(self, problem: Problem) -> Iterator[Estimate]:
        """One estimate: the mean over the references."""
        count = len(problem.references[0])
        size = min(count, problem.room) if count > 1 and problem.stackable else 1
        sums = [torch.zeros_like(v) for v in problem.values]
        equal = torch.full((count,), 1 / count)
        for start in range(0, count, size):
            references = [r[start : start + size] for r in problem.references]
            shares = equal if problem.shares is None else problem.shares
            for total, part in zip(sums, _shared(problem, references, shares[start : start + size]), strict=True):
                total.add_(part)
        yield Estimate(parts=sums, steps=count, work=f"{count} reference{'s' if count > 1 else ''}")


def _shared(problem: Problem, references: Sequence[Tensor], shares: Tensor) -> list[Tensor]:
    """The change in score shared out, summed over the references by how much each counts."""
    before, _ = propagated(problem, references, Recording, by=lambda _: ())
    points = [v.expand_as(r) for v, r in zip(problem.values, references, strict=True)]
    _, slopes = propagated(problem, points, lambda leaves: Secants(leaves, before.memory))
    triples = zip(problem.values, references, slopes, strict=True)
    return [torch.tensordot(shares.to(v), (v - r) * slope, 1) for v, r, slope in triples]


METHOD = DeepLift

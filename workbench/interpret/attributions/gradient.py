"""Gradient, the plain saliency map: Simonyan et al. 2013, arXiv:1312.6034. Departure: the sign is kept for numbers."""

from collections.abc import Iterator
from typing import ClassVar

from workbench.core.entry import Paper
from workbench.interpret.attributions._method import Axiom, Estimate, Method, Unit
from workbench.interpret.attributions._problem import Problem


class Gradient(Method):
    """The derivative of the score by each input; the norm of it for a token."""

    title: ClassVar[str] = "gradient"
    unit: ClassVar[Unit] = "slope"
    axioms: ClassVar[frozenset[Axiom]] = frozenset(
        {Axiom.IMPLEMENTATION_INVARIANCE, Axiom.LINEARITY, Axiom.DUMMY, Axiom.SYMMETRY}
    )
    papers: ClassVar[tuple[Paper, ...]] = (
        Paper(
            title="Deep Inside Convolutional Networks: Visualising Image Classification Models and Saliency Maps",
            authors="Simonyan, Karen and Vedaldi, Andrea and Zisserman, Andrew",
            year=2013,
            arxiv="1312.6034",
        ),
    )

    def results(self, problem: Problem) -> Iterator[Estimate]:
        """One estimate."""
        _, gradients = problem.gradients([v[None] for v in problem.values])
        yield Estimate(parts=[g[0] for g in gradients], steps=1, work="1 gradient")


METHOD = Gradient

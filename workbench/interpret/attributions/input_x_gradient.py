"""Input x gradient: Shrikumar et al. 2016, arXiv:1605.01713.

Departure: what is multiplied is the distance from the reference, which the gap is measured against; with
``reference=0`` it is the paper's.
"""

from collections.abc import Iterator
from typing import ClassVar

from workbench.core.entry import Paper
from workbench.interpret.attributions._method import Axiom, Estimate, Method
from workbench.interpret.attributions._problem import Problem


class InputXGradient(Method):
    """The gradient at the input times the way from the reference: a first-order guess of each contribution."""

    title: ClassVar[str] = "input x gradient"
    axioms: ClassVar[frozenset[Axiom]] = frozenset(
        {Axiom.IMPLEMENTATION_INVARIANCE, Axiom.LINEARITY, Axiom.DUMMY, Axiom.SYMMETRY, Axiom.LINEAR_MODEL}
    )
    papers: ClassVar[tuple[Paper, ...]] = (
        Paper(
            title="Not Just a Black Box: Learning Important Features Through Propagating Activation Differences",
            authors="Shrikumar, Avanti and Greenside, Peyton and Shcherbina, Anna and Kundaje, Anshul",
            year=2016,
            arxiv="1605.01713",
        ),
    )

    def results(self, problem: Problem) -> Iterator[Estimate]:
        """One estimate."""
        _, gradients = problem.gradients([v[None] for v in problem.values])
        ways = [v - problem.averaged(r) for v, r in zip(problem.values, problem.references, strict=True)]
        yield Estimate(parts=[w * g[0] for w, g in zip(ways, gradients, strict=True)], steps=1, work="1 gradient")


METHOD = InputXGradient

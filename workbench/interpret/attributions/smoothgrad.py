"""SmoothGrad: Smilkov et al. 2017, arXiv:1706.03825, equation 1."""

from collections.abc import Iterator
from typing import ClassVar

from workbench.core.entry import Paper
from workbench.interpret.attributions._method import Axiom, Estimate, Unit
from workbench.interpret.attributions._noisy import Noisy
from workbench.interpret.attributions._problem import Problem


class SmoothGrad(Noisy):
    """The mean gradient over noisy copies of the input."""

    title: ClassVar[str] = "SmoothGrad"
    unit: ClassVar[Unit] = "slope"
    axioms: ClassVar[frozenset[Axiom]] = frozenset({Axiom.IMPLEMENTATION_INVARIANCE, Axiom.LINEARITY, Axiom.DUMMY})
    papers: ClassVar[tuple[Paper, ...]] = (
        Paper(
            title="SmoothGrad: Removing Noise by Adding Noise",
            authors="Smilkov, Daniel and Thorat, Nikhil and Kim, Been and Viegas, Fernanda and Wattenberg, Martin",
            year=2017,
            arxiv="1706.03825",
        ),
    )

    def results(self, problem: Problem) -> Iterator[Estimate]:
        """An estimate after every piece of copies."""
        for done, moments in self.gathered(problem):
            errors = [m.error for m in moments]
            yield Estimate(parts=[m.mean for m in moments], steps=done, work=f"{done} noisy copies", error=errors)


METHOD = SmoothGrad

"""VarGrad: Adebayo et al. 2018, arXiv:1810.03307."""

from collections.abc import Iterator
from typing import ClassVar

from workbench.core.entry import Paper
from workbench.interpret.attributions._method import Axiom, Estimate, Unit
from workbench.interpret.attributions._noisy import Noisy
from workbench.interpret.attributions._problem import Problem


class VarGrad(Noisy):
    """The variance of the gradient over noisy copies of the input: where the model bends, not what it weighs."""

    title: ClassVar[str] = "VarGrad"
    unit: ClassVar[Unit] = "evidence"
    axioms: ClassVar[frozenset[Axiom]] = frozenset({Axiom.IMPLEMENTATION_INVARIANCE, Axiom.DUMMY})
    papers: ClassVar[tuple[Paper, ...]] = (
        Paper(
            title="Local Explanation Methods for Deep Neural Networks Lack Sensitivity to Parameter Values",
            authors="Adebayo, Julius and Gilmer, Justin and Goodfellow, Ian and Kim, Been",
            year=2018,
            arxiv="1810.03307",
        ),
    )

    def results(self, problem: Problem) -> Iterator[Estimate]:
        """An estimate after every piece of copies."""
        for done, moments in self.gathered(problem):
            if done > 1:
                yield Estimate(parts=[m.variance for m in moments], steps=done, work=f"{done} noisy copies")


METHOD = VarGrad

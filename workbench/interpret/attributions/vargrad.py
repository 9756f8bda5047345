"""VarGrad: Adebayo et al. 2018, arXiv:1810.03307. The standard error is that of the variance of normal numbers."""

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
                spread = [m.variance for m in moments]
                errors = [v * (2 / (done - 1)) ** 0.5 for v in spread]
                yield Estimate(parts=spread, steps=done, work=f"{done} noisy copies", error=errors)


METHOD = VarGrad

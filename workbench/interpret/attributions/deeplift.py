# pyright: reportUntypedFunctionDecorator=false
"""DeepLIFT, rescale rule: Shrikumar et al. 2017, arXiv:1704.02685, by captum.

captum replaces the gradient of modules that it knows (ReLU, GELU, Softmax, pooling ...); functional, reused or unknown
nonlinearities keep their plain gradient, and the scores no longer add up. That is measured and refused.
"""

import warnings
from collections.abc import Iterator
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from workbench.core.entry import Paper
from workbench.core.live import evaluating, look
from workbench.core.optional import need
from workbench.interpret.attributions._method import Axiom, Estimate, Method, Refused
from workbench.interpret.attributions._problem import Problem


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
        need("captum", extra="explain", purpose="for DeepLIFT")
        from captum.attr import DeepLift as Engine

        if not problem.stackable:
            raise Refused("it runs input and reference as one batch, which this model does not take.")
        engine = Engine(_Scored(problem))
        count = len(problem.references[0])
        sums = [torch.zeros_like(v) for v in problem.values]
        for i in range(count):
            found = _attributed(problem, engine, tuple(r[i] for r in problem.references))
            for total, part in zip(sums, found, strict=True):
                total.add_(part.detach(), alpha=1 / count)
        yield Estimate(parts=sums, steps=count, work=f"{count} reference{'s' if count > 1 else ''}")


class _Scored(nn.Module):
    """The score as a module, which captum hooks."""

    def __init__(self, problem: Problem) -> None:
        super().__init__()
        self.model = problem.model
        self._problem = problem

    def forward(self, *points: Tensor) -> Tensor:
        rows = self._problem.rows
        return self._problem.run([p.unflatten(0, (-1, rows)) for p in points]).reshape(-1)


def _attributed(problem: Problem, engine: Any, references: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    inputs = tuple(v.clone().requires_grad_() for v in problem.values)
    with look(), evaluating(problem.model), torch.enable_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it sets hooks and removes them again
        try:
            return engine.attribute(inputs, references)
        except (RuntimeError, AssertionError, AttributeError) as error:
            raise Refused(f"captum cannot follow this model ({str(error).splitlines()[0][:120]}).") from None


METHOD = DeepLift

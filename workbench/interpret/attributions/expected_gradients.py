"""Expected gradients, which shap and captum call GradientSHAP: Erion et al. 2021, arXiv:1906.10670, equation 3.

Departure: places on the paths are drawn one from each of as many equal pieces as there are samples, which lowers the
variance; the standard error is that of differences of neighbours, as is usual for systematic samples.
"""

from collections.abc import Iterator
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from workbench.core.entry import Paper
from workbench.core.environment import within_budget
from workbench.interpret.attributions._method import Axiom, Estimate, Method
from workbench.interpret.attributions._moments import Moments
from workbench.interpret.attributions._problem import Problem


class ExpectedGradients(Method):
    """Integrated gradients averaged over a background, by drawing reference and place together."""

    title: ClassVar[str] = "expected gradients"
    background: ClassVar[bool] = True
    axioms: ClassVar[frozenset[Axiom]] = frozenset(Axiom) - {Axiom.SYMMETRY, Axiom.CONSERVATION}
    papers: ClassVar[tuple[Paper, ...]] = (
        Paper(
            title="Improving Performance of Deep Learning Models with Axiomatic Attribution Priors "
            "and Expected Gradients",
            authors="Erion, Gabriel and Janizek, Joseph D. and Sturmfels, Pascal and Lundberg, Scott M. and Lee, Su-In",
            year=2021,
            venue="Nature Machine Intelligence",
            arxiv="1906.10670",
        ),
    )

    samples: int = Field(64, ge=2, le=65_536)
    """Gradients of the first attempt."""
    most: int = Field(4096, ge=2, le=1_048_576)
    """Gradients after which no better attempt is made; 128 under the budget of continuous integration."""

    def results(self, problem: Problem) -> Iterator[Estimate]:
        """Estimates with twice as many samples each."""
        most, count = max(self.samples, min(self.most, within_budget(self.most, 128))), self.samples
        means, steps, done = [Moments() for _ in problem.values], [Moments() for _ in problem.values], 0
        totals = Moments()
        while done < most:
            for start in range(0, count, problem.room):
                drawn = _drawn(problem, start, min(count, start + problem.room), count, done)
                for mean, step, part in zip(means, steps, drawn, strict=True):
                    mean.add(part)
                    step.add(_steps(part))
                totals.add(_steps(torch.stack([d.flatten(2).sum(2) for d in drawn]).sum(0)))
            done += count
            yield Estimate(
                parts=[m.mean for m in means],
                steps=done,
                work=f"{done} samples",
                error=[(s.mean / 2 / done).sqrt() for s in steps],
                total_error=(totals.mean / 2 / done).sqrt(),
            )
            count = done


def _drawn(problem: Problem, start: int, stop: int, count: int, done: int) -> list[Tensor]:
    """Contributions (k, rows, ...) at the places from ``start`` to ``stop`` of ``count`` along the paths, in order.

    Those of a token are already added up, because the numbers of its vector are drawn together.
    """
    random = problem.generator(2, done, start)
    size, n = stop - start, len(problem.references[0])
    place = (torch.arange(start, stop) + torch.rand(size, generator=random)) / count
    order = _chosen(n, size, problem.shares, random)
    ways: list[Tensor] = []
    points: list[Tensor] = []
    for v, r in zip(problem.values, problem.references, strict=True):
        reference = r[order.to(r.device)]
        ways.append(v - reference)
        points.append(torch.lerp(reference, v.expand_as(reference), place.to(v).reshape(-1, *(1,) * v.dim())))
    _, gradients = problem.gradients(points)
    drawn = [way * gradient for way, gradient in zip(ways, gradients, strict=True)]
    return [d if leaf.embedding is None else d.sum(-1) for d, leaf in zip(drawn, problem.leaves, strict=True)]


def _steps(drawn: Tensor) -> Tensor:
    """Squared differences of neighbours, (k - 1, ...)."""
    return drawn.diff(dim=0).square() if len(drawn) > 1 else drawn.square()


def _chosen(n: int, size: int, shares: Tensor | None, random: torch.Generator) -> Tensor:
    """Which reference is used when: each as often as its share, in an order that has nothing to do with the place."""
    if shares is None:
        return torch.randperm(n * -(-size // n), generator=random)[:size] % n
    even = (torch.arange(size) + torch.rand(1, generator=random)) / size
    order = torch.bucketize(even, shares.cpu().cumsum(0).float(), right=True).clamp_max(n - 1)
    return order[torch.randperm(size, generator=random)]


METHOD = ExpectedGradients

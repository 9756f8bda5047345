"""Gradients at noisy copies of the input, as SmoothGrad and VarGrad need them."""

from collections.abc import Iterator

import torch
from pydantic import Field
from torch import Tensor

from workbench.interpret.attributions._method import Method
from workbench.interpret.attributions._moments import Moments
from workbench.interpret.attributions._problem import Problem


class Noisy(Method):
    """Base of methods that look at the gradient around the input."""

    samples: int = Field(50, ge=2, le=10_000)
    """Noisy copies of the input."""
    noise: float = Field(0.15, gt=0, le=2)
    """Standard deviation of the noise as a fraction of the input's range."""

    def gathered(self, problem: Problem) -> Iterator[tuple[int, list[Moments]]]:
        """Copies taken and the moments of their gradients, after every piece that fits into memory."""
        widths = [self.noise * _range(v) for v in problem.values]
        moments = [Moments() for _ in problem.values]
        random, done = problem.generator(1), 0
        while done < self.samples:
            count = min(problem.room, self.samples - done)
            points = [
                v + torch.randn((count, *v.shape), generator=random).to(v) * width
                for v, width in zip(problem.values, widths, strict=True)
            ]
            _, gradients = problem.gradients(points)
            for moment, gradient in zip(moments, gradients, strict=True):
                moment.add(gradient)
            done += count
            yield done, moments


def _range(value: Tensor) -> Tensor:
    flat = value.flatten(1)
    return (flat.amax(1) - flat.amin(1)).reshape(-1, *(1,) * (value.dim() - 1))

"""Curves from nothing to everything, as deletion and insertion need them."""

from pydantic import Field
from torch import Tensor

from workbench.interpret.attributions._problem import Problem
from workbench.interpret.measures._ordered import Ordered


class Stepwise(Ordered):
    """Base of areas under a curve."""

    steps: int = Field(49, ge=1, le=4096)
    """Points of the curve after the first; at most one for each feature."""

    def counts(self, features: int) -> list[int]:
        """From none to all, in equal steps."""
        steps = min(self.steps, features)
        return [round(i * features / steps) for i in range(steps + 1)]

    def value(self, curve: Tensor, problem: Problem) -> Tensor:
        """The area by the trapezoidal rule over a base of length 1: the mean score along the way."""
        del problem
        return (curve[1:] + curve[:-1]).mean(0) / 2

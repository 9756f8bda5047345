"""What methods share that switch features on and off: how many patches a picture has, and scores as parts."""

from typing import ClassVar

from pydantic import Field
from torch import Tensor

from workbench.interpret.attributions._features import Features
from workbench.interpret.attributions._method import Estimate, Method
from workbench.interpret.attributions._problem import Problem


class Coalitional(Method):
    """Base of methods that replace features by the reference; no gradient is needed."""

    background: ClassVar[bool] = True

    patches: int = Field(7, ge=2, le=64)
    """Patches along each side of a picture; each is one feature."""

    def estimate(
        self, problem: Problem, features: Features, scores: Tensor, runs: int, error: Tensor | None = None
    ) -> Estimate:
        """Scores of features, (features, rows), as scores of the input."""

        def spread(values: Tensor) -> list[Tensor]:
            return features.spread(values, problem.values, problem.leaves)

        return Estimate(
            parts=spread(scores),
            steps=runs,
            work=f"{runs} coalitions of {features.count} features",
            error=None if error is None else spread(error),
        )

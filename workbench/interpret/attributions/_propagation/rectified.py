"""Backwards through ReLUs by other rules than their gradient's, as guided backpropagation and deconvnet do."""

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from workbench.interpret.attributions._method import Estimate, Method, Refused, Unit
from workbench.interpret.attributions._problem import Problem
from workbench.interpret.attributions._propagation.propagation import Propagation, Unary, carried
from workbench.interpret.attributions._propagation.running import propagated

_CUTTING = frozenset({"relu", "relu6", "clamp", "clamp_min", "hardtanh", "threshold", "max", "maximum"})
"""functions that may cut off what is negative, depending on their arguments"""


class Rectified(Propagation):
    """Hands on only what raises the score at every ReLU, module or function, reused or in place."""

    def __init__(self, points: Sequence[Tensor], *, masked: bool) -> None:
        """A propagation to these points.

        Args:
            points: The leaves.
            masked: Whether a ReLU that was off in the forward hands nothing on, as in the gradient.
        """
        super().__init__(points)
        self.count = 0
        """ReLUs that ran"""
        self._masked = masked

    def elementwise(self, name: str, function: Unary, x: Tensor) -> Tensor:
        """The rule for ReLUs; the gradient for other functions."""
        if name not in _CUTTING or not _cuts(function, x):
            return function(x)
        self.count += 1
        if self._masked:
            return _Positive.apply(function(x))  # pyright: ignore[reportReturnType] - torch leaves apply untyped
        return carried(function(x.detach()), _Positive.apply(x))  # pyright: ignore[reportArgumentType] - as above


class ThroughReLUs(Method):
    """Base of both methods; a file says whether the forward's mask counts."""

    unit: ClassVar[Unit] = "evidence"
    masked: ClassVar[bool]

    def results(self, problem: Problem) -> Iterator[Estimate]:
        """One estimate."""

        def rectified(points: Sequence[Tensor]) -> Rectified:
            return Rectified(points, masked=self.masked)

        seen, gradients = propagated(problem, [v[None] for v in problem.values], rectified)
        if not seen.count:
            raise Refused(f"no ReLU ran in {type(problem.model).__name__}, and without one it is the plain gradient.")
        parts = [
            g[0] if leaf.embedding is None else g[0].norm(dim=-1)
            for leaf, g in zip(problem.leaves, gradients, strict=True)
        ]
        yield Estimate(parts=parts, steps=1, work=f"{seen.count} ReLU{'s' if seen.count > 1 else ''}")


class _Positive(torch.autograd.Function):
    """The identity, with a backward that cuts off what is negative."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        del ctx
        return x.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        del ctx
        return gradients[0].clamp_min(0)


def _cuts(function: Unary, x: Tensor) -> bool:
    """Whether a function is a ReLU, up to a bound above."""
    try:
        with torch.no_grad():
            found = function(torch.tensor([-2.0, -1e-3, 0.5, 1.0], dtype=x.dtype, device=x.device))
    except RuntimeError:  # its bounds have the shape of x
        return False
    return found.shape == (4,) and found.tolist() == [0.0, 0.0, 0.5, 1.0]

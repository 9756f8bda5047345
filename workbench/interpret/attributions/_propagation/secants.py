"""Secants instead of slopes: each function's change between reference and input, shared out over its operands.

The rescale rule of DeepLIFT (Shrikumar et al. 2017, arXiv:1704.02685, section 3.5.1) for functions of one number. What
the paper leaves open is chosen so that changes add up exactly:

- two operands (products, quotients, maxima): the mean over both orders in which they can change, so for a product
  change(a b) = change(a) mean(b) + mean(a) change(b);
- softmax: change(y) = h * (change(x) - sum(w change(x))) with h the logarithmic mean of both outputs, w = h / sum(h);
- the largest of many: shared between who wins at the input and who wins at the reference, as shap does.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from workbench.interpret.attributions._method import Refused
from workbench.interpret.attributions._propagation.propagation import Binary, Propagation, Unary, carried

SMALL = 1e-6
"""changes below which the slope stands for the secant"""

Memory = list[tuple[str, tuple[Tensor, ...]]]
"""what every nonlinear function was given at the reference, in order"""


class Recording(Propagation):
    """Notes what every nonlinear function is given; to be run at the reference."""

    def __init__(self, points: Sequence[Tensor]) -> None:
        super().__init__(points)
        self.memory: Memory = []

    def elementwise(self, name: str, function: Unary, x: Tensor) -> Tensor:
        """Noted."""
        self._note(name, x)
        return function(x)

    def between(self, name: str, function: Binary, a: Tensor, b: Tensor) -> Tensor:
        """Noted."""
        self._note(name, a, b)
        return function(a, b)

    def bilinear(self, function: Binary, a: Tensor, b: Tensor) -> Tensor:
        """Noted."""
        self._note("product", a, b)
        return function(a, b)

    def winner(self, name: str, function: Unary, x: Tensor) -> Tensor:
        """Noted."""
        self._note(name, x)
        return function(x)

    def normalised(self, name: str, function: Unary, x: Tensor, dim: int | tuple[int, ...]) -> Tensor:
        """Noted."""
        del dim
        self._note(name, x)
        return function(x)

    def _note(self, name: str, *given: Tensor) -> None:
        # A copy of what may be changed in place afterwards would cost as much as what is noted.
        self.memory.append((name, tuple(t.detach().clone() for t in given)))


class Secants(Propagation):
    """A forward whose backward multiplies by secants to what a ``Recording`` noted."""

    def __init__(self, points: Sequence[Tensor], memory: Memory) -> None:
        super().__init__(points)
        self._memory = iter(memory)

    def elementwise(self, name: str, function: Unary, x: Tensor) -> Tensor:
        """The rescale rule."""
        (before,) = self._recalled(name, x)
        y, change = function(x.detach()), x.detach() - before
        slope = _quotient(y - function(before), change, function, x)
        return carried(y, x * slope)

    def between(self, name: str, function: Binary, a: Tensor, b: Tensor) -> Tensor:
        """The mean over both orders of changing the operands."""
        a0, b0 = self._recalled(name, a, b)
        p, q = a.detach(), b.detach()
        y, y0, ya, yb = function(p, q), function(a0, b0), function(p, b0), function(a0, q)
        first = _quotient((y - yb + ya - y0) / 2, p - a0, lambda t: function(t, q), p)
        second = _quotient((y - ya + yb - y0) / 2, q - b0, lambda t: function(p, t), q)
        return carried(y, a * first + b * second)

    def bilinear(self, function: Binary, a: Tensor, b: Tensor) -> Tensor:
        """The same for products, where the mean over orders is that of the operands."""
        a0, b0 = self._recalled("product", a, b)
        p, q = a.detach(), b.detach()
        return carried(function(p, q), function(a, (q + b0) / 2) + function((p + a0) / 2, b))

    def winner(self, name: str, function: Unary, x: Tensor) -> Tensor:
        """Shared between the winner at the input and the winner at the reference."""
        (before,) = self._recalled(name, x)
        least = "min" in name.split("_", maxsplit=1)[0]
        return _Winner.apply(x, before, function, torch.minimum if least else torch.maximum)  # pyright: ignore[reportReturnType] - torch leaves apply untyped

    def normalised(self, name: str, function: Unary, x: Tensor, dim: int | tuple[int, ...]) -> Tensor:
        """By logarithmic means of probabilities."""
        (before,) = self._recalled(name, x)
        value = x.detach()
        logs, logs0 = (t - t.logsumexp(dim, keepdim=True) for t in (value, before))
        mean = _quotient(logs.exp() - logs0.exp(), logs - logs0, torch.exp, logs)
        share = mean / mean.sum(dim, keepdim=True)
        finite = x.masked_fill(share == 0, 0.0)  # scores of what is masked are infinite
        level = (share * finite).sum(dim, keepdim=True)
        path = level if name == "logsumexp" else x - level
        y = function(value)
        return carried(y, (mean * path if name == "softmax" else path).reshape(y.shape))

    def _recalled(self, name: str, *given: Tensor) -> tuple[Tensor, ...]:
        known, before = next(self._memory, ("", ()))
        if known != name or [t.shape for t in before] != [t.shape for t in given]:
            raise Refused("the model takes another path at the reference than at the input.")
        return before


class _Winner(torch.autograd.Function):
    """The largest of many: what its change is shared by."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, before: Tensor, function: Unary, further: Binary) -> Tensor:
        ctx.function, ctx.further = function, further
        ctx.save_for_backward(x, before)
        return function(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        x, before = ctx.saved_tensors
        routed: list[Tensor] = []
        with torch.enable_grad():
            ends = [t.detach().requires_grad_() for t in (x, before)]
            y, y0 = (ctx.function(t) for t in ends)
            top = ctx.further(y, y0).detach()
            for end, value, moved in zip(ends, (y, y0), (top - y0, y - top), strict=True):
                routed.append(torch.autograd.grad(value, end, (gradients[0] * moved).detach())[0])
        change = x - before
        shared = torch.where(change.abs() > 0, (routed[0] + routed[1]) / change, 0.0)
        return shared, None, None, None


def _quotient(rise: Tensor, run: Tensor, function: Unary, x: Tensor) -> Tensor:
    """rise / run, and the slope of the function where there is no run."""
    steep = run.abs() > SMALL
    found = rise / torch.where(steep, run, 1.0)
    if bool(steep.all()):
        return found
    with torch.enable_grad():
        # One number for each number of the result: operands are spread first.
        point = x.detach().expand(rise.shape).clone().requires_grad_()
        (slope,) = torch.autograd.grad(function(point).sum(), point)
    return torch.where(steep, found, slope).nan_to_num(0.0, 0.0, 0.0)

"""Rules of layer-wise relevance propagation, as gradients: relevance is value times gradient at every tensor.

R_j = x_j g_j, so a rule for R is a path with that gradient (Montavon et al. 2019, "Layer-Wise Relevance Propagation: An
Overview", section 10.3.2; Achtibat et al. 2024, arXiv:2402.05602, for transformers). Sums and residual additions share
their relevance in the ratio of their terms without a rule of their own.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from workbench.interpret.attributions._propagation.entering import Bounded, EnteringRule, Flat
from workbench.interpret.attributions._propagation.propagation import (
    Binary,
    Layer,
    Propagation,
    Unary,
    carried,
    ratio,
)

_GATES = frozenset({"sigmoid", "hardsigmoid", "softmax"})


class Rule(Protocol):
    """How a layer with weights shares the relevance of its outputs out."""

    def __call__(self, layer: Layer, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """The layer's output, with the rule's gradient."""
        ...


@dataclass(frozen=True, slots=True)
class Epsilon:
    """LRP-epsilon: R_j = sum_k x_j w_jk / (z_k + epsilon sign z_k) R_k (Bach et al. 2015, equation 58)."""

    epsilon: float

    def __call__(self, layer: Layer, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """See ``Rule``."""
        z = layer(x, weight, bias)
        return carried(z, z * ratio(z.detach(), z.detach(), self.epsilon))


@dataclass(frozen=True, slots=True)
class Gamma:
    """LRP-gamma: contributions with the output's sign count 1 + gamma times (Montavon et al. 2019, section 10.2.3).

    The paper has inputs and outputs that are not negative; for others it is their generalisation in zennit.
    """

    gamma: float
    epsilon: float

    def __call__(self, layer: Layer, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """See ``Rule``."""
        z, signs = layer(x, weight, bias), _by_sign(layer, x, weight, bias)
        paths: list[Tensor] = []
        for free, full in signs:
            total = z.detach() + self.gamma * full
            paths.append((z + self.gamma * free) * ratio(z.detach(), total, self.epsilon))
        return carried(z, torch.where(z.detach() > 0, paths[0], paths[1]))


@dataclass(frozen=True, slots=True)
class AlphaBeta:
    """LRP-alpha-beta: R = alpha R+ - (alpha - 1) R-, of contributions by sign (Bach et al. 2015, equation 60).

    alpha = 1 is the z+ rule of deep Taylor decomposition.
    """

    alpha: float
    epsilon: float

    def __call__(self, layer: Layer, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """See ``Rule``."""
        z = layer(x, weight, bias)
        (positive, all_positive), (negative, all_negative) = _by_sign(layer, x, weight, bias)
        path = self.alpha * positive * ratio(z.detach(), all_positive, self.epsilon)
        if self.alpha > 1:
            path = path - (self.alpha - 1) * negative * ratio(z.detach(), all_negative, self.epsilon)
        return carried(z.detach(), path)


def _by_sign(
    layer: Layer, x: Tensor, weight: Tensor, bias: Tensor | None
) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """Positive, and negative, contributions to each output: without the bias to differentiate, and with it."""
    up, down = weight.clamp_min(0), weight.clamp_max(0)
    plus, minus = x.clamp_min(0), x.clamp_max(0)
    positive = layer(plus, up, None) + layer(minus, down, None)
    negative = layer(plus, down, None) + layer(minus, up, None)
    own = torch.zeros_like(positive) if bias is None else layer(torch.zeros_like(x), weight, bias).detach()
    return (positive, positive.detach() + own.clamp_min(0)), (negative, negative.detach() + own.clamp_max(0))


class Relevance(Propagation):
    """A forward whose gradient times input is relevance."""

    def __init__(
        self,
        points: Sequence[Tensor],
        dense: Rule,
        convolution: Rule,
        entering: EnteringRule | None = None,
        *,
        signal_takes_all: bool = False,
        through_softmax: bool = True,
    ) -> None:
        """A propagation by these rules.

        Args:
            points: The leaves that relevance is wanted of.
            dense: For matrices of weights.
            convolution: For convolutions.
            entering: For layers that read the points themselves, instead of the rules above.
            signal_takes_all: Whether of a gate times a signal the signal has all relevance, instead of half.
            through_softmax: Whether a softmax hands relevance on, instead of being a constant.
        """
        super().__init__(points)
        self._dense, self._convolution = dense, convolution
        self._signal, self._softmax = signal_takes_all, through_softmax
        self._entering = entering
        self.points = tuple(points)
        self.shares: tuple[Tensor, ...] = ()
        """ones in the shape of the points; what an entering rule hands on is the gradient by them"""
        self.entered = False
        """whether the entering rule was followed by any layer"""
        if entering is not None:
            self.shares = tuple(torch.ones_like(p).requires_grad_() for p in points)
            for point, share in zip(points, self.shares, strict=True):
                _as_input(point, share)

    def affine(
        self, function: Callable[..., Tensor], x: Tensor, weight: Tensor, bias: Tensor | None, *, dense: bool
    ) -> Tensor:
        """The rule for this kind of layer."""
        share = getattr(x, "share", None)
        if self._entering is not None and share is not None:
            self.entered = True
            return self._entering(function, x, weight, bias, share)
        return (self._dense if dense else self._convolution)(function, x, weight, bias)

    def elementwise(self, name: str, function: Unary, x: Tensor) -> Tensor:
        """The identity rule: all relevance goes on. What only scales others is a constant (Ali et al. 2022)."""
        y = function(x.detach())
        if name in ("rsqrt", "reciprocal", "div"):
            return y
        found = carried(y, x * ratio(y, x.detach(), 0.0))
        return _as_gate(found) if name in _GATES else found

    def between(self, name: str, function: Binary, a: Tensor, b: Tensor) -> Tensor:
        """Products give half to each, or all to the signal; denominators count as constants."""
        if name == "div":
            return function(a, b.detach())
        if name != "mul":
            return function(a, b)
        if self._signal and _is_gate(a) != _is_gate(b):
            return a.detach() * b if _is_gate(a) else a * b.detach()
        return carried(function(a.detach(), b.detach()), a * b / 2)

    def bilinear(self, function: Binary, a: Tensor, b: Tensor) -> Tensor:
        """Half to each (Achtibat et al. 2024, equation 14)."""
        z = function(a, b)
        return carried(z, z / 2)

    def normalised(self, name: str, function: Unary, x: Tensor, dim: int | tuple[int, ...]) -> Tensor:
        """The softmax's own gradient (Achtibat et al. 2024, equation 13), or none."""
        del dim
        if name != "softmax":
            return function(x)
        return _as_gate(function(x) if self._softmax else function(x.detach()))

    def arranged(self, result: Any, x: Tensor) -> Any:
        """A gate stays a gate."""
        if _is_gate(x) and isinstance(result, Tensor):
            return _as_gate(result)
        return result

    def looked(self, function: Unary, x: Tensor) -> Any:
        """What is still the input has a share that is arranged in the same way."""
        result = super().looked(function, x)
        share = getattr(x, "share", None)
        if share is not None:
            shares = function(share)
            for part, its in zip(*((v,) if isinstance(v, Tensor) else v for v in (result, shares)), strict=True):
                _as_input(part, its)
        return result


def _as_input(value: Tensor, share: Tensor) -> None:
    value.share = share  # pyright: ignore[reportAttributeAccessIssue] - a mark on this tensor alone


def _as_gate(value: Tensor) -> Tensor:
    value.is_gate = True  # pyright: ignore[reportAttributeAccessIssue] - a mark on this tensor alone
    return value


def _is_gate(value: Tensor) -> bool:
    return bool(getattr(value, "is_gate", False))


RULES: Mapping[str, Callable[[float, float, float], Rule]] = {
    "epsilon": lambda epsilon, _, __: Epsilon(epsilon),
    "gamma": lambda epsilon, gamma, _: Gamma(gamma, epsilon),
    "alpha_beta": lambda epsilon, _, alpha: AlphaBeta(alpha, epsilon),
}
"""rules by the name that a person chooses them by, made of (epsilon, gamma, alpha)"""
ENTERING: Mapping[str, Callable[[float | None, float | None, float], EnteringRule | None]] = {
    "same": lambda _, __, ___: None,
    "flat": lambda _, __, ___: Flat(),
    "z_b": Bounded,
}
"""rules of layers that read the input, by name, made of (low, high, epsilon)"""

"""Propagation: a forward as it is, with a backward in which each kind of torch function follows a rule.

A rule returns a tensor with the value that the model computes and the gradient that the method wants: the value of
one expression carried on the gradient of another. A torch function mode sees functional and reused activations alike;
what a fused function of torch hides (attention, recurrent cells) is written out, so that rules see its parts.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from workbench.interpret.attributions._propagation import kinds, unfused
from workbench.interpret.attributions._propagation.kinds import Called

Unary = Callable[[Tensor], Any]
Binary = Callable[[Tensor, Tensor], Tensor]
Layer = Callable[[Tensor, Tensor, Tensor | None], Tensor]
"""(input, weight, bias) -> output"""
Args = Sequence[Any]
_UNRULED = object()


class Propagation(TorchFunctionMode):
    """Base: every rule is the plain gradient. What does not depend on the points is a constant, parameters too."""

    def __init__(self, points: Sequence[Tensor]) -> None:
        """A propagation to leaves that require a gradient."""
        super().__init__()
        self._points = {id(point) for point in points}

    # Rules, for operands that depend on the points

    def elementwise(self, name: str, function: Unary, x: Tensor) -> Tensor:
        """A function of one number at a time."""
        del name
        return function(x)

    def between(self, name: str, function: Binary, a: Tensor, b: Tensor) -> Tensor:
        """A function of two numbers at a time, both of which depend on the points."""
        del name
        return function(a, b)

    def bilinear(self, function: Binary, a: Tensor, b: Tensor) -> Tensor:
        """A sum of products of two tensors, both of which depend on the points."""
        return function(a, b)

    def affine(
        self, function: Callable[..., Tensor], x: Tensor, weight: Tensor, bias: Tensor | None, *, dense: bool
    ) -> Tensor:
        """Weights on x and a bias; ``function(x, weight, bias)``."""
        del dense
        return function(x, weight, bias)

    def winner(self, name: str, function: Unary, x: Tensor) -> Tensor:
        """The largest or smallest of many numbers."""
        del name
        return function(x)

    def normalised(self, name: str, function: Unary, x: Tensor, dim: int | tuple[int, ...]) -> Tensor:
        """softmax, log_softmax or logsumexp."""
        del name, dim
        return function(x)

    def arranged(self, result: Any, x: Tensor) -> Any:
        """What only arranges the numbers of x anew."""
        del x
        return result

    def looked(self, function: Unary, x: Tensor) -> Any:
        """A function that only arranges the numbers of x anew, and scales none."""
        return self.arranged(function(x), x)

    # Finding the rule

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Run a torch call by its rule."""
        given = kwargs or {}
        if func is torch.autograd.grad or getattr(func, "__name__", "") == "__set__":
            return func(*args, **given)
        known, named = [self._constant(a) for a in args], {key: self._constant(value) for key, value in given.items()}
        if not torch.is_grad_enabled() or not any(_active(t) for t in _tensors((*known, *named.values()))):
            return func(*known, **named)
        how = kinds.called(func, named)
        if not (how.in_place and known and how.name in kinds.RULED):
            return self._ruled(func, how, known, named)
        # What a rule keeps of its operand must not change with it.
        return known[0].copy_(self._ruled(func, how, [known[0].clone(), *known[1:]], named))

    def _ruled(self, func: Any, how: Called, args: Args, kwargs: dict[str, Any]) -> Any:
        name, found = how.name, _UNRULED
        if name in kinds.ELEMENTWISE:
            found = self._unary(name, args, kwargs)
        elif len(args) > 1 and name in kinds.BETWEEN:
            found = self._binary(how, args, kwargs)
        elif len(args) > 1 and name in kinds.BILINEAR:
            found = self._product(how, args)
        elif len(args) > 1 and name in kinds.AFFINE:
            found = self._affine(func, args, kwargs)
        elif name in ("softmax", "log_softmax", "logsumexp"):
            found = self._normalised(name, func, args, kwargs)
        elif name in ("max", "min"):
            found = self._extreme(how, func, args, kwargs)
        elif name in kinds.WINNERS and not kwargs.get("return_indices"):
            found = self.winner(name, lambda x: func(x, *args[1:], **kwargs), args[0])
        elif (written := unfused.WRITTEN.get(name)) is not None:
            with self:
                found = written(*args, **kwargs)
        elif name in kinds.LOOKS:
            found = self.looked(lambda x: func(x, *args[1:], **kwargs), args[0])
        return func(*args, **kwargs) if found is _UNRULED else found

    def _unary(self, name: str, args: Args, kwargs: dict[str, Any]) -> Tensor:
        function = kinds.out_of_place(name)
        rest = {key: value for key, value in kwargs.items() if key not in ("inplace", "input")}
        x = args[0] if args else kwargs["input"]
        return self.elementwise(name, lambda t: function(t, *args[1:], **rest), x)

    def _binary(self, how: Called, args: Args, kwargs: dict[str, Any]) -> Tensor:
        function = kinds.out_of_place(how.name)
        a, b = (args[1], args[0]) if how.mirrored else args[:2]
        if _active(a) and _active(b):
            return self.between(how.name, lambda p, q: function(p, q, **kwargs), a, b)
        if how.name == "mul" or (how.name == "div" and _active(a)):
            return self.arranged(function(a, b, **kwargs), a if _active(a) else b)
        if _active(a):
            return self.elementwise(how.name, lambda t: function(t, b, **kwargs), a)
        return self.elementwise(how.name, lambda t: function(a, t, **kwargs), b)

    def _product(self, how: Called, args: Args) -> Tensor:
        function = kinds.out_of_place(how.name)
        a, b = (args[1], args[0]) if how.mirrored else args[:2]
        if _active(a) and _active(b):
            return self.bilinear(function, a, b)
        if _active(a) and b.dim() == 2:  # noqa: PLR2004 - a matrix of weights
            return self.affine(lambda x, w, _: function(x, w), a, b, None, dense=True)
        return function(a, b)

    def _affine(self, func: Any, args: Args, kwargs: dict[str, Any]) -> Tensor:
        x, weight = args[:2]
        rest = {key: value for key, value in kwargs.items() if key != "bias"}
        bias = args[2] if len(args) > 2 else kwargs.get("bias")  # noqa: PLR2004 - (input, weight, bias)
        if not _active(weight):
            return self.affine(
                lambda t, w, b: func(t, w, b, *args[3:], **rest), x, weight, bias, dense=func.__name__ == "linear"
            )
        if not _active(x):
            return func(*args, **kwargs)
        product = self.bilinear(lambda t, w: func(t, w, None, *args[3:], **rest), x, weight)
        return product if bias is None else product + bias.reshape(-1, *(1,) * (product.dim() - 2))

    def _normalised(self, name: str, func: Any, args: Args, kwargs: dict[str, Any]) -> Tensor:
        dim = args[1] if len(args) > 1 else kwargs.get("dim")
        if not isinstance(dim, int | tuple | list):
            return func(*args, **kwargs)
        axes = tuple(dim) if isinstance(dim, list) else dim
        return self.normalised(name, lambda x: func(x, *args[1:], **kwargs), args[0], axes)

    def _extreme(self, how: Called, func: Any, args: Args, kwargs: dict[str, Any]) -> Any:
        """``torch.max`` is a maximum of two tensors, of one axis with its place, or of all numbers."""
        if len(args) > 1 and isinstance(args[1], Tensor):
            function = torch.maximum if how.name == "max" else torch.minimum
            if _active(args[0]) and _active(args[1]):
                return self.between(how.name, function, args[0], args[1])
            fixed, moving = (args[1], args[0]) if _active(args[0]) else args[:2]
            return self.elementwise(how.name, lambda t: function(t, fixed), moving)
        found = func(*args, **kwargs)
        if isinstance(found, Tensor):
            return self.winner(how.name, lambda x: func(x, *args[1:], **kwargs), args[0])
        value = self.winner(how.name, lambda x: func(x, *args[1:], **kwargs)[0], args[0])
        return type(found)((value, found[1]))

    def _constant(self, value: Any) -> Any:
        """Parameters without their gradient: then what requires one depends on the points."""
        if isinstance(value, Tensor):
            mine = not value.requires_grad or not value.is_leaf or id(value) in self._points
            return value if mine else value.detach()
        if type(value) in (list, tuple):
            return type(value)(self._constant(item) for item in value)
        return value


class _Carried(torch.autograd.Function):
    """The value of one tensor with the gradient of another."""

    @staticmethod
    def forward(ctx: Any, path: Tensor, value: Tensor) -> Tensor:
        del ctx
        return value.to(path.dtype, copy=True)  # a view could not be changed in place afterwards

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        del ctx
        return gradients[0], None


def carried(value: Tensor, path: Tensor) -> Tensor:
    """``value`` for the forward and ``path`` for the backward; of one shape."""
    return _Carried.apply(path, value.detach())  # pyright: ignore[reportReturnType] - torch leaves apply untyped


def ratio(above: Tensor, below: Tensor, epsilon: float) -> Tensor:
    """above / (below + epsilon sign below), zero where there is nothing below."""
    below = below + epsilon * torch.where(below >= 0, 1.0, -1.0)
    return torch.where(below == 0, 0.0, above / torch.where(below == 0, 1.0, below))


def _active(value: Any) -> bool:
    return isinstance(value, Tensor) and value.requires_grad


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, tuple | list):
        for item in value:
            yield from _tensors(item)

"""SoftmaxProducts: finds attention that is written out, softmax(...) @ values, by following what softmax returned.

A softmax may itself be written out: exp(x) / exp(x).sum(), or exp(x - logsumexp(x)). What is followed goes on through
dropout, casts, masks and views until it multiplies activations: in a matrix product, or, in deformable attention,
elementwise with what was sampled from a picture at a few points for each query.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from workbench.taps.equations import Einsum, contraction
from workbench.taps.following import Followed

SOFTMAX = frozenset({"softmax", "_softmax", "_safe_softmax", "special_softmax"})
_ADDED = frozenset({"baddbmm", "addmm"})
MATMUL = _ADDED | {"matmul", "__matmul__", "__rmatmul__", "linalg_matmul", "bmm", "mm", "einsum", "tensordot"}
TIMES = frozenset({"mul", "__mul__", "__rmul__", "multiply"})

_EXP = frozenset({"exp", "exp_"})
_LOG = frozenset({"logsumexp", "log_softmax"})
_MINUS = frozenset({"sub", "__sub__", "subtract"})
OVER = frozenset({"div", "__truediv__", "divide", "true_divide", "div_", "__itruediv__"})
BEGINNINGS = SOFTMAX | _EXP | _LOG | OVER | {"grid_sample", "softmax_csr"}
"""The calls that are looked at while nothing is followed."""
_RESIZING = frozenset(
    {"__getitem__", "split", "chunk", "narrow", "cat", "pad", "_pad", "slice", "expand", "repeat_interleave", "unbind"}
    | {"index_select", "where"}
)


@dataclass(frozen=True, slots=True)
class Product:
    """A product in which one operand came out of a softmax."""

    weights: Tensor
    """(..., queries, keys)"""
    values: Tensor
    """(..., keys, width); of an einsum, the other operand as it is"""
    again: Callable[[Tensor], Tensor]
    """forms the product anew from the weights, in single precision"""
    heads: int | None = -3
    """the axis of heads in the product; None where it cannot be told"""


@dataclass(frozen=True, slots=True)
class Sampling:
    """A product of weights with what was sampled at points."""

    weights: Tensor
    """(batch * heads, queries, points)"""
    values: Tensor
    """(batch * heads, width, queries, points)"""
    grids: tuple[Tensor, ...]
    """of every level (batch * heads, queries, points of the level, 2): x and y in [-1, 1]"""


class SoftmaxProducts:
    """Follows the results of softmax through dropout, casts, masks and views until they multiply activations."""

    def __init__(self) -> None:
        self._weights = Followed[None]()
        self._exponentials = Followed[None]()
        self._sums = Followed[None]()
        self._logarithms = Followed[None]()
        self._differences = Followed[None]()
        self._samples = Followed[tuple[Tensor, ...]]()

        parts = (self._exponentials, self._sums, self._logarithms, self._differences)
        self.entries: tuple[dict[int, Any], ...] = tuple(one.entries for one in (self._weights, *parts, self._samples))
        """of all that is followed"""

    def clear(self) -> None:
        """Forget every tensor."""
        for one in self.entries:
            one.clear()

    @property
    def follows(self) -> bool:
        """Whether there is a result of softmax that may yet multiply something."""
        return bool(self._weights)

    @property
    def samples(self) -> bool:
        """Whether there are values sampled at points that weights may yet multiply."""
        return bool(self._weights) and bool(self._samples)

    def note(self, name: str, args: Sequence[Any], output: Any) -> None:
        """Take notice of a torch call of the model: follow what it made of followed tensors.

        Args:
            name: Name of the function.
            args: Its arguments.
            output: Its result.
        """
        if name in SOFTMAX:
            if isinstance(output, Tensor) and output.dim() > 1:
                self._weights.add(output, None)
            return
        if name == "grid_sample":
            self._samples.add(output, (args[1],) if len(args) > 1 else ())
            return
        if name in _LOG:
            (self._logarithms if name == "logsumexp" else self._differences).add(output, None)
            return
        self._written_out(name, args, output)
        if self._weights:
            self._pass_on(self._weights, name, args, output)
        if self._samples:
            self._gather(args, output)

    def _written_out(self, name: str, args: Sequence[Any], output: Any) -> None:
        """Softmax in its parts."""
        first = args[0] if args else None
        if name in _EXP and isinstance(output, Tensor) and output.dim() > 1:
            whole = first in self._differences
            (self._weights if whole else self._exponentials).add(output, None)
        elif self._logarithms and name in _MINUS and args[1] in self._logarithms:
            self._differences.add(output, None)
        elif self._exponentials:
            if name == "sum" and first in self._exponentials:
                self._sums.add(output, None)
            elif name in OVER and first in self._exponentials and args[1] in self._sums:
                self._weights.add(output, None)
            else:
                self._pass_on(self._exponentials, name, args, output)
                self._pass_on(self._sums, name, args, output)

    def _pass_on(self, followed: Followed[None], name: str, args: Sequence[Any], output: Any) -> None:
        """Follow what a torch call made of a followed tensor."""
        source = next((a for a in _operands(args) if a in followed), None)
        if source is None:
            return
        for one in output if isinstance(output, tuple | list) else (output,):
            if not isinstance(one, Tensor) or not one.is_floating_point() or one.dim() < 2 or one is source:  # noqa: PLR2004 - (queries, keys)
                continue
            if one.numel() == source.numel() or name in _RESIZING:
                followed.add(one, None)

    def _gather(self, args: Sequence[Any], output: Any) -> None:
        """Follow sampled values through views, and where those of several levels are put together."""
        grids = tuple(grid for one in _operands(args) for grid in self._samples.get(one) or ())
        if grids and isinstance(output, Tensor) and output not in self._samples:
            self._samples.add(output, grids)

    def find(self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Product | None:
        """The attention in a matrix product, if there is one.

        Args:
            name: Name of the torch call, one of ``MATMUL``.
            args: Its arguments.
            kwargs: Its named arguments.
        """
        equation = args[0] if name == "einsum" and args and isinstance(args[0], str) else ""
        first = 1 if equation or name in _ADDED else 0
        operands = [*args[first:], *({} if first else kwargs).values()]
        if len(operands) == 1 and isinstance(operands[0], tuple | list):
            operands = list(operands[0])
        if name == "__rmatmul__":
            operands.reverse()
        if len(operands) < 2 or not all(_matrix(one) for one in operands[:2]):  # noqa: PLR2004 - a product
            return None
        if name == "tensordot":
            axes = kwargs.get("dims", 2) if len(args) < 3 else args[2]  # noqa: PLR2004 - its third argument
            axes = axes.tolist() if isinstance(axes, Tensor) else axes
            operands = operands[:2]
            equation = contraction(axes, *(one.dim() for one in operands))
        for i in (0, 1):
            weights, other = operands[i], operands[1 - i]
            if weights not in self._weights or _learned(other):
                continue
            if equation:
                einsum = Einsum.read(equation, [one.dim() for one in operands], i)
                again = functools.partial(einsum.again, operands=operands)
                return Product(einsum.turned(weights), other, again, einsum.heads)
            if i == 1:  # values and weights as (..., width, keys) and (..., keys, queries)
                weights, other = weights.transpose(-1, -2), other.transpose(-1, -2)
            base: Any = args[0]
            added = _Added(base, **kwargs) if name in _ADDED else None
            return Product(weights, other, functools.partial(_multiplied, values=other, turned=i == 1, added=added))
        return None

    def find_sampling(self, args: Sequence[Any]) -> Sampling | None:
        """The deformable attention in an elementwise product, if there is one."""
        for weights, values in (args[:2], args[1::-1]):
            grids = self._samples.get(values)
            if grids and weights in self._weights and weights.dim() == values.dim() == 4 and weights.size(1) == 1:  # noqa: PLR2004 - (batch * heads, 1, queries, points)
                return Sampling(weights[:, 0], values, grids)
        return None


def _operands(args: Sequence[Any]) -> Sequence[Any]:
    """The arguments, or what stands in the first, for cat and stack."""
    return args[0] if args and isinstance(args[0], tuple | list) else args


def _matrix(value: Any) -> bool:
    return isinstance(value, Tensor) and value.dim() >= 2  # noqa: PLR2004 - rows and columns


def _learned(value: Tensor) -> bool:
    """A weight, or a view of one: a router's or a classifier's product is no attention."""
    return isinstance(value, nn.Parameter) or isinstance(value._base, nn.Parameter)  # noqa: SLF001 - what it is a view of


@dataclass(frozen=True, slots=True)
class _Added:
    """What a call adds its product to."""

    given: Tensor
    beta: float = 1.0
    alpha: float = 1.0
    out: Tensor | None = None


def _multiplied(weights: Tensor, *, values: Tensor, turned: bool, added: _Added | None) -> Tensor:
    product = weights.float() @ values.float()
    product = product.transpose(-1, -2) if turned else product
    return product if added is None else added.beta * added.given.float() + added.alpha * product

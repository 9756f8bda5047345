"""SoftmaxProducts: finds attention that is written out, softmax(...) @ values, by following what softmax returned."""

import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

SOFTMAX = frozenset({"softmax", "_softmax", "_safe_softmax"})
MATMUL = frozenset({"matmul", "__matmul__", "__rmatmul__", "bmm", "baddbmm", "mm", "einsum"})

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
    straight: bool
    """whether the product is weights @ values as they stand"""


class SoftmaxProducts:
    """Follows the results of softmax through dropout, casts, masks and views until they multiply activations."""

    def __init__(self) -> None:
        self._live: dict[int, weakref.ref[Tensor]] = {}

    def __bool__(self) -> bool:
        return bool(self._live)

    def clear(self) -> None:
        """Forget every tensor."""
        self._live.clear()

    def add(self, tensor: Tensor) -> None:
        """Follow a tensor; nothing is kept alive by it."""
        key = id(tensor)
        self._live[key] = weakref.ref(tensor, lambda _: self._live.pop(key, None))

    def follow(self, name: str, args: Sequence[Any], output: Any) -> None:
        """Follow what a torch call made of a followed tensor."""
        source = next((a for a in args if self._followed(a)), None)
        if source is None and args and isinstance(args[0], tuple | list):  # cat and stack
            source = next((a for a in args[0] if self._followed(a)), None)
        if source is None:
            return
        for one in output if isinstance(output, tuple | list) else (output,):
            if not isinstance(one, Tensor) or not one.is_floating_point() or one.dim() < 2 or one is source:  # noqa: PLR2004 - (queries, keys)
                continue
            if one.numel() == source.numel() or name in _RESIZING:
                self.add(one)

    def find(self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Product | None:
        """The attention in a matrix product, if there is one.

        Args:
            name: Name of the torch call, one of ``MATMUL``.
            args: Its arguments.
            kwargs: Its named arguments.
        """
        equation = args[0] if name == "einsum" and args and isinstance(args[0], str) else ""
        operands = [*args[1:3]] if equation or name == "baddbmm" else [*args, *kwargs.values()]
        if len(operands) == 1 and isinstance(operands[0], tuple | list):
            operands = list(operands[0])
        if name == "__rmatmul__":
            operands.reverse()
        if len(operands) < 2 or not all(_matrix(one) for one in operands[:2]):  # noqa: PLR2004 - a product
            return None
        for i in (0, 1):
            weights, other = operands[i], operands[1 - i]
            if self._followed(weights) and not _learned(other):
                if equation:
                    return Product(_oriented(weights, equation, i), other, straight=False)
                return Product(weights if i == 0 else weights.transpose(-1, -2), other, straight=i == 0)
        return None

    def _followed(self, value: Any) -> bool:
        entry = self._live.get(id(value))
        return entry is not None and entry() is value


def _matrix(value: Any) -> bool:
    return isinstance(value, Tensor) and value.dim() >= 2  # noqa: PLR2004 - rows and columns


def _learned(value: Tensor) -> bool:
    """A weight, or a view of one: a router's or a classifier's product is no attention."""
    return isinstance(value, nn.Parameter) or isinstance(value._base, nn.Parameter)  # noqa: SLF001 - what it is a view of


def _oriented(weights: Tensor, equation: str, i: int) -> Tensor:
    """Weights of an einsum with queries and keys moved to the last two axes."""
    left, _, right = equation.replace(" ", "").replace("...", "").partition("->")
    terms = left.split(",")
    mine, other = terms[i], terms[1 - i]
    summed = [c for c in mine if c in other and c not in right]
    if len(summed) != 1 or len(mine) != weights.dim():
        return weights
    moved = weights.movedim(mine.index(summed[0]), -1)
    order = [c for c in mine if c != summed[0]]
    queries = [c for c in mine if c in right and c not in other]
    return moved.movedim(order.index(queries[0]), -2) if len(queries) == 1 else moved

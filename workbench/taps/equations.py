"""Einsum: which axes of an ``einsum`` of attention weights are queries, keys and heads."""

from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_letters

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Einsum:
    """An equation with its dots written out, seen from the operand that is attention weights."""

    terms: tuple[str, ...]
    """axes of each operand"""
    result: str
    place: int
    """of the weights among the operands"""

    @classmethod
    def read(cls, equation: str, dims: Sequence[int], place: int) -> "Einsum":
        """What ``torch.einsum`` is asked for.

        Args:
            equation: As it is given.
            dims: How many axes each operand has.
            place: Which of them is the weights.
        """
        left, arrow, right = equation.replace(" ", "").partition("->")
        if not arrow:
            right = "..." * ("..." in left) + "".join(c for c in sorted(left) if c.isalpha() and left.count(c) == 1)
        spare = [c for c in ascii_letters if c not in left]
        dots = {term: n - len(term) + 3 for term, n in zip(left.split(","), dims, strict=True) if "..." in term}
        # What the dots stand for is matched from the last axis.
        terms = (term.replace("...", "".join(spare[: dots.get(term, 0)][::-1])) for term in left.split(","))
        return cls(tuple(terms), right.replace("...", "".join(spare[: max(dots.values(), default=0)][::-1])), place)

    @property
    def axes(self) -> str:
        """The axes of the weights: leading ones, queries, keys; as they are where that cannot be told."""
        mine, others = self.terms[self.place], self._others
        keys = [c for c in mine if c in others and c not in self.result]
        if len(keys) != 1 or len(set(mine)) != len(mine):
            return mine
        left = [c for c in mine if c not in keys]
        queries = [c for c in left if c in self.result and c not in others]
        if len(queries) == 1:
            left.remove(queries[0])
            left += queries
        return "".join(left + keys)

    @property
    def heads(self) -> int | None:
        """The axis of heads in the result: the last of those that both operands share and keep."""
        shared = [c for c in self.terms[self.place] if c in self._others and c in self.result]
        return self.result.index(shared[-1]) - len(self.result) if shared else None

    @property
    def _others(self) -> str:
        return "".join(term for i, term in enumerate(self.terms) if i != self.place)

    def turned(self, weights: Tensor) -> Tensor:
        """The weights with their axes in the order of ``axes``."""
        mine = self.terms[self.place]
        return weights if self.axes == mine else weights.permute([mine.index(c) for c in self.axes])

    def again(self, weights: Tensor, operands: Sequence[Tensor]) -> Tensor:
        """The same sum in single precision.

        Args:
            weights: Turned.
            operands: All, with the weights among them.
        """
        terms, given = list(self.terms), [operand.float() for operand in operands]
        terms[self.place], given[self.place] = self.axes, weights.float()
        return torch.einsum(f"{','.join(terms)}->{self.result}", given)

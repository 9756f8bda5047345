"""Einsum: which axes of an ``einsum``, or ``tensordot``, of attention weights are queries, keys and heads."""

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
        mine, keys, queries = self.terms[self.place], self._keys, self._queries
        if not keys:
            return mine
        last = queries + keys if len(queries) == 1 else keys
        return "".join(c for c in mine if c not in last) + last

    @property
    def pools(self) -> bool:
        """Whether there is no axis of queries, because each example asks once."""
        mine = self.terms[self.place]  # more axes may be of queries, each with values of its own
        return len(mine) == 2 and bool(self._keys) and not self._queries  # noqa: PLR2004 - examples and keys

    @property
    def _keys(self) -> str:
        """The one axis that is summed over; "" where that cannot be told."""
        mine = self.terms[self.place]
        keys = [c for c in mine if c in self._others and c not in self.result]
        return keys[0] if len(keys) == 1 and len(set(mine)) == len(mine) else ""

    @property
    def _queries(self) -> str:
        """The axes of the weights that come out of the sum, and that no other operand has."""
        return "".join(c for c in self.terms[self.place] if c in self.result and c not in self._others)

    @property
    def heads(self) -> int | None:
        """The axis of heads in the result: the last of those that both operands share and keep."""
        shared = [c for c in self.terms[self.place] if c in self._others and c in self.result]
        return self.result.index(shared[-1]) - len(self.result) if shared else None

    @property
    def _others(self) -> str:
        return "".join(term for i, term in enumerate(self.terms) if i != self.place)

    def turned(self, weights: Tensor) -> Tensor:
        """The weights with their axes in the order of ``axes``, and one query where nothing says how many."""
        mine = self.terms[self.place]
        turned = weights if self.axes == mine else weights.permute([mine.index(c) for c in self.axes])
        return turned.unsqueeze(-2) if self.pools else turned

    def again(self, weights: Tensor, operands: Sequence[Tensor]) -> Tensor:
        """The same sum in single precision.

        Args:
            weights: Turned.
            operands: All, with the weights among them.
        """
        terms, given = list(self.terms), [operand.float() for operand in operands]
        terms[self.place], given[self.place] = self.axes, (weights.squeeze(-2) if self.pools else weights).float()
        return torch.einsum(f"{','.join(terms)}->{self.result}", given)


def contraction(axes: int | Sequence[Sequence[int]], first: int, second: int) -> str:
    """What ``torch.tensordot`` computes, as an equation.

    Args:
        axes: What it is given: how many axes, or which of both.
        first: How many axes the first operand has.
        second: How many the second has.
    """
    pairs = (range(first - axes, first), range(axes)) if isinstance(axes, int) else axes
    mine, others = list(ascii_letters[:first]), list(ascii_letters[first : first + second])
    for i, j in zip(*pairs, strict=True):
        others[j] = mine[i]
    left = [c for c in mine if c not in others] + [c for c in others if c not in mine]
    return f"{''.join(mine)},{''.join(others)}->{''.join(left)}"

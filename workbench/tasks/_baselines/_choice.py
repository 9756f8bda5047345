"""The constant of a method that does best on the validation split."""

from collections.abc import Callable, Iterable
from typing import TypeVar

Constant = TypeVar("Constant")
Fitted = TypeVar("Fitted")


def best(
    constants: Iterable[Constant],
    fit: Callable[[Constant], Fitted],
    judge: Callable[[Fitted], float],
) -> Fitted:
    """The fitted method with the highest figure on the validation split; the first of equals.

    Args:
        constants: What to try.
        fit: (constant) -> the method fitted to the train split.
        judge: (fitted method) -> its figure on the validation split, higher is better.
    """
    tried = list(constants)
    if len(tried) == 1:
        return fit(tried[0])
    return max((fit(constant) for constant in tried), key=judge)

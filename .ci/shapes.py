"""Checks the shapes that annotations state, while tests run; pytest's options in ``pyproject.toml`` name ``check``.

Only functions whose annotations name a shape are checked; all others run as they are written.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from beartype import beartype
from jaxtyping import AbstractArray

Function = TypeVar("Function", bound=Callable[..., Any])


def check(function: Function) -> Function:
    """The function, called only with arguments of the shapes and types it states."""
    hints = getattr(function, "__annotations__", {}).values()
    return beartype(function) if any(states_a_shape(hint) for hint in hints) else function


def states_a_shape(hint: Any) -> bool:
    """Whether an annotation is, or is made of, an array with a shape."""
    parts = getattr(hint, "__args__", ())
    return (isinstance(hint, type) and issubclass(hint, AbstractArray)) or any(map(states_a_shape, parts))

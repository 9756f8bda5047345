"""Paradigms: ways of fitting that are no phases of losses, each a plan with a driver of its own."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.paradigms.closed_form import LeastSquares as LeastSquares
    from workbench.paradigms.reinforcement import PPO as PPO

_FILES = {"LeastSquares": "closed_form", "PPO": "reinforcement"}


def __getattr__(name: str) -> Any:
    """Load a name when it is first asked for, so that listing the room needs no torch."""
    from importlib import import_module

    if name not in _FILES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_FILES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(_FILES)

"""Passes by name: what a person may write instead of ``Prune()``."""

from collections.abc import Iterable
from typing import Any

from workbench.compression import passes
from workbench.compression.contract import Pass
from workbench.core.errors import ConfigError
from workbench.core.names import find
from workbench.core.names import names as _names


def names() -> list[str]:
    """Names of all passes."""
    return _names(passes.__path__)


def resolve(given: Pass | str | Iterable[Pass | str]) -> tuple[Pass, ...]:
    """The passes meant by configs, names, or a sequence of them; a name is the pass with its defaults.

    Raises:
        UnknownNameError: There is no pass of that name.
        ConfigError: Something else was given, or nothing.
    """
    rows: list[Any] = [given] if isinstance(given, str | Pass) else list(given)
    if not rows:
        raise ConfigError(f"No pass was given: choose from {', '.join(names())}.")
    return tuple(_resolve(row) for row in rows)


def _resolve(given: Any) -> Pass:
    if isinstance(given, Pass):
        return given
    if isinstance(given, str):
        return find(passes.__name__, passes.__path__, given, "PASS")()
    what = f"the class {given.__name__}: call it" if isinstance(given, type) else type(given).__name__
    raise ConfigError(f"A pass is a config such as Prune(0.5) or a name such as 'prune'; got {what}.")

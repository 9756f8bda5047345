"""The two environment variables, read in this one place: ``WORKBENCH_BUDGET`` and ``WORKBENCH_STRICT``."""

import os
from typing import Literal

from workbench.core.errors import ConfigError

Budget = Literal["full", "ci"]


def budget() -> Budget:
    """How much work recipes, methods and notebooks may do: ``full`` (default) or ``ci``.

    Raises:
        ConfigError: ``WORKBENCH_BUDGET`` is set to something else.
    """
    value = os.environ.get("WORKBENCH_BUDGET", "full")
    if value not in ("full", "ci"):
        raise ConfigError(f"WORKBENCH_BUDGET is {value!r}; it may be 'full' or 'ci'.")
    return value


def within_budget(full: int, ci: int) -> int:
    """An amount of work (steps, samples, epochs) under the budget in force."""
    return ci if budget() == "ci" else full


def strict() -> bool:
    """Whether every tab renders once and raises: ``WORKBENCH_STRICT`` is set to anything but ``0`` or empty."""
    return os.environ.get("WORKBENCH_STRICT", "0") not in ("", "0")

"""What the workbench asks its surroundings, in one place: two environment variables, and whether a kernel runs it."""

import os
import sys
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


def kernel_present() -> bool:
    """Whether a Jupyter kernel runs this process, so that somebody could see a widget; never imports IPython."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None

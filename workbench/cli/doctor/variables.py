"""The environment variables of the workbench have values that it knows."""

from typing import get_args

from workbench.cli.doctor._finding import Finding
from workbench.cli.doctor._machine import Machine
from workbench.core.environment import Budget

BUDGETS: tuple[str, ...] = get_args(Budget)


def check(machine: Machine) -> Finding:
    """Look at ``WORKBENCH_BUDGET``."""
    budget = machine.variables().get("WORKBENCH_BUDGET", "full")
    if budget in BUDGETS:
        return Finding("ok", f"WORKBENCH_BUDGET is {budget}.")
    return Finding(
        "fail",
        f"WORKBENCH_BUDGET is {budget!r}; it may be {' or '.join(map(repr, BUDGETS))}.",
        "unset WORKBENCH_BUDGET",
    )

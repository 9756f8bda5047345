"""The running Python is one that the workbench supports."""

from workbench.cli.doctor._finding import Finding
from workbench.cli.doctor._machine import Machine

OLDEST = (3, 11)


def check(machine: Machine) -> Finding:
    """Compare the version."""
    found = machine.python()
    version = ".".join(map(str, found))
    if found[:2] >= OLDEST:
        return Finding("ok", f"Python {version}.")
    oldest = ".".join(map(str, OLDEST))
    return Finding("fail", f"Python {version} is older than {oldest}.", f"make an environment with Python {oldest}")

"""Which extras are installed, and the command that brings the others."""

import re

from workbench.cli.doctor._finding import Finding
from workbench.cli.doctor._machine import DISTRIBUTION, Machine

REQUIREMENT = re.compile(r"^\s*([A-Za-z0-9._-]+).*extra\s*==\s*['\"]([\w-]+)['\"]")


def members(requirements: list[str]) -> dict[str, list[str]]:
    """Packages of each extra, out of a distribution's requirements; ``all`` is left out."""
    extras: dict[str, list[str]] = {}
    for text in requirements:
        found = REQUIREMENT.match(text)
        if found and found[2] != "all" and found[1] != DISTRIBUTION:
            extras.setdefault(found[2], []).append(found[1])
    return extras


def check(machine: Machine) -> Finding:
    """Look for every package of every extra."""
    extras = members(machine.requirements())
    if not extras:
        return Finding("warn", f"{DISTRIBUTION} is not installed, only importable.", f"pip install {DISTRIBUTION}")
    absent = {extra: [p for p in packages if machine.version(p) is None] for extra, packages in extras.items()}
    absent = {extra: packages for extra, packages in absent.items() if packages}
    if not absent:
        return Finding("ok", f"All extras are installed: {', '.join(extras)}.")
    listed = "; ".join(f"{extra} ({', '.join(packages)})" for extra, packages in absent.items())
    return Finding(
        "warn",
        f"Extras that are not installed, with what they lack: {listed}.",
        f"pip install '{DISTRIBUTION}[{','.join(absent)}]'",
    )

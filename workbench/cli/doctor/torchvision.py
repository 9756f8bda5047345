"""A torchvision that does not match torch: transformers imports it whenever it is there, and breaks with it."""

from workbench.cli.doctor._finding import Finding
from workbench.cli.doctor._machine import Machine


def check(machine: Machine) -> Finding:
    """Import torchvision where it is installed; the workbench itself does not need it."""
    version = machine.version("torchvision")
    if version is None:
        return Finding("ok", "torchvision is not installed, and not needed.")
    trial = machine.try_import("torchvision")
    if trial.imports:
        return Finding("ok", f"torchvision {version} matches torch.")
    reason = (trial.says.strip().splitlines() or ["no reason given"])[-1]
    return Finding(
        "fail",
        f"torchvision {version} does not match torch {machine.version('torch')} and breaks every import of "
        f"transformers and diffusers ({reason}).",
        "pip uninstall torchvision",
    )

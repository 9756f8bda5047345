"""A torchao whose compiled parts do not fit torch: it warns at every import and loses its fast kernels."""

from workbench.cli.doctor._finding import Finding
from workbench.cli.doctor._machine import Machine


def check(machine: Machine) -> Finding:
    """Import torchao where it is installed, and listen."""
    version = machine.version("torchao")
    if version is None:
        return Finding("ok", "torchao is not installed, and not needed.")
    trial = machine.try_import("torchao")
    if trial.imports and not trial.says.strip():
        return Finding("ok", f"torchao {version} fits torch.")
    first = (trial.says.strip().splitlines() or ["no reason given"])[0 if trial.imports else -1]
    return Finding(
        "warn" if trial.imports else "fail",
        f"torchao {version} does not fit torch {machine.version('torch')}: {first}",
        "pip uninstall torchao, or install the release that its page names for this torch",
    )

"""Not more threads than cores: two that share a core make every step slower."""

from workbench.cli.doctor._finding import Finding
from workbench.cli.doctor._machine import Machine


def check(machine: Machine) -> Finding:
    """Compare the threads that torch will start with the cores it may use."""
    text = machine.variables().get("OMP_NUM_THREADS", "")
    threads = int(text) if text.isdigit() and int(text) else machine.visible_cores()
    cores = machine.cores()
    if threads <= cores:
        return Finding("ok", f"torch will start {threads} threads on {cores} cores.")
    return Finding("warn", f"torch will start {threads} threads on {cores} cores.", f"export OMP_NUM_THREADS={cores}")

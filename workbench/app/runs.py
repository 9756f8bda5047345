"""The runs that go on in this process, as plain data; one that no variable holds yet is found as well."""

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

POINTS = 48
"""values of a sparkline"""

_VALIDATION = "validation"


@dataclass(frozen=True)
class Card:
    """A run: its model, and what is shown of it."""

    model: Any
    facts: dict[str, Any]


def runs_of(values: Iterable[Any]) -> list[Any]:
    """Runs among these values, and those that were started and still exist; each once."""
    module = sys.modules.get("workbench.train.run")
    kind = getattr(module, "Run", None)  # missing while another thread is importing it
    if kind is None:
        return []
    found = {id(value): value for value in values if issubclass(type(value), kind)}
    return list((found | {id(run): run for run in _known()}).values())


def cards(runs: Iterable[Any]) -> list[Card]:
    """What is shown of each run; one that cannot be read is left out."""
    found: list[Card] = []
    for run in runs:
        try:
            found.append(Card(run.model, _facts(run)))
        except Exception:  # noqa: BLE001, S112 - a driver may be anybody's, and nobody reads a kernel's log
            continue
    return found


def stop(identity: str) -> bool:
    """Stop a run of this process after its running step.

    Args:
        identity: The ``id`` that ``cards`` gave.

    Returns:
        Whether there was such a run and it was going.
    """
    for run in _known():
        if _identity(run) == identity and run.running:
            run.stop()
            return True
    return False


def _known() -> list[Any]:
    known = getattr(sys.modules.get("workbench.train.run"), "known", ())
    while True:
        try:
            return list(known)
        except RuntimeError:  # another thread started a run meanwhile
            continue


def _identity(run: Any) -> str:
    return f"{id(run):x}"


def _facts(run: Any) -> dict[str, Any]:
    progress = run.progress
    data = getattr(run.spec, "data", None)
    return {
        "id": _identity(run),
        "kind": type(run.model).__name__,
        "status": str(run.status),
        "running": bool(run.running),
        "step": int(progress.step),
        "total": int(progress.total),
        "eta": progress.eta,
        "losses": losses(run.history),
        "data": data if isinstance(data, str) else "",
    }


def losses(history: Any) -> list[float]:
    """The loss over the run in at most ``POINTS`` values, each the mean of the finite ones in its stretch."""
    import numpy as np

    phases = [phase for phase in history.phases() if phase != _VALIDATION and "loss" in history.names(phase)]
    if not phases:
        return []
    _, values = history.column(phases[0], "loss")
    values = values[np.isfinite(values)]
    if not len(values):
        return []
    stretches = np.array_split(values, min(POINTS, len(values)))
    return [float(f"{stretch.mean():.6g}") for stretch in stretches]

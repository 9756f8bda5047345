"""One network: explained by the automatic choice, and what its doubt says."""

import time
import warnings
from typing import Any

import torch
from networks import FIVE, FORTY

from workbench.core.errors import WorkbenchError
from workbench.interpret import Explanation, explain

Row = dict[str, Any]


def judge(name: str) -> Row:
    """The row of one network."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    network = (FIVE | FORTY)[name]
    row: Row = {"name": name, "table": "five" if name in FIVE else "forty", "kind": network.kind}
    try:
        model, batch, settings = network.build()
        row["model"] = f"{type(model).__module__.partition('.')[0]}.{type(model).__name__}"
        row["parameters"] = sum(p.numel() for p in model.parameters())
        began = time.process_time()
        found = explain(model, batch, **settings)
    except WorkbenchError as error:
        return row | {"verdict": "refused", "said": [str(error)]}
    except Exception as error:  # noqa: BLE001 - a network that cannot be explained is a row of the table
        return row | {"verdict": "broken", "said": [f"{type(error).__name__}: {error}"[:300]]}
    return row | read(found) | {"cpu_seconds": round(time.process_time() - began, 1)}


def read(found: Explanation) -> Row:
    """What an explanation says of itself, and whether its own scores bear that out."""
    gap = float(found.relative_gap.nan_to_num(torch.inf).max())
    error = float(found.relative_error.max()) if found.relative_error.numel() else None
    return {
        "method": found.method,
        "target": found.target,
        "reference": found.reference,
        "relative_gap": gap,
        "sampling_error": error,
        "verdict": verdict(gap, error, found),
        "said": list(found.warnings),
    }


def verdict(gap: float, error: float | None, found: Explanation) -> str:
    """Within the bounds or not, with a warning or, which would be dishonest, without one."""
    if gap < 0.01 and (error is None or error <= 0.05):
        return "met"
    return "warned" if found.warnings and not found.converged else "silent"

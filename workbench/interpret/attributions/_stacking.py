"""Reading the scores of stacked inputs from one output, in several ways of which one may fit a target."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from workbench.core.calling import scores
from workbench.interpret.targets import Target

TOLERANCE = 1e-3
"""how far a score may be from that of the same input alone, of the largest score"""

Pick = Callable[[Target, int, Any, int], Tensor]
"""(target, rows, output for k * rows rows, k) -> (k, rows) scores"""


def _directly(target: Target, rows: int, output: Any, k: int) -> Tensor:
    return target.pick(output).reshape(k, rows)


def _by_class(target: Target, rows: int, output: Any, k: int) -> Tensor:
    value = scores(output)
    value = value[:, -1] if value.dim() == 3 else value  # noqa: PLR2004 - (rows, positions, classes)
    if len(set(target.classes)) == 1:
        return value[:, target.classes[0]].reshape(k, rows)
    classes = torch.tensor(target.classes, device=value.device).expand(rows)
    return value.gather(-1, classes.repeat(k)[:, None]).reshape(k, rows)


def _in_turn(target: Target, rows: int, output: Any, k: int) -> Tensor:
    total = k * rows
    return torch.stack([target.pick(_sliced(output, i * rows, rows, total)) for i in range(k)])


READERS: Mapping[str, Pick] = {"by class": _by_class, "directly": _directly, "in turn": _in_turn}
"""ways to read, in the order in which they are tried"""


def same(found: Tensor, expected: Tensor) -> bool:
    """Whether scores agree up to what the order of sums may change."""
    pairs = list(zip(found.flatten().tolist(), expected.flatten().tolist(), strict=False))
    scale = max((abs(right) for _, right in pairs), default=0.0)
    return found.shape == expected.shape and all(abs(left - right) <= TOLERANCE * scale for left, right in pairs)


def repeated(value: Tensor, rows: int, k: int) -> Tensor:
    """The rows of a batch k times one after another; what has no rows stays as it is."""
    return value.repeat(k, *(1,) * (value.dim() - 1)) if value.dim() and len(value) == rows else value


def _sliced(output: Any, start: int, size: int, total: int) -> Any:
    """Some rows of whatever a model returned."""
    if isinstance(output, Tensor):
        return output[start : start + size] if output.dim() and len(output) == total else output
    if isinstance(output, Mapping):
        kept: Any = type(output)
        return kept(**{name: _sliced(value, start, size, total) for name, value in output.items()})
    if isinstance(output, tuple | list):
        items = [_sliced(value, start, size, total) for value in output]
        kind: Any = type(output)
        return kind(*items) if hasattr(output, "_fields") else kind(items)
    return output

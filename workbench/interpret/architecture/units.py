"""Units that tell nothing apart: dead ones are zero on every input, saturated ones at a bound of their activation."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

NEAR = 0.01
"""of an activation's range: what is closer to a bound than that counts as being at it"""


@dataclass(frozen=True, slots=True)
class Units:
    """Shares of the units (channels of pictures, features of everything else) of one output."""

    dead: float
    """zero on all the inputs"""
    zeros: float
    """of the activations, not of the units: exactly zero"""


def zero_share(value: Any) -> float:
    """Share of exact zeros in a tensor of floating-point numbers; 0 for anything else."""
    if not isinstance(value, Tensor) or value.layout is not torch.strided:
        return 0.0
    return float((value == 0).float().mean()) if value.is_floating_point() and value.numel() else 0.0


def dead(module: nn.Module, output: Tensor, zeros_given: float) -> Units | None:
    """How many units of a module are dead.

    Args:
        module: What computed the output.
        output: (batch, channels, height, width) or (batch, ..., features).
        zeros_given: Share of zeros in what the module was given.

    Returns:
        None where that means nothing: for a module with children, and for one that only passes zeros on (flatten,
        dropout, pooling).
    """
    share = zero_share(output)
    if next(module.children(), None) is not None or output.dim() <= 1 or share <= zeros_given:
        return None
    return Units(_share_of_units(output == 0), share)


def saturated(module: nn.Module, output: Tensor) -> float | None:
    """Share of the units that stay within 1 % of the range from a bound of their activation, on all the inputs.

    Args:
        module: What computed the output.
        output: As for ``dead``.

    Returns:
        None where the module is not an activation with bounds. Zero is not a bound of ReLU6: a unit there is dead.
    """
    bounds = _bounds(module)
    if bounds is None or output.dim() <= 1 or not output.is_floating_point() or not output.numel():
        return None
    low, high = bounds
    near = NEAR * (high - low)
    at_top = output >= high - near
    return _share_of_units(at_top if isinstance(module, nn.ReLU6) else at_top | (output <= low + near))


def _bounds(module: nn.Module) -> tuple[float, float] | None:
    if isinstance(module, nn.Hardtanh):  # also ReLU6
        return float(module.min_val), float(module.max_val)
    if isinstance(module, nn.Sigmoid | nn.Hardsigmoid):
        return 0.0, 1.0
    if isinstance(module, nn.Tanh | nn.Softsign):
        return -1.0, 1.0
    return None


def _share_of_units(marked: Tensor) -> float:
    """Of the units, those that are marked everywhere."""
    axis = 1 if marked.dim() > 3 else -1  # noqa: PLR2004 - (batch, channels, height, width)
    return float(marked.movedim(axis, 0).flatten(1).all(1).float().mean())

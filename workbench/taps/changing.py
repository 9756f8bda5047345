"""Applying an edit to a value, and refusing what would break the model further on."""

from collections.abc import Callable
from typing import Any

import torch

from workbench.core.errors import ModelError
from workbench.taps.addresses import Address
from workbench.taps.functions import quiet
from workbench.taps.values import part, tensors, versions, with_part

Edit = Callable[[Any], Any]
"""value -> value, of the same shape."""


def edited(output: Any, address: Address, change: Edit) -> Any:
    """A value with what stands at an address changed.

    Raises:
        AddressError: The value has no such part.
        ModelError: The edit works in place, or gives another shape or dtype.
    """
    old = part(output, address.parts, address.text)
    before = versions(old)
    with quiet():
        new = change(old)
    if versions(old) != before:
        raise ModelError(f"The edit of {address.text!r} changed its value in place: return a new value instead.")
    shapes = [(tuple(t.shape), t.dtype) for _, t in tensors(old)]
    given = [(tuple(t.shape), t.dtype) for _, t in tensors(new)]
    if shapes != given:
        raise ModelError(
            f"The edit of {address.text!r} returned {_listed(given) or type(new).__name__} where the model computed "
            f"{_listed(shapes)}: return a value of the same shape and dtype."
        )
    return with_part(output, address.parts, new)


def _listed(shapes: list[tuple[tuple[int, ...], torch.dtype]]) -> str:
    return ", ".join(f"{str(dtype).removeprefix('torch.')}{list(shape)}" for shape, dtype in shapes)

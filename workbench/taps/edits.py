"""Edits: small functions from a value to a new one, for ``tap.edit``.

tap.edit({"layers.3": steer(direction, 4.0), "layers.5.attn[0]": ablate(at=(..., slice(0, 64)))})

Each leaves its argument alone and lets gradients through. ``at`` is an index as one would write it in brackets, and
limits the edit to a part of the value.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from workbench.core.errors import AddressError, ModelError, nearest

At = Any
"""An index into a tensor: ``(slice(None), 3)`` is ``[:, 3]``; None for all of it."""


@dataclass(frozen=True, slots=True, eq=False)
class PartEdit:
    """A change of a tensor, or of a part of it."""

    words: str
    change: Callable[[Tensor], Tensor]
    at: At = None

    def __call__(self, value: Any) -> Tensor:
        """The value with the change.

        Raises:
            ModelError: The value is no tensor, or the change does not fit it.
        """
        if not isinstance(value, Tensor):
            raise ModelError(f"To {self.words} takes a tensor, not {type(value).__name__}: name a part, such as '[0]'.")
        old = value if self.at is None else value[self.at]
        try:
            new = self.change(old).to(value.dtype).expand_as(old)
        except ModelError:
            raise
        except RuntimeError as error:
            raise ModelError(f"Cannot {self.words} a value of shape {tuple(old.shape)}: {error}.") from error
        if self.at is None:
            return new.clone(memory_format=torch.contiguous_format)  # the model may go on to change it in place
        whole = value.clone()
        whole[self.at] = new
        return whole


def steer(direction: Tensor, strength: float = 1.0, *, at: At = None) -> PartEdit:
    """Add ``strength * direction``.

    Args:
        direction: Broadcastable to the value: (width,) is added at every position.
        strength: How much of it.
        at: A part of the value.
    """
    return PartEdit("steer", lambda old: old + strength * direction.to(old.device, old.dtype), at)


def scale(factor: float | Tensor, *, at: At = None) -> PartEdit:
    """Multiply by a number or by a tensor that broadcasts."""
    return PartEdit("scale", lambda old: old * _beside(factor, old), at)


def ablate(*, mean: int | tuple[int, ...] | None = None, at: At = None) -> PartEdit:
    """Replace by zero, or by the mean over axes of the value.

    Args:
        mean: Axes of which the mean is taken: 0 for what the batch has on average, which keeps scale and bias of what
            follows as they are used to; None for zero.
        at: A part of the value.
    """
    if mean is None:
        return PartEdit("ablate", torch.zeros_like, at)
    return PartEdit("ablate", lambda old: old.mean(mean, keepdim=True), at)


def replace(value: float | Tensor, *, at: At = None) -> PartEdit:
    """Put another value in its place, one that broadcasts."""
    return PartEdit("replace", lambda old: torch.as_tensor(value, dtype=old.dtype, device=old.device), at)


def patch(seen: Mapping[str, Any], *addresses: str, at: At = None) -> dict[str, PartEdit]:
    """Edits that put values of an earlier run where they were read.

    Args:
        seen: What ``tap.read`` or ``tap.run`` gave; or any mapping from address to tensor.
        addresses: Which of them; none for all.
        at: The part that is patched, such as one position: ``(slice(None), 3)``.

    Raises:
        AddressError: An address was not read.
    """
    chosen = addresses or tuple(seen)
    missing = [address for address in chosen if address not in seen]
    if missing:
        raise AddressError(f"{missing[0]!r} was not read in that run.{nearest(missing[0], seen)}")
    return {address: _patched(seen[address], at) for address in chosen}


def _patched(stored: Any, at: At) -> PartEdit:
    if not isinstance(stored, Tensor):
        raise ModelError(f"Only tensors can be patched, not {type(stored).__name__}: read a part, such as '[0]'.")

    def change(old: Tensor) -> Tensor:
        new = stored if at is None else stored[at]
        if new.shape != old.shape:
            raise ModelError(
                f"The stored value has shape {tuple(new.shape)} and this run computed {tuple(old.shape)}: patch runs "
                "of inputs of one size, or a part with at=."
            )
        return new.to(old.device)

    return PartEdit("patch", change, at)


def _beside(value: float | Tensor, old: Tensor) -> float | Tensor:
    return value.to(old.device, old.dtype) if isinstance(value, Tensor) else value

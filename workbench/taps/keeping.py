"""Keeping: copies of values under a cap of bytes.

A copy has the precision that the model computed in, so that a value put back gives the same output bit by bit. Half
precision would do harm to activations, other than to attention weights: the residual stream of SmolLM2 reaches 22,552,
where the numbers of float16 are 16 apart and its end, 65,504, is near, and a layer's value that was rounded and put
back moves the logits by 0.02 (in MiniLM by 6e-4). It is used where a value would otherwise be dropped because of the
cap, and holds nothing that half precision cannot, which is then said; or in general where ``dtype`` asks for it.
"""

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from workbench.taps.kernels import unseen
from workbench.taps.values import mapped, tensors


@dataclass(frozen=True, slots=True)
class Terms:
    """How a value is kept."""

    attached: bool = False
    """the model's own tensor with its graph, not a copy"""
    device: torch.device | None = None
    """None: where it was computed"""
    dtype: torch.dtype | None = None
    """of floating values; None: as computed"""


@dataclass(slots=True)
class Shelf:
    """What is held, by whoever holds it."""

    max_bytes: int
    held: dict[Any, int] = field(default_factory=dict)
    used: int = 0

    @property
    def left(self) -> int:
        """Bytes that are free."""
        return self.max_bytes - self.used

    def drop(self, key: Any) -> None:
        """Free what was held under a key."""
        self.used -= self.held.pop(key, 0)

    def keep(self, key: Any, value: Any, terms: Terms) -> tuple[Any, str] | None:
        """A value as the terms say and a warning or "", or None where it does not fit.

        Args:
            key: Under which it is held.
            value: A tree of tensors.
            terms: How it is kept.
        """
        if terms.attached:
            return self._held(key, value, terms, "")
        if sum(t.numel() * _kept_as(t, terms.dtype).itemsize for _, t in tensors(value)) <= self.left:
            return self._held(
                key, mapped(value, lambda t: _copied(t, terms.device, _kept_as(t, terms.dtype))), terms, ""
            )
        size = sum(t.numel() * _halved(t).itemsize for _, t in tensors(value))
        if terms.dtype is not None or size > self.left or not all(_fits(t) for _, t in tensors(value)):
            return None
        half = mapped(value, lambda t: _copied(t, terms.device, _halved(t)))
        return self._held(key, half, terms, "kept in half precision, because it did not fit under max_bytes otherwise")

    def _held(self, key: Any, value: Any, terms: Terms, warning: str) -> tuple[Any, str] | None:
        size = sum(t.numel() * t.element_size() for _, t in tensors(value))
        if terms.attached and size > self.left:
            return None
        self.held[key] = size
        self.used += size
        return value, warning


def _kept_as(tensor: Tensor, dtype: torch.dtype | None) -> torch.dtype:
    return tensor.dtype if dtype is None or not tensor.is_floating_point() else dtype


def _halved(tensor: Tensor) -> torch.dtype:
    return torch.float16 if tensor.dtype in (torch.float32, torch.float64) else tensor.dtype


def _fits(tensor: Tensor) -> bool:
    """Whether half precision loses no more than rounding: nothing overflows."""
    if _halved(tensor) is tensor.dtype or not tensor.numel():
        return True
    return bool(tensor.detach().abs().amax() <= torch.finfo(torch.float16).max)


def _copied(tensor: Tensor, device: torch.device | None, dtype: torch.dtype) -> Tensor:
    # A copy, because the model may go on to change its own tensor in place; an ordinary one also in inference mode.
    with torch.inference_mode(mode=False), unseen():
        return tensor.detach().to(tensor.device if device is None else device, dtype, copy=True)

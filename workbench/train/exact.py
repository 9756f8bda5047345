"""Whether a resumed run equals the uninterrupted one bit by bit, and why not where it does not."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from workbench.train.settings import RunSettings, Settings


@dataclass(frozen=True)
class Exact:
    """True or false with the reasons."""

    reasons: tuple[str, ...] = ()
    """why not; empty when it is exact"""

    def __bool__(self) -> bool:
        return not self.reasons

    def __str__(self) -> str:
        return "; ".join(self.reasons) or "a resumed run equals the uninterrupted one bit by bit"


def circumstances(settings: RunSettings, device: str) -> dict[str, Any]:
    """What the bits of a result depend on beside model, data and seed."""
    optimiser = settings.optimiser if isinstance(settings, Settings) else None
    return {
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "device": device,
        "fused": getattr(optimiser, "fused", None),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
    }


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[str, ...]:
    """A sentence for each circumstance that differs."""
    return tuple(
        f"{name} was {before[name]} when the checkpoint was written and is {now[name]} now: "
        "the numbers will differ in their last bits"
        for name in now
        if name in before and before[name] != now[name]
    )

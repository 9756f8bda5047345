"""Whether a resumed run equals the uninterrupted one bit by bit, and why not where it does not."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from workbench.core import device as devices
from workbench.train.settings import RunSettings


@dataclass(frozen=True)
class Exact:
    """True or false with the reasons."""

    reasons: tuple[str, ...] = ()
    """why not; empty when it is exact"""
    promise: str = ""
    """what the driver says about its boundaries"""

    def __bool__(self) -> bool:
        return not self.reasons

    def __str__(self) -> str:
        if self.reasons:
            return "; ".join(self.reasons)
        exact = "a resumed run equals the uninterrupted one bit by bit"
        return f"{exact} ({self.promise})" if self.promise else exact


def circumstances(model: nn.Module, settings: RunSettings, seed: int) -> dict[str, Any]:
    """What the bits of a result depend on beside model, data and plan.

    Left out are the settings of checkpoints: they change nothing.
    """
    device = devices.of(model)
    chosen = settings.model_dump(mode="json", exclude=set(RunSettings.model_fields))
    return {
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "processor": torch.backends.cpu.get_cpu_capability(),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "seed": seed,
        **_flat(chosen),
    }


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[str, ...]:
    """Half a sentence for each circumstance that differs."""
    return tuple(
        f"{name} was {before[name]} when the checkpoint was written and is {now[name]} now"
        for name in now
        if name in before and before[name] != now[name]
    )


def _flat(values: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    """Nested values by dotted names."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        flat |= _flat(value, f"{path}{name}.") if isinstance(value, Mapping) else {f"{path}{name}": value}
    return flat

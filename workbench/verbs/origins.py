"""Where a model came from: remembered beside it, never in it, so that a built model is a plain module."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from torch import nn


@dataclass(frozen=True)
class Origin:
    """The zoo entry, its config and the seed of the initial weights."""

    name: str
    config: Mapping[str, Any]
    seed: int


_origins: WeakKeyDictionary[nn.Module, Origin] = WeakKeyDictionary()


def remember(model: nn.Module, origin: Origin) -> None:
    """Note where a model came from for as long as it lives."""
    _origins[model] = origin


def of(model: nn.Module) -> Origin | None:
    """Where a model came from, or None for a model that is not from the zoo."""
    return _origins.get(model)

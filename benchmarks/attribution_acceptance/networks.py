"""The networks: five ordinary ones, and forty architectures on six kinds of input."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from recipes import RECIPES, made
from smaller import FIVE_CLASSES, others
from torch import nn

Built = tuple[nn.Module, Any, dict[str, Any]]
"""model, what it is called with, and settings of ``explain``"""


@dataclass(frozen=True)
class Network:
    """One row."""

    kind: str
    build: Callable[[], Built]


def five(kind: Callable[[], nn.Module]) -> Built:
    """One of the ordinary networks with four inputs, and twenty rows to compare with."""
    model = kind()
    return model, torch.randn(4, 4), {"background": torch.randn(20, 4)}


FIVE = {name: Network("table", lambda kind=kind: five(kind)) for name, kind in FIVE_CLASSES.items()}
FORTY = {
    **{name: Network(recipe.kind, lambda recipe=recipe: made(recipe)) for name, recipe in RECIPES.items()},
    **{name: Network(kind, build) for name, (kind, build) in others().items()},
}

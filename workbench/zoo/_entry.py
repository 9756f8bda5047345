"""What a zoo file declares: one Architecture."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from workbench.core.config import Config, sized_by
from workbench.core.entry import Claim, Paper
from workbench.core.errors import ConfigError, DataError
from workbench.train.contract import Plan
from workbench.train.settings import RunSettings

_MAY_EXCEED = frozenset({"classes", "vocab", "actions", "length"})
"""sizes of the data that a model may exceed: it then has answers or places that the data does not use"""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How the claim is reached: a task by name, a plan where it differs from the task's, settings."""

    task: str
    settings: RunSettings
    plan: Plan | None = None
    """else the task's"""
    steps: int | None = None
    epochs: int | None = None


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """Everything the rest of the workbench may know about an entry."""

    rows: tuple[str, ...]
    """ids of the catalogue that this entry is evidence for"""
    config: type[Config]
    build: Callable[[Any], nn.Module]
    """(config) -> a plain module, initialised from torch's generator"""
    takes: tuple[str, ...]
    """kinds of data"""
    paper: Paper
    recipe: Recipe
    claim: Claim
    views: Mapping[str, str] = field(default_factory=dict[str, str])
    """address inside the model -> kind of value shown there ("attention", "feature maps" ...)"""
    tiny: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """config of the smallest useful form, at most 100,000 parameters: tests and first fill"""
    as_published: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """config of the paper's own form, or as near as our libraries come"""
    examples: Callable[[Any, int], tuple[torch.Tensor, ...]] | None = None
    """(config, n) -> inputs of n examples, where a model takes something else than the data: noise for a generator"""
    libraries: tuple[str, ...] = ()
    """modules that its result depends on besides those that its file names: of its plan and its data"""
    batch_independent: bool = True
    """whether, in evaluation mode, the answer for an example is the same whatever stands beside it"""

    def configure(self, data: Any = None, *, preset: str | None = None, **values: Any) -> Config:
        """The config with the sizes of the data; a given value must not contradict them.

        Args:
            data: A data set, or None for the config's own sizes.
            preset: ``"tiny"`` or ``"paper"``; given values win over it.
            **values: Fields of the config.

        Raises:
            DataError: The data is of another kind than the architecture takes, or lacks a size it needs.
            ConfigError: A field or preset is unknown, out of range, or does not fit the data.
        """
        chosen = {**self._preset(preset), **values}
        return self.config(**(self._sizes(data, chosen) | chosen))

    def _preset(self, preset: str | None) -> Mapping[str, Any]:
        presets = {"tiny": self.tiny, "paper": self.as_published}
        if preset is not None and preset not in presets:
            raise ConfigError(f"There is no preset {preset!r}: use 'tiny' or 'paper', or none.")
        return presets.get(preset or "", {})

    def _sizes(self, data: Any, chosen: Mapping[str, Any]) -> dict[str, int]:
        if data is None:
            return {}
        if data.kind not in self.takes:
            raise DataError(f"This architecture takes {' or '.join(self.takes)}; {data.name} is {data.kind}.")
        sizes: dict[str, int] = {}
        for name, info in self.config.model_fields.items():
            source = sized_by(info)
            if source is None:
                continue
            if source not in data.sizes:
                known = ", ".join(data.sizes)
                raise DataError(f"{self.config.__name__}.{name} is the {source} of the data; {data.name} has {known}.")
            sizes[name] = data.sizes[source]
            given, needed = chosen.get(name, sizes[name]), sizes[name]
            if given < needed or (given > needed and source not in _MAY_EXCEED):
                least = "at least " if source in _MAY_EXCEED else ""
                raise ConfigError(
                    f"{self.config.__name__}.{name} must be {least}{needed}, the {source} of {data.name}; got {given}."
                )
        return sizes

    def ablated(self, config: Config) -> nn.Module:
        """The network without the row's idea.

        Raises:
            ConfigError: The claim names no ablation.
        """
        if self.claim.ablation is None:
            raise ConfigError(f"The claim of {self.config.__name__} names no ablation.")
        return self.claim.ablation(config)

    def initialised(self, config: Config, *, seed: int, ablated: bool = False) -> nn.Module:
        """A module whose initial weights follow from the seed; torch's generator is as before."""
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            return self.ablated(config) if ablated else self.build(config)

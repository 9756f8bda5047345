"""The nouns of training: Event, Phase, Driver, Plan, Objective, Job.

A ``Run`` (run.py) drives a ``Driver``: anything that advances a live model step by step and can be put on disk
between steps. A ``Plan`` is the config a person passes that makes a driver; an ``Objective`` is the plan whose
steps are phases of losses, driven by the ordinary ``Loop`` (loop.py). Reinforcement learning, federated
learning and closed-form fits are plans with drivers of their own.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, final

import torch
from torch import Tensor, nn

from workbench.core.batch import Batch
from workbench.core.calling import Call
from workbench.core.config import Chosen
from workbench.core.errors import ModelError
from workbench.train.settings import Optimiser, RunSettings, Settings

Losses = tuple[Tensor, Mapping[str, Tensor | float]]
"""A scalar to minimise, and figures to report beside it."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something a run reports. Tensors in ``raw`` become numbers when they are read."""

    step: int
    """steps taken when it was reported, from 1"""
    phase: str
    """which part of the step: "train", "validation", "generator", "update" ..."""
    raw: Mapping[str, Tensor | float]
    """figures by name; "loss" is watched for being finite"""
    scope: str = ""
    """client, task, trial or rank it belongs to; empty for the run itself"""

    @property
    def metrics(self) -> dict[str, float]:
        """The figures as numbers."""
        return {name: float(value) for name, value in self.raw.items()}


@dataclass(frozen=True, slots=True)
class Phase:
    """One loss that moves one part of the model."""

    name: str
    loss: Callable[[nn.Module, Batch], Losses]
    part: str = ""
    """path of the submodule whose parameters move; empty is the whole model"""
    optimiser: Optimiser | None = None
    """else the one in the settings"""
    split: str = "train"
    """which split its batches come from"""
    every: int = 1
    """takes part in every n-th step"""


Measure = Callable[[nn.Module, Batch], Mapping[str, Tensor | float]]
"""Figures on a held-out batch, each a mean over examples."""


class Driver(Protocol):
    """Something that advances a live model step by step and can be put on disk between steps."""

    model: nn.Module
    step: int
    """steps taken"""
    total: int
    """steps after which it is done"""
    inexact: str
    """why a resumed run would not be bit-exact; empty when it is"""

    def advance(self) -> Sequence[Event]:
        """Take one step. No events means there was nothing left to do."""
        ...

    def resumable(self) -> bool:
        """Whether a state taken now continues as the uninterrupted run would (an exact boundary)."""
        ...

    def state(self) -> dict[str, Any]:
        """Everything the next step depends on: tensors, JSON values, and mappings and lists of them."""
        ...

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from such a state."""
        ...


@dataclass(frozen=True, kw_only=True)
class Job:
    """What a plan needs to make a driver."""

    model: nn.Module
    data: Any
    """a ``workbench.data.Dataset``, or what the plan says it takes"""
    settings: RunSettings
    """of the class that the plan names in ``settings_type``"""
    steps: int | None = None
    """how many steps; the plan's default when neither this nor epochs is given"""
    epochs: int | None = None
    """passes over the data, for plans that have such a thing"""
    seed: int = 0
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    call: Call | None = None


class Plan(Chosen, ABC):
    """A config that says how a model is fitted."""

    settings_type: ClassVar[type[RunSettings]] = RunSettings
    """the settings its driver honours; others are refused"""
    has_epochs: ClassVar[bool] = False
    """whether passes over the data mean anything to it"""

    @abstractmethod
    def driver(self, job: Job) -> Driver:
        """The driver for this model and data.

        Raises:
            DataError: The data does not fit the model or the plan.
        """


class Objective(Plan):
    """What one learning step optimises: a plan whose steps are phases."""

    settings_type: ClassVar[type[RunSettings]] = Settings
    has_epochs: ClassVar[bool] = True

    @abstractmethod
    def phases(self, call: Call | None = None) -> Sequence[Phase]:
        """The losses of one step, in order; ``call`` is how the model is called."""

    def measure(self, model: nn.Module, batch: Batch, call: Call | None = None) -> Mapping[str, Tensor | float]:
        """Figures on held-out examples; unless overridden, the losses of all phases."""
        return {phase.name: phase.loss(model, batch)[0] for phase in self.phases(call)}

    def predict(self, model: nn.Module, batch: Batch, call: Call | None = None) -> Tensor:  # noqa: ARG002 - overridden
        """What an explanation explains: scores with the classes (or the single value) on the last axis.

        Raises:
            ModelError: The objective predicts nothing.
        """
        raise ModelError(f"{type(self).__name__} predicts nothing that could be explained or measured.")

    def sample(self, model: nn.Module, count: int, *, seed: int = 0) -> Tensor:  # noqa: ARG002 - overridden
        """New examples from a model that generates.

        Raises:
            ModelError: Models trained by this objective do not generate.
        """
        raise ModelError(f"A model trained by {type(self).__name__} does not generate examples.")

    @final
    def driver(self, job: Job) -> Driver:
        """The ordinary loop over indexed batches, one optimiser a phase."""
        from workbench.train.loop import Loop  # the loop is built on this contract

        call = job.call
        return Loop(self.phases(call), lambda model, batch: self.measure(model, batch, call), job)

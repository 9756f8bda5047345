"""RunSpec: what another process needs to make the same run."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from pydantic import Field, SerializeAsAny
from torch import nn

from workbench.core.config import Config
from workbench.core.errors import ModelError
from workbench.train.contract import Job, Plan
from workbench.train.settings import RunSettings


class RunSpec(Config):
    """Names and numbers from which a run can be made again."""

    model: str | None = None
    """name in the zoo; none for a module that was handed over, which cannot be rebuilt by name"""
    config: dict[str, Any] = Field(default_factory=dict)
    """the architecture's config"""
    data: str | None = None
    """name of the data set or task; none for data that was handed over"""
    options: dict[str, Any] = Field(default_factory=dict)
    """what the data set was loaded with"""
    plan: SerializeAsAny[Plan]
    """how the model is fitted"""
    settings: SerializeAsAny[RunSettings]
    """what the driver was set to"""
    settings_class: str = "Settings"
    """name of the settings' class"""
    seed: int = Field(default=0, ge=0)
    """decides order, dropout and noise"""
    steps: int | None = Field(default=None, ge=1)
    """how many steps"""
    epochs: int | None = Field(default=None, ge=1)
    """passes over the data"""
    device: str = "cpu"
    """where it computes"""

    def job(
        self,
        build: Callable[[str, Mapping[str, Any], Any, int], nn.Module],
        load: Callable[[str, Mapping[str, Any]], Any],
        *,
        model: nn.Module | None = None,
        data: Any = None,
    ) -> Job:
        """The job described here.

        Args:
            build: (name, config, data, seed) -> module, for models of the zoo.
            load: (name, options) -> data.
            model: A module that was handed over.
            data: Data that was handed over.

        Raises:
            ModelError: A module or data was handed over to the first run and is not handed over now.
        """
        if data is None:
            if self.data is None:
                raise ModelError("The data of this run was handed over as an object: hand it over again with data=.")
            data = load(self.data, self.options)
        if model is None:
            if self.model is None:
                raise ModelError("The model of this run was handed over as a module: hand it over again with model=.")
            model = build(self.model, self.config, data, self.seed)
        return Job(
            model=model,
            data=data,
            settings=self.settings,
            steps=self.steps,
            epochs=self.epochs,
            seed=self.seed,
            device=torch.device(self.device),
        )

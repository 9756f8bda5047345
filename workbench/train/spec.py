"""RunSpec: what another process needs to make the same run."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

import torch
from pydantic import Field, SerializeAsAny, ValidationInfo, field_validator
from torch import nn

from workbench.core.config import Config
from workbench.core.errors import CheckpointError, ConfigError, ModelError
from workbench.train import folder
from workbench.train.contract import Job, Plan
from workbench.train.settings import RunSettings

Build = Callable[[str, Mapping[str, Any], Any, int], nn.Module]
"""(name in the zoo, config, data, seed) -> module"""

Load = Callable[[str, Mapping[str, Any]], Any]
"""(name, options) -> data"""


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
    """what the driver was set to, of the class that the plan honours"""
    seed: int = 0
    """decides order, dropout and noise"""
    steps: int | None = None
    """how many steps"""
    epochs: int | None = None
    """passes over the data"""
    device: str = "cpu"
    """where it computes"""

    @field_validator("settings", mode="before")
    @classmethod
    def _of_the_plan(cls, value: Any, info: ValidationInfo) -> Any:
        plan = info.data.get("plan")
        return plan.settings_type(**value) if isinstance(value, Mapping) and isinstance(plan, Plan) else value

    @classmethod
    def of(cls, plan: Plan, job: Job) -> Self:
        """The spec of a run whose model and data were handed over."""
        return cls(
            plan=plan,
            settings=job.settings,
            seed=job.seed,
            steps=job.steps,
            epochs=job.epochs,
            device=str(job.device),
        )

    @classmethod
    def read(cls, directory: Path, *, plan: Plan | None = None) -> Self:
        """The spec in a run's folder.

        Args:
            directory: The run's folder.
            plan: Stands in for the stored one, which may be of a class that only a notebook knows.

        Raises:
            CheckpointError: There is no run in the folder, or its plan is not a class of the workbench.
        """
        content: dict[str, Any] = folder.read(directory).get("spec") or {}
        if plan is not None:
            content["plan"] = plan
        try:
            return cls(**content)
        except ConfigError as error:
            raise CheckpointError(
                f"The run in {directory} cannot be made again from its {folder.NAME} alone: {error}"
            ) from None

    def job(self, build: Build, load: Load, *, model: nn.Module | None = None, data: Any = None) -> Job:
        """The job described here.

        Args:
            build: Makes a model of the zoo.
            load: Makes data that has a name.
            model: A module that was handed over; else it is built.
            data: Data that was handed over; else it is loaded.

        Raises:
            ModelError: A module or data was handed over to the first run and is not handed over now.
        """
        if data is None:
            if self.data is None:
                raise ModelError("The data of this run was handed over as an object: hand it over again with data=.")
            data = load(self.data, self.options)
        if model is None:
            if self.model is None:
                raise ModelError(
                    "The model of this run was handed over as a module, which cannot be stored: "
                    "make one of the same shape and hand it over with model=."
                )
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

"""``wb.fit``, ``wb.start``, ``wb.resume``, ``wb.runs``: training any model, with what was left out filled in."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from workbench import data as data_room
from workbench import train, zoo
from workbench.core import device as devices
from workbench.core.calling import Call
from workbench.core.environment import budget
from workbench.core.errors import ModelError
from workbench.train import Event, Job, Plan, Run, RunSettings
from workbench.train.record import RunTable
from workbench.train.spec import RunSpec
from workbench.verbs import origins
from workbench.verbs.display import show_live, wait_shown
from workbench.verbs.resolving import Source, chosen_plan, dataset_of, plan_of, recipe_of, source_of

_CI_STEPS = 60
"""steps of a run of unstated length under ``WORKBENCH_BUDGET=ci``"""


def start(  # noqa: PLR0913 - the names others rely on
    model: nn.Module,
    data: Any,
    *,
    objective: Plan | None = None,
    driver: Plan | None = None,
    epochs: int | None = None,
    steps: int | None = None,
    seed: int = 0,
    settings: RunSettings | None = None,
    directory: str | Path | None = None,
    device: str | torch.device = "auto",
    on_event: Callable[[Event], None] | None = None,
    call: Call | None = None,
) -> Run:
    """Train in the background and return at once, so that panels can follow.

    Args:
        model: Any module; it is trained in place, and ``run.model is model``.
        data: The name of a data set or task, a data set, or data of your own: (inputs, target) tensors or arrays, a
            DataFrame, a Hugging Face data set, a DataLoader, an image folder, a CSV file.
        objective: What is optimised; else the recipe of the entry the model came from; else the data's default task.
        driver: A plan with a driver of its own instead of an objective: ``PPO()``, ``LeastSquares()``.
        epochs: Passes over the data; give this or ``steps``, or neither for the recipe's length.
        steps: Optimiser steps.
        seed: Decides order, dropout and noise.
        settings: What the driver is set to, for example ``wb.Settings(batch_size=32, clip=1.0)``.
        directory: Folder for checkpoints and the record; without one nothing touches the disk.
        device: ``"auto"`` is a GPU where there is one.
        on_event: Called with every event, in the worker thread.
        call: ``fn(model, inputs)`` for models that are called in an unusual way.

    Returns:
        The run, already going: ``stop``, ``pause``, ``resume``, ``wait``, ``events``, ``plot``.

    Raises:
        ConfigError: A setting is unknown, out of range, or not honoured by the driver.
        DataError: The data is empty or broken, does not fit the model, or nothing says what to optimise.
        UnknownNameError: There is no data set or task of that name.
    """
    run = begin(model, data, objective, driver, epochs, steps, seed, settings, directory, device, on_event, call)
    show_live(run)
    return run


def fit(  # noqa: PLR0913 - the names others rely on
    model: nn.Module,
    data: Any,
    *,
    objective: Plan | None = None,
    driver: Plan | None = None,
    epochs: int | None = None,
    steps: int | None = None,
    seed: int = 0,
    settings: RunSettings | None = None,
    directory: str | Path | None = None,
    device: str | torch.device = "auto",
    on_event: Callable[[Event], None] | None = None,
    call: Call | None = None,
) -> Run:
    """Train and wait; interrupting is a clean stop at a step boundary.

    Takes what ``start`` takes, and returns the finished (or cleanly stopped) run.

    Raises:
        NotFiniteError: The loss became infinite or not a number.
        ConfigError: As in ``start``.
        DataError: As in ``start``.
        UnknownNameError: As in ``start``.
    """
    run = begin(model, data, objective, driver, epochs, steps, seed, settings, directory, device, on_event, call)
    return wait_shown(run)


def resume(
    directory: str | Path,
    model: nn.Module | None = None,
    data: Any = None,
    objective: Plan | None = None,
    driver: Plan | None = None,
    *,
    call: Call | None = None,
) -> Run:
    """Go on with the run in a folder, from its newest sound checkpoint, in the background.

    Args:
        directory: The folder that ``fit`` or ``start`` was given.
        model: The module, where it was not built by ``wb.build``: a class typed in a cell cannot be stored.
        data: The data, where it was not named.
        objective: The objective, where it is not one of the workbench's.
        driver: The driver's plan, likewise.
        call: As in ``start``.

    Returns:
        The run, already going; ``run.warnings`` says what differs from before and ``run.exact`` whether it matters.

    Raises:
        CheckpointError: There is no run, or no sound checkpoint, or it is of another model.
        ModelError: The model or data was handed over as an object to the first run, and is not now.
    """
    given = None if objective is None and driver is None else chosen_plan(objective, driver)
    spec = RunSpec.read(Path(directory), plan=given)
    job = spec.job(_rebuild, _reload, model=model, data=None if data is None else dataset_of(data))
    job.model.to(job.device)
    run = train.resume(directory, spec.plan, replace(job, call=call))
    show_live(run)
    return run


def runs(root: str | Path | None = None) -> RunTable:
    """The runs below a folder, newest first: what was trained on what, how far, and the last figures.

    Args:
        root: Where to look; ``runs`` below the current folder when not given.
    """
    from workbench.train.record import runs as recorded

    return recorded(root)


def begin(  # noqa: PLR0913, PLR0917 - the face's arguments, handed on once
    model: nn.Module,
    data: Any,
    objective: Plan | None,
    driver: Plan | None,
    epochs: int | None,
    steps: int | None,
    seed: int,
    settings: RunSettings | None,
    directory: str | Path | None,
    device: str | torch.device,
    on_event: Callable[[Event], None] | None,
    call: Call | None,
) -> Run:
    """Train in the background as ``start`` does; nothing is shown."""
    _check_model(model)
    source = source_of(data)
    plan = plan_of(model, source, objective, driver)
    by_recipe = objective is None and driver is None
    epochs, steps = _length(model, plan, epochs, steps, by_recipe=by_recipe)
    chosen = _settings(model, plan, settings, by_recipe=by_recipe)
    place = devices.pick(device)
    spec = _spec(model, source, plan, chosen, seed=seed, steps=steps, epochs=epochs, device=place)
    job = Job(
        model=model.to(place),
        data=source.dataset,
        settings=chosen,
        steps=steps,
        epochs=epochs,
        seed=seed,
        device=place,
        call=call,
    )
    return train.start(plan, job, directory=directory, on_event=on_event, spec=spec)


def _check_model(model: object) -> None:
    if not isinstance(model, nn.Module):
        hint = f"call it: {model.__name__}(...)" if isinstance(model, type) else "build one with wb.build(name)"
        raise ModelError(f"A torch.nn.Module is trained; got {type(model).__name__}: {hint}.")


def _settings(model: nn.Module, plan: Plan, settings: RunSettings | None, *, by_recipe: bool) -> RunSettings:
    if settings is not None:
        return settings
    recipe = recipe_of(model) if by_recipe else None
    if recipe is not None and type(recipe.settings) is plan.settings_type:
        return recipe.settings
    return plan.settings_type()


def _length(
    model: nn.Module, plan: Plan, epochs: int | None, steps: int | None, *, by_recipe: bool
) -> tuple[int | None, int | None]:
    if epochs is not None or steps is not None:
        return epochs, steps
    if budget() == "ci" and plan.has_epochs:
        return None, _CI_STEPS
    recipe = recipe_of(model) if by_recipe else None
    return (None, None) if recipe is None else (recipe.epochs, recipe.steps)


def _spec(
    model: nn.Module,
    source: Source,
    plan: Plan,
    settings: RunSettings,
    *,
    seed: int,
    steps: int | None,
    epochs: int | None,
    device: torch.device,
) -> RunSpec:
    origin = origins.of(model)
    return RunSpec(
        model=origin.name if origin else None,
        config=dict(origin.config) if origin else {},
        data=source.name or None,
        plan=plan,
        settings=settings,
        seed=seed,
        steps=steps,
        epochs=epochs,
        device=str(device),
    )


def _rebuild(name: str, config: Any, _data: Any, seed: int) -> nn.Module:
    architecture = zoo.entry(name)
    model = architecture.initialised(architecture.config(**config), seed=seed)
    origins.remember(model, origins.Origin(name, dict(config), seed))
    return model


def _reload(name: str, options: Any) -> Any:
    return data_room.load(name, **options) if options else source_of(name).dataset

"""Starting a run, and going on with one that lies in a folder."""

from collections.abc import Callable
from pathlib import Path

from workbench.core.errors import CheckpointError, ConfigError, ModelError
from workbench.train import checkpoint
from workbench.train.contract import Driver, Event, Job, Plan
from workbench.train.restoring import bring_back, take
from workbench.train.run import Run
from workbench.train.spec import RunSpec

OnEvent = Callable[[Event], None]


def start(
    plan: Plan,
    job: Job,
    directory: str | Path | None = None,
    on_event: OnEvent | None = None,
    spec: RunSpec | None = None,
) -> Run:
    """Begin a run in a worker thread and return at once.

    Every step draws its random numbers from (seed, step). Looks that hold ``core.live.look`` change nothing; code
    that draws from torch's default generator without it while a step is going on changes that step's noise, and
    nobody can notice.

    Args:
        plan: How the model is fitted.
        job: The model, the data and how long.
        directory: The run's folder, for checkpoints and the record. Without one nothing touches the disk: history
            and model live as long as the run object does.
        on_event: Called with every event, in the worker thread, between steps. An exception in it ends the run as
            failed, after a checkpoint, and is raised by ``wait()``.
        spec: What another process needs to make the same plan and job; stored in the folder.

    Returns:
        The run, already going.

    Raises:
        ConfigError: The plan does not honour the settings, or has no epochs.
        DataError: The data does not fit the plan.
        CheckpointError: The folder holds a run already, another process is at it, or it cannot be written.
    """
    folder = Path(directory) if directory is not None else None
    if folder is not None and checkpoint.paths(folder):
        raise CheckpointError(f"{folder} already holds a run: go on with resume, or give another directory.")
    driver = made(plan, job)
    spec = spec or RunSpec.of(plan, job)
    run = Run(driver, job.settings, seed=job.seed, directory=folder, on_event=on_event, spec=spec)
    take(run)
    return run.start()


def resume(directory: str | Path, plan: Plan, job: Job, on_event: OnEvent | None = None) -> Run:
    """Go on with the run in a folder, from its newest sound checkpoint, in a worker thread.

    Args:
        directory: The folder that ``start`` was given.
        plan: The same plan.
        job: The same job with a model of the same shape; its weights are replaced by the checkpoint's.
        on_event: As in ``start``; called for new events only.

    Returns:
        The run, already going; ``run.warnings`` names what was refused or differs from before. A folder that holds a
        run killed before its first checkpoint begins from the start.

    Raises:
        CheckpointError: There is no run, or no sound checkpoint, or it is of another model.
        ConfigError: The plan does not honour the settings, or has no epochs.
    """
    folder, own = Path(directory), RunSpec.of(plan, job)
    driver = made(plan, job)
    stored = RunSpec.read(folder, plan=plan)
    spec = own.but(model=stored.model, config=stored.config, data=stored.data, options=stored.options)
    run = Run(driver, job.settings, seed=job.seed, directory=folder, on_event=on_event, spec=spec)
    bring_back(run)
    return run.start()


def made(plan: Plan, job: Job) -> Driver:
    """The driver of a plan, after checking that it honours the job.

    Raises:
        ConfigError: The settings are of another class than the plan's, or epochs were given to a plan without.
        ModelError: The plan is a class and not an object of it.
    """
    name = type(plan).__name__
    if isinstance(plan, type):
        raise ModelError(f"{plan.__name__} is a class: pass {plan.__name__}().")
    if type(job.settings) is not plan.settings_type:
        own = plan.settings_type
        mine, given = own.model_fields, type(job.settings).model_fields
        extra = ", ".join(sorted(set(given) - set(mine))) or "other fields"
        raise ConfigError(
            f"{name} honours the settings of {own.__name__} ({', '.join(mine)}); "
            f"got {type(job.settings).__name__}, with {extra}: pass settings={own.__name__}(...)."
        )
    if job.epochs is not None and not plan.has_epochs:
        raise ConfigError(f"{name} has no passes over the data: give steps= instead of epochs={job.epochs}.")
    if job.epochs is not None and job.steps is not None:
        raise ConfigError(f"Both epochs={job.epochs} and steps={job.steps} were given: give one of them.")
    for which, value in (("epochs", job.epochs), ("steps", job.steps)):
        if value is not None and value < 1:
            raise ConfigError(f"{which}={value}: at least 1 is needed.")
    return plan.driver(job)

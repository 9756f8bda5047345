"""What a person may leave out, found in one place: the data set, the task, and what is optimised."""

from dataclasses import dataclass
from typing import Any

from torch import nn

from workbench import data as data_room
from workbench import tasks, zoo
from workbench.core.errors import ConfigError, DataError, UnknownNameError, nearest
from workbench.objectives import Supervised
from workbench.tasks import Task
from workbench.train.contract import Objective, Plan
from workbench.verbs import origins
from workbench.zoo import Recipe

_LEARNT_BY_SUPERVISION = ("classes", "value", "next_token")


@dataclass(frozen=True)
class Source:
    """Data as it was asked for: the data set, and the name and options it can be loaded by again."""

    dataset: Any
    task: Task | None
    name: str = ""
    """name of a data set or task; empty for data of the person's own"""


def source_of(data: Any) -> Source:
    """The data meant by a name, a task, a data set or data of the person's own.

    Raises:
        UnknownNameError: There is neither a data set nor a task of that name.
        DataError: The data is empty, broken, or of a kind that nobody knows.
    """
    if isinstance(data, Task):
        return Source(data_room.load(data.data, **data.options), data, data.data)
    if not isinstance(data, str) or _is_path(data):
        return Source(data_room.of(data), None)
    name = data.replace("-", "_")
    if name in tasks.names():
        task = tasks.load(name)
        return Source(data_room.load(task.data, **task.options), task, name)
    if name in data_room.names():
        return Source(data_room.load(name), None, name)
    known = [*data_room.names(), *tasks.names()]
    raise UnknownNameError(f"There is no data set or task {data!r}.{nearest(name, known)}")


def dataset_of(data: Any) -> Any:
    """The data set alone."""
    return source_of(data).dataset


def task_of(source: Source) -> Task | None:
    """The task of named data: the one asked for, else the data set's default; None where no task is made of it.

    Raises:
        UnknownNameError: Several tasks are made of it and none is the default; the message names them.
    """
    if source.task is not None or not source.name:
        return source.task
    made_of_it = any(tasks.load(name).data == source.name for name in tasks.names())
    return tasks.default_for(source.name) if made_of_it else None


def recipe_of(model: nn.Module) -> Recipe | None:
    """The recipe of the entry the model came from, if it came from one."""
    origin = origins.of(model)
    return None if origin is None else zoo.entry(origin.name).recipe


def plan_of(model: nn.Module, source: Source, objective: object, driver: object) -> Plan:
    """What is optimised: as given; else by the model's recipe; else by the data's default task.

    Raises:
        ConfigError: Both ``objective`` and ``driver`` were given, or one of them is no plan.
        DataError: Nothing says what to optimise.
    """
    if objective is None and driver is None:
        return _default_plan(model, source)
    return chosen_plan(objective, driver)


def chosen_plan(objective: object, driver: object) -> Plan:
    """The plan that a person gave, as an objective or as a driver of its own.

    Raises:
        ConfigError: Both were given, or the one given is no plan.
    """
    if objective is not None and driver is not None:
        raise ConfigError("Give objective= or driver=, not both: an objective is driven by the ordinary loop.")
    if isinstance(objective, Objective):
        return objective
    if objective is not None:
        raise ConfigError(f"objective= takes an objective such as Supervised(); got {_named(objective)}.")
    if isinstance(driver, Plan):
        return driver
    raise ConfigError(f"driver= takes a plan such as PPO() or LeastSquares(); got {_named(driver)}.")


def _default_plan(model: nn.Module, source: Source) -> Plan:
    recipe = recipe_of(model)
    if recipe is not None and recipe.plan is not None and source.task is tasks.load(recipe.task):
        return recipe.plan  # the model's own way on its own task: a generator does not learn classes
    if source.task is not None and source.task.plan is not None:
        return source.task.plan
    if recipe is not None and (planned := recipe.plan or tasks.load(recipe.task).plan) is not None:
        return planned
    task = task_of(source)
    if task is not None and task.plan is not None:
        return task.plan
    if source.dataset.target in _LEARNT_BY_SUPERVISION:
        return Supervised()
    raise DataError(
        f"Nothing says what to optimise on {source.dataset.name}, whose target is {source.dataset.target!r}: "
        "pass objective=, for example workbench.objectives.Adversarial()."
    )


def _is_path(text: str) -> bool:
    return "/" in text or "\\" in text or text.endswith(".csv")


def _named(value: object) -> str:
    return value.__name__ + ", a class: call it" if isinstance(value, type) else type(value).__name__

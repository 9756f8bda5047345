"""Tasks: data x objective x metric x baselines, one file of about ten lines each."""

from typing import TYPE_CHECKING, Any

from workbench.core.errors import UnknownNameError
from workbench.core.names import find as _find
from workbench.core.names import names as _names

if TYPE_CHECKING:
    from workbench.tasks._base import Task as Task


def __getattr__(name: str) -> Any:
    if name == "Task":  # comes with torch, which listing names must not pay for
        from workbench.tasks._base import Task

        return Task
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def names() -> list[str]:
    """Names of all tasks; imports none of them."""
    return _names(__path__)


def load(name: str) -> "Task":
    """The task called ``name``; its data is not loaded.

    Raises:
        UnknownNameError: There is no such task.
    """
    return _find(__name__, __path__, name, "TASK")


def default_for(dataset_name: str) -> "Task":
    """What data of that name is for when nobody says.

    Args:
        dataset_name: Name of a data set.

    Raises:
        UnknownNameError: No task is made of that data, or several and none is the default; the message names them.
    """
    fitting = {name: task for name in names() if (task := load(name)).data == dataset_name.replace("-", "_")}
    chosen = [task for task in fitting.values() if task.default]
    if len(chosen) == 1:
        return chosen[0]
    if len(fitting) == 1:
        return next(iter(fitting.values()))
    if not fitting:
        raise UnknownNameError(f"No task is made of the data {dataset_name!r}: say what to learn by objective=….")
    raise UnknownNameError(f"The data {dataset_name!r} serves several tasks, say which: {' or '.join(fitting)}.")

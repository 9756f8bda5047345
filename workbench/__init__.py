"""Build, train, compress and inspect any neural architecture without leaving the notebook.

>>> import workbench as wb
>>> model = wb.build("cnn", data="digits")
>>> run = wb.fit(model, "digits", epochs=5)
>>> wb.attach(run.model, "digits")

Everything here is imported when it is first used: ``import workbench`` brings neither torch nor pydantic.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench import compression as compression
    from workbench import data as data
    from workbench import interpret as interpret
    from workbench import objectives as objectives
    from workbench import panels as panels
    from workbench import tasks as tasks
    from workbench import zoo as zoo
    from workbench.app.workbench import Workbench as Workbench
    from workbench.core.batch import Batch as Batch
    from workbench.core.calling import call as call
    from workbench.notebooks import export_html as export_html
    from workbench.notebooks import lesson as lesson
    from workbench.taps import tap as tap
    from workbench.train.settings import Settings as Settings
    from workbench.verbs import attach as attach
    from workbench.verbs import build as build
    from workbench.verbs import cite as cite
    from workbench.verbs import compress as compress
    from workbench.verbs import fit as fit
    from workbench.verbs import load as load
    from workbench.verbs import resume as resume
    from workbench.verbs import runs as runs
    from workbench.verbs import start as start
    from workbench.verbs import verify as verify

__version__ = "0.1.0"

_ROOMS = ("compression", "data", "interpret", "objectives", "panels", "tasks", "zoo")
_HOMES = {
    "Batch": "workbench.core.batch",
    "Settings": "workbench.train.settings",
    "Workbench": "workbench.app.workbench",
    "attach": "workbench.verbs",
    "build": "workbench.verbs",
    "call": "workbench.core.calling",
    "cite": "workbench.verbs",
    "compress": "workbench.verbs",
    "export_html": "workbench.notebooks",
    "fit": "workbench.verbs",
    "lesson": "workbench.notebooks",
    "load": "workbench.verbs",
    "resume": "workbench.verbs",
    "runs": "workbench.verbs",
    "start": "workbench.verbs",
    "tap": "workbench.taps",
    "verify": "workbench.verbs",
}

__all__ = [  # noqa: RUF022 - rooms, then what is in none
    "compression",
    "data",
    "interpret",
    "objectives",
    "panels",
    "tasks",
    "zoo",
    "Batch",
    "Settings",
    "Workbench",
    "attach",
    "build",
    "call",
    "cite",
    "compress",
    "export_html",
    "fit",
    "lesson",
    "load",
    "resume",
    "runs",
    "start",
    "tap",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return import_module(f"workbench.{name}")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'workbench' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])

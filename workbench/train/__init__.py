"""Training: knows drivers and models, no objective and no architecture."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.train.contract import Driver as Driver
    from workbench.train.contract import Event as Event
    from workbench.train.contract import Job as Job
    from workbench.train.contract import Losses as Losses
    from workbench.train.contract import Objective as Objective
    from workbench.train.contract import Phase as Phase
    from workbench.train.contract import Plan as Plan
    from workbench.train.launch import resume as resume
    from workbench.train.launch import start as start
    from workbench.train.loop import Loop as Loop
    from workbench.train.run import Run as Run
    from workbench.train.settings import SGD as SGD
    from workbench.train.settings import AdamW as AdamW
    from workbench.train.settings import Muon as Muon
    from workbench.train.settings import Optimiser as Optimiser
    from workbench.train.settings import RunSettings as RunSettings
    from workbench.train.settings import Settings as Settings

_FILES = {
    "contract": ("Driver", "Event", "Job", "Losses", "Objective", "Phase", "Plan"),
    "launch": ("resume", "start"),
    "loop": ("Loop",),
    "run": ("Run",),
    "settings": ("SGD", "AdamW", "Muon", "Optimiser", "RunSettings", "Settings"),
}


def __getattr__(name: str) -> Any:
    """Load a name when it is first asked for, so that listing the room needs no torch."""
    from importlib import import_module

    for file, names in _FILES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{file}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(name for names in _FILES.values() for name in names)

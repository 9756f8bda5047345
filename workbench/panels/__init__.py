"""Panels: views of any model and any run. The only room that knows widgets."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.panels.attaching import attach as attach
    from workbench.panels.inspector import Inspector as Inspector
    from workbench.panels.live import Live as Live
    from workbench.panels.live import follow as follow
    from workbench.panels.live import overlay as overlay

_FILES = {"inspector": ("Inspector",), "attaching": ("attach",), "live": ("Live", "follow", "overlay")}


def __getattr__(name: str) -> Any:
    """Load a name when it is first asked for, so that listing the room needs neither torch nor widgets."""
    from importlib import import_module

    for file, names in _FILES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{file}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(name for names in _FILES.values() for name in names)

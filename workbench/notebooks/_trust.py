"""Which scripts and styles a page may carry: the texts that were installed with this workbench, and no others.

A panel's saved state holds its script as text, and whoever wrote the notebook wrote that text. So a script is never
taken from a notebook: its text is looked up among the files of this installation, and what is not there is not run.
"""

from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

_ROOMS = ("panels", "app")
"""rooms with files for the page"""


def installed(suffix: str) -> frozenset[str]:
    """Every text of one kind that a panel of this installation may carry.

    A panel's text is its own file, alone or behind a file of what panels share (whose name begins with ``_``).

    Args:
        suffix: ``".js"`` or ``".css"``.
    """
    return _installed(suffix)


@cache
def _installed(suffix: str) -> frozenset[str]:
    found = [file for room in _ROOMS for file in _files(files("workbench") / room, suffix)]
    texts = {file.name: file.read_text("utf-8") for file in found}
    shared = [text for name, text in texts.items() if name.startswith("_")]
    return frozenset([*texts.values(), *(f"{first}\n{text}" for first in shared for text in texts.values())])


def _files(folder: Traversable, suffix: str) -> list[Traversable]:
    if not folder.is_dir():
        return []
    return sorted((file for file in folder.iterdir() if file.name.endswith(suffix)), key=lambda file: file.name)

"""Which scripts and styles a page may carry: the texts that were installed with this workbench, and no others.

A panel's saved state holds its script as text, and whoever wrote the notebook wrote that text. So a script is never
taken from a notebook: its text is looked up among the files of this installation, and what is not there is not run.
"""

from functools import cache
from importlib.resources import files
from pathlib import Path

from workbench.core.scripts import part

_ROOMS = ("panels", "app")
"""rooms with files for the page"""


def installed(suffix: str) -> frozenset[str]:
    """Every text of one kind that a panel of this installation may carry.

    A panel's text is its own file, alone or behind a file of what panels share (whose name begins with ``_``); the
    text of one of its parts is what ``core.scripts`` makes of the part's files.

    Args:
        suffix: ``".js"`` or ``".css"``.
    """
    return _installed(suffix)


@cache
def _installed(suffix: str) -> frozenset[str]:
    folders = [folder for room in _ROOMS if (folder := Path(str(files("workbench") / room))).is_dir()]
    found = [file for folder in folders for file in sorted(folder.glob(f"*{suffix}"))]
    texts = {file.name: file.read_text("utf-8") for file in found}
    shared = [text for name, text in texts.items() if name.startswith("_")]
    parts = [part(file.parent, file.stem) for file in found] if suffix == ".js" else []
    return frozenset([*texts.values(), *parts, *(f"{first}\n{text}" for first in shared for text in texts.values())])

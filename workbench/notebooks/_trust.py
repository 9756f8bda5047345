"""Which scripts and styles a page may carry: the texts that were installed with this workbench, and no others.

A panel's saved state holds its script as text, and whoever wrote the notebook wrote that text. So a script is never
taken from a notebook: its text is looked up among the files of this installation, and what is not there is not run.
"""

from functools import cache
from importlib.resources import files
from pathlib import Path

from workbench.core.scripts import ROW, is_made_of, part, read

_ROOMS = ("panels", "app")
"""rooms with files for the page"""


def is_installed(text: object, suffix: str) -> bool:
    """Whether a text is one that a panel of this installation may carry.

    A panel's text is its own file, alone or behind the file ``shared`` of what panels share; the script of a part is
    what ``core.scripts`` makes of files.

    Args:
        text: Whatever a notebook holds.
        suffix: ``".js"`` or ``".css"``.
    """
    whole, parts = _installed(suffix)
    return isinstance(text, str) and (text in whole or (bool(parts) and is_made_of(text, parts)))


@cache
def _installed(suffix: str) -> tuple[frozenset[str], frozenset[str]]:
    """Whole texts, and parts that may stand behind each other."""
    folders = [folder for room in _ROOMS if (folder := Path(str(files("workbench") / room))).is_dir()]
    found = [file for folder in folders for file in sorted(folder.rglob(f"*{suffix}"))]
    texts = {file: read(file) for file in found}
    shared = [text for file, text in texts.items() if file.stem == "shared"]
    whole = frozenset([*texts.values(), *(f"{first}\n{text}" for first in shared for text in texts.values())])
    if suffix != ".js":
        return whole, frozenset()
    means = [file.read_text("utf-8") for file in found]
    parts = [ROW, *means, *(part(file.parent, file.stem) for file in found)]
    return whole, frozenset(parts)

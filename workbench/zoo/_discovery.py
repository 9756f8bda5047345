"""Entries are found by file name two levels deep: a folder is a family, a file in it an entry."""

import pkgutil
from functools import cache
from pathlib import Path

from workbench.core.errors import UnknownNameError, nearest
from workbench.core.names import names as _files_in

ROOM = Path(__file__).parent


def families() -> dict[str, list[str]]:
    """Names of the entries by family, without importing any."""
    folders = sorted(m.name for m in pkgutil.iter_modules([str(ROOM)]) if m.ispkg and not m.name.startswith("_"))
    return {folder: _files_in([str(ROOM / folder)]) for folder in folders}


def names() -> list[str]:
    """Names of all entries, sorted, without importing any."""
    return sorted(name for entries in families().values() for name in entries)


@cache
def family_of(name: str) -> str:
    """The family that an entry stands in; ``-`` is read as ``_``.

    Raises:
        UnknownNameError: There is no such entry; the message gives the nearest.
    """
    file = name.replace("-", "_")
    for family, entries in families().items():
        if file in entries:
            return family
    raise UnknownNameError(f"There is no {name!r} in zoo.{nearest(file, names())}")


def source_of(name: str) -> Path:
    """The file of an entry.

    Raises:
        UnknownNameError: There is no such entry.
    """
    return ROOM / family_of(name) / f"{name.replace('-', '_')}.py"

"""Discovery by file name: what a room offers is the public files in it, listed without importing them."""

import pkgutil
from collections.abc import Iterable
from importlib import import_module
from typing import Any

from workbench.core.errors import UnknownNameError, nearest


def names(path: Iterable[str]) -> list[str]:
    """Names of the public files in a package folder, sorted, with nothing imported.

    Args:
        path: The package's ``__path__``.
    """
    return sorted(m.name for m in pkgutil.iter_modules(list(path)) if not m.name.startswith("_"))


def find(package: str, path: Iterable[str], name: str, attribute: str) -> Any:
    """One attribute of the file called ``name``; imports only that file.

    Args:
        package: Dotted name of the room, also used in the message.
        path: The package's ``__path__``.
        name: File name; ``-`` is read as ``_``.
        attribute: What the file defines.

    Raises:
        UnknownNameError: No file of that name; the message gives the nearest ones.
    """
    file = name.replace("-", "_")
    if file not in (known := names(path)):
        room = package.rpartition(".")[2]
        raise UnknownNameError(f"There is no {name!r} in {room}.{nearest(file, known)}")
    return getattr(import_module(f"{package}.{file}"), attribute)

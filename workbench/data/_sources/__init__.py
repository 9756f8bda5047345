"""What a person's data may come in: one file each, chosen by type without importing a library that is not in use."""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, cast

from workbench.core.names import names

if TYPE_CHECKING:
    from workbench.data._own import Source


def sources() -> list["Source"]:
    """The files of this folder; no two take the same thing."""
    return [cast("Source", import_module(f"{__name__}.{name}")) for name in names(__path__)]


def is_a(thing: object, module: str, *classes: str) -> bool:
    """Whether a thing is of a class of a library; false where the library is not even loaded.

    Args:
        thing: Anything.
        module: Dotted name of the library's module.
        *classes: Names in it.
    """
    library = sys.modules.get(module)
    kinds = tuple(kind for name in classes if isinstance(kind := getattr(library, name, None), type))
    return isinstance(thing, kinds)

"""The variables of a notebook or script: which live models they hold, and which of their names a cell can use.

Nothing is imported, evaluated or changed on the way: torch is looked up among the modules that are already imported,
and the repr of a foreign object is never taken.
"""

import keyword
import re
import sys
import unicodedata
from collections.abc import Mapping
from typing import Any

LONGEST = 200
"""characters of a name that are shown"""

_CACHE = re.compile(r"_+|_i*\d*|_oh|_dh|_ih")
"""names under which IPython keeps results and inputs of earlier cells"""


def notebook() -> Mapping[str, Any]:
    """The variables of the notebook, or of the script."""
    return vars(sys.modules["__main__"])


def module_class() -> type | None:
    """``torch.nn.Module`` where torch has been imported, whole."""
    found = getattr(sys.modules.get("torch.nn"), "Module", None)
    return found if isinstance(found, type) else None


def live_models(namespace: Mapping[Any, Any]) -> list[tuple[list[str], Any]]:
    """Each model once, with the names it has.

    Args:
        namespace: Variables of a person; it may change meanwhile, and hold anything.
    """
    found: dict[int, tuple[list[str], Any]] = {}
    module = module_class()
    if module is None:
        return []
    for name, value in dict(namespace).items():
        if type(name) is str and not _CACHE.fullmatch(name) and issubclass(type(value), module):
            found.setdefault(id(value), ([], value))[0].append(name)
    return list(found.values())


def model_named(namespace: Mapping[Any, Any], name: str) -> Any:
    """The model of this name, or None."""
    value, module = namespace.get(name), module_class()
    return value if module is not None and issubclass(type(value), module) else None


def name_of(namespace: Mapping[Any, Any], model: object) -> str:
    """A name that means this model in a cell; empty where it has none."""
    names = next((names for names, found in live_models(namespace) if found is model), [])
    return next((name for name in names if is_code(name)), "")


def is_code(name: str) -> bool:
    """Whether a name, written into a cell, means this very variable.

    Python folds identifiers to NFKC when it reads them, so a name in another form means another variable.
    """
    plain = name.isidentifier() and not keyword.iskeyword(name) and len(name) <= LONGEST
    return plain and unicodedata.normalize("NFKC", name) == name

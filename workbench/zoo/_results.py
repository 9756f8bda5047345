"""The last result of each claim, kept beside the entries; stale when the entry or its libraries have changed."""

import ast
import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from workbench.zoo._discovery import ROOM, source_of

RESULTS = ROOM / "results.json"

_DISTRIBUTIONS = {"sklearn": "scikit-learn"}
"""distributions whose name is not that of their module"""


def results() -> dict[str, Any]:
    """The last result of every entry that was verified, by name."""
    return json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}


def key_of(name: str, config: Mapping[str, Any], libraries: Sequence[str]) -> str:
    """A hash of an entry's source, its config and the versions of its libraries.

    Args:
        name: The entry.
        config: Its default settings.
        libraries: Modules that it uses.
    """
    source = source_of(name).read_text(encoding="utf-8")
    versions = [f"{module}={_version(_DISTRIBUTIONS.get(module, module))}" for module in sorted(libraries)]
    parts = [source, json.dumps(config, sort_keys=True), *versions]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def libraries_of(name: str, declared: Sequence[str] = ()) -> list[str]:
    """Libraries that an entry's file imports or names to ``need``, torch, and those that the entry declares."""
    modules = {"torch", *declared}
    for node in ast.walk(ast.parse(source_of(name).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules.add(node.module.partition(".")[0])
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "need":
            modules |= {str(a.value).partition(".")[0] for a in node.args[:1] if isinstance(a, ast.Constant)}
    return sorted(modules - sys.stdlib_module_names - {"workbench"})


def store(name: str, result: Mapping[str, Any], path: Path = RESULTS) -> None:
    """Replace the last result of an entry.

    Args:
        name: The entry.
        result: As JSON.
        path: Where results are kept.
    """
    kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    kept[name] = dict(result)
    text = json.dumps(dict(sorted(kept.items())), indent=1, ensure_ascii=False) + "\n"
    path.write_text(text, encoding="utf-8")


def _version(distribution: str) -> str:
    """The installed version without its local part, empty where there is none."""
    return _installed().get(_normal(distribution), "").partition("+")[0]


@cache
def _installed() -> dict[str, str]:
    """Versions of what is installed, by the names of the folders; importing importlib.metadata would cost 25 ms."""
    found: dict[str, str] = {}
    for place in reversed([Path(entry) for entry in sys.path]):
        for folder in place.glob("*.dist-info") if place.is_dir() else ():
            name, _, number = folder.name.removesuffix(".dist-info").partition("-")
            found[_normal(name)] = number
    return found


def _normal(name: str) -> str:
    return name.lower().replace("-", "_").replace(".", "_")

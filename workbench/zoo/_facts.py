"""Facts about entries, read without importing them: the index, and the opening of their files."""

import ast
import json
from functools import cache
from typing import Any

from workbench.zoo._discovery import ROOM, source_of

INDEX = ROOM / "index.json"


@cache
def index() -> dict[str, Any]:
    """The generated index: facts by name of entry."""
    return json.loads(INDEX.read_text(encoding="utf-8"))


def opening_of(name: str) -> str:
    """The docstring that opens an entry's file."""
    return ast.get_docstring(ast.parse(source_of(name).read_text(encoding="utf-8"))) or ""

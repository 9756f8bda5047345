"""Show code: the lines that do in a cell what a person did in the app."""

from collections.abc import Mapping, Sequence
from typing import Any

from workbench import compression
from workbench.compression import Pass

START = "import workbench as wb"


def called(function: str, *given: str, **named: Any) -> str:
    """A call as it is written in a cell.

    Args:
        function: Its name.
        *given: Code of what stands first.
        **named: Values by name; None stands for the default and is left out.
    """
    words = [*given, *(f"{name}={value!r}" for name, value in named.items() if value is not None)]
    line = f"{function}({', '.join(words)})"
    if len(line) <= 88:  # noqa: PLR2004 - what a cell shows without scrolling
        return line
    inside = "".join(f"    {word},\n" for word in words)
    return f"{function}(\n{inside})"


def cell(*lines: str) -> str:
    """A cell of these lines, below the import; empty ones are left out."""
    return "\n".join([START, "", *(line for line in lines if line)])


def passes_code(passes: Sequence[Pass]) -> tuple[str, ...]:
    """Imports that the passes need, and the list of them as code."""
    kinds = {type(each): hasattr(compression, type(each).__name__) for each in passes}
    imports = [f"from {kind.__module__} import {kind.__name__}" for kind, on_face in kinds.items() if not on_face]
    written = [f"{'wb.compression.' if kinds[type(each)] else ''}{_config(each)}" for each in passes]
    return (*imports, f"[{', '.join(written)}]")


def _config(each: Pass) -> str:
    values = {name: getattr(each, name) for name in type(each).model_fields}
    return called(type(each).__name__, **_turned(values, type(each)()))


def _turned(values: Mapping[str, Any], default: Pass) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value != getattr(default, name)}

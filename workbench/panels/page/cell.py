"""The cell that shows the same screen again in a fresh interpreter, with the variables that ``attach`` was given."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_SHORT = 200
"""letters of a literal, above which a variable stands in its place"""


@dataclass(frozen=True, kw_only=True)
class Origin:
    """What ``attach`` was given beside the model and the input."""

    names: Sequence[str] | None = None
    columns: Sequence[str] | None = None
    processor: Any = None
    call: Any = None
    target: Any = None

    def arguments(self) -> str:
        """The arguments as they are written: short literals, else a variable of the argument's name."""
        given = {name: getattr(self, name) for name in ("names", "columns", "processor", "call", "target")}
        return "".join(f", {name}={_written(name, value)}" for name, value in given.items() if value is not None)


@dataclass(frozen=True)
class Elsewhere:
    """A value too large for a cell: it stands in a variable."""

    sentence: str
    """what a person must put into the variable"""


@dataclass(frozen=True)
class Variable:
    """A value that a variable of the notebook holds already."""

    name: str


@dataclass(frozen=True, kw_only=True)
class Calls:
    """What is called after ``attach`` to come to the inputs on show."""

    text: str | None = None
    """what was typed; None where the input is the variable ``inputs``"""
    looks: Sequence[Mapping[str, Any]] = ()
    """arguments of ``look``, one call after the other"""
    compares: Sequence[Mapping[str, Any]] | None = None
    """arguments of ``compare``; None where there is no second input"""


def cell(
    origin: Origin,
    tab: str,
    part: Mapping[str, int | str],
    calls: Calls | None = None,
    *,
    edits: Sequence[str] = (),
) -> str:
    """The lines of a cell.

    Args:
        origin: What ``attach`` was given.
        tab: The tab on show.
        part: What is chosen within it.
        calls: How to come to the inputs.
        edits: Methods of the session and their arguments that make its edits.
    """
    calls = calls if calls is not None else Calls()
    subject = "inputs" if calls.text is None else repr(calls.text)
    chosen = "".join(f", {name}={value!r}" for name, value in part.items())
    looked = [line for call in calls.looks for line in _call("look", call)]
    second = calls.compares or ([{}] if calls.compares is not None else [])
    looked += [line for call in second for line in _call("compare", call, prefix="other_")]
    return "\n".join(
        [
            *(["import base64", ""] if any("(picture=base64." in line for line in looked) else []),
            "import workbench as wb",
            "",
            f"inspector = wb.attach(model, {subject}{origin.arguments()})",
            *looked,
            *(f"inspector.session.{edit}" for edit in edits),
            f"inspector.choose({tab!r}{chosen})",
        ]
    )


def _call(method: str, arguments: Mapping[str, Any], prefix: str = "") -> list[str]:
    """A call, behind a comment for every variable that a person must fill."""
    notes = [f"# {prefix}{name}: {value.sentence}" for name, value in arguments.items() if isinstance(value, Elsewhere)]
    written = ", ".join(f"{name}={_argument(prefix + name, value)}" for name, value in arguments.items())
    return [*notes, f"inspector.{method}({written})"]


def _argument(variable: str, value: Any) -> str:
    if isinstance(value, Elsewhere):
        return variable
    if isinstance(value, Variable):
        return value.name
    return f"base64.b64decode({base64.b64encode(value).decode()!r})" if isinstance(value, bytes) else repr(value)


def _written(name: str, value: Any) -> str:
    """A literal where it reads back as the same and is short, else the name of a variable."""
    plain = isinstance(value, str | int) or (isinstance(value, list | tuple) and all(type(v) is str for v in value))
    literal = repr(value) if plain else ""
    return literal if 0 < len(literal) <= _SHORT else name

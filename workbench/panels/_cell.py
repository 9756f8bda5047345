"""The cell that shows the same screen again in a fresh interpreter, with the variables that ``attach`` was given."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_SHORT = 200
"""letters of a literal, above which a variable stands in its place"""


@dataclass(frozen=True, kw_only=True)
class Origin:
    """What ``attach`` was given beside the model and the input."""

    names: Sequence[str] | None = None
    processor: Any = None
    call: Any = None
    target: Any = None

    def arguments(self) -> str:
        """The arguments as they are written: short literals, else a variable of the argument's name."""
        given = {name: getattr(self, name) for name in ("names", "processor", "call", "target")}
        return "".join(f", {name}={_written(name, value)}" for name, value in given.items() if value is not None)


def cell(origin: Origin, tab: str, part: Mapping[str, int], *, text: str | None = None, example: int = 0) -> str:
    """The lines of a cell.

    Args:
        origin: What ``attach`` was given.
        tab: The tab on show.
        part: What is chosen within it.
        text: What was typed; None where the input is the variable ``inputs``.
        example: Position of the example on show.
    """
    subject = "inputs" if text is None else repr(text)
    chosen = "".join(f", {name}={value}" for name, value in part.items())
    return "\n".join(
        [
            "import workbench as wb",
            "",
            f"inspector = wb.attach(model, {subject}{origin.arguments()})",
            *([f"inspector.look(example={example})"] if example else []),
            f"inspector.choose({tab!r}{chosen})",
        ]
    )


def _written(name: str, value: Any) -> str:
    """A literal where it reads back as the same and is short, else the name of a variable."""
    plain = isinstance(value, str | int) or (isinstance(value, list | tuple) and all(type(v) is str for v in value))
    literal = repr(value) if plain else ""
    return literal if 0 < len(literal) <= _SHORT else name

"""Layout: what a drawing of a trace needs to know and what does not depend on sizes.

A module becomes a *box*. Boxes that are equal in everything but their own name are one, so a model of thirty equal
layers is as small as one layer, and consecutive equal modules become a *group*. Inside a box, what it contains stands
in rows (the longest way from its input), and tensors are links between rows; a tensor from or to the outside enters at
the top or leaves at the bottom.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from workbench.core.markup import amount

_TRAVEL = ("kind", "type", "output", "parameters", "operations", "attention", "attentions", "residuals", "plain")
_LONGEST = 34
"""characters of a label"""

BoxKind = Literal["module", "operation", "input", "output", "group", "more"]
TIMES = "\N{MULTIPLICATION SIGN}"
SYMBOLS = {"add": "+", "iadd": "+", "radd": "+", "sub": "\N{MINUS SIGN}", "rsub": "\N{MINUS SIGN}"} | {
    "mul": TIMES,
    "rmul": TIMES,
    "imul": TIMES,
    "div": "\N{DIVISION SIGN}",
    "truediv": "\N{DIVISION SIGN}",
}
"""torch calls that are drawn as a sign in a circle"""


@dataclass(frozen=True, slots=True)
class Link:
    """Tensors from one part of a box to another."""

    source: int
    """-1 for the outside"""
    target: int
    """the number of parts for the outside"""
    text: str
    """shape, and type unless it is float32"""
    residual: bool


@dataclass(frozen=True, slots=True)
class Part:
    """A box at its place in another."""

    name: str
    """path below the path of the box around it; of a group "layer.0 … 5" """
    box: int
    width: int = 0
    """of the closed box"""
    head: int = 0
    """least width of the open box"""
    absolute: bool = False
    """whether the name is the whole path"""


@dataclass(frozen=True, slots=True)
class Box:
    """A node with what it contains."""

    kind: BoxKind
    type: str = ""
    output: str = ""
    parameters: int = 0
    operations: int = 0
    attention: bool = False
    """whether it is or directly contains attention"""
    attentions: int = 0
    """inside"""
    residuals: int = 0
    """inside"""
    plain: bool = False
    """whether there is nothing inside but torch calls without attention or residual additions"""
    parts: tuple[Part, ...] = ()
    rows: tuple[tuple[int, ...], ...] = ()
    """parts from top to bottom"""
    links: tuple[Link, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """All boxes; the last contains inputs, model and outputs."""

    boxes: tuple[Box, ...]
    depth: int
    """levels that are open to begin with"""

    def message(self) -> dict[str, Any]:
        """The plan as JSON."""
        return {"boxes": [_message(box, self.boxes) for box in self.boxes], "depth": self.depth}


def starts_open(box: Box, depth: int, levels: int) -> bool:
    """Whether a box is open to begin with, at a depth (0: the model) of so many open levels."""
    return bool(box.rows) and depth < levels and not (box.plain and depth > 0)


def opened(boxes: Sequence[Box], box: Box) -> Box:
    """What is drawn inside an open box: of a group, the inside of one of its equals."""
    one = boxes[box.parts[0].box] if box.kind == "group" else box
    return one if one.parts else box


def labels(box: Box, name: str) -> tuple[str, str]:
    """The two lines on a box: what it is, and what it is called."""
    if box.kind == "operation":
        title = SYMBOLS.get(box.type.strip("_"), box.type.strip("_"))
        return _clipped(title.removeprefix("scaled_") if len(title) > _LONGEST else title), ""
    if box.kind in ("input", "output"):
        return _clipped(name), box.output
    size = amount(box.parameters) if box.parameters else ""
    return _clipped(box.type), _clipped(" · ".join(word for word in (name, size) if word))


def tensor(shape: Sequence[int], dtype: str = "float32") -> str:
    """A shape as "2x12x384" with a multiplication sign, with the type where it is not the ordinary one."""
    size = TIMES.join(map(str, shape)) or "scalar"
    return size if dtype in ("float32", "") else f"{size} {dtype}"


def _message(box: Box, boxes: Sequence[Box]) -> dict[str, Any]:
    """A box as JSON, its signs and lines as they are drawn."""
    own = {name: getattr(box, name) for name in _TRAVEL if getattr(box, name)}
    if box.parts:
        parts = [[p.name, p.box, p.width, p.head, p.absolute, *labels(boxes[p.box], p.name)] for p in box.parts]
        links = [[link.source, link.target, link.text, link.residual] for link in box.links]
        own |= {"parts": parts, "rows": box.rows, "links": links}
    return own


def _clipped(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"

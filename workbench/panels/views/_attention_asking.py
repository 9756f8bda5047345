"""Asked: what a page wishes to see of the attention, checked."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from workbench.panels.page.wishes import whole_number
from workbench.panels.views._attention_combining import OVER
from workbench.panels.views._attention_planes import Span

AGAINST = ("pinned", "other")
"""what a difference is taken from: the pinned head, or the same head on the second input"""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One head, or several as one, whole or a part of it."""

    layer: int = 0
    head: int = 0
    over: str = ""
    """one of ``OVER``; empty for the head itself"""
    against: str = ""
    """one of ``AGAINST``; empty for no difference"""
    pin: tuple[int, int] = (0, 0)
    """layer and head that a difference is taken from"""
    step: int = 0
    """which forward, where the same positions are looked at again and again"""
    hide: bool = False
    """whether special tokens are left blank"""
    rows: Span | None = None
    """None for all queries"""
    columns: Span | None = None
    """None for all keys"""

    def chosen(self) -> dict[str, int | str]:
        """As ``choose`` takes it; what is as it always is, is left out."""
        extra: dict[str, int | str] = {}
        if self.over:
            extra["over"] = self.over
        if self.against:
            extra["against"] = self.against
        if self.against == "pinned":
            extra |= {"pinned_layer": self.pin[0], "pinned_head": self.pin[1]}
        if self.step:
            extra["step"] = self.step
        if self.hide:
            extra["hide"] = 1
        return {"layer": self.layer, "head": self.head, **extra}


def asked(wish: Mapping[str, Any], before: Asked, layers: int) -> Asked:
    """What is wished, with everything else as before; nonsense becomes something that exists.

    Args:
        wish: What a page sent, not yet checked.
        before: What was on show.
        layers: How many there are.
    """
    pin = tuple(whole_number(wish, f"pinned_{name}", 1 << 20, old) for name, old in zip(_PIN, before.pin, strict=True))
    return replace(
        before,
        layer=whole_number(wish, "layer", layers, min(before.layer, layers - 1)),
        head=whole_number(wish, "head", 1 << 20, before.head),
        over=_one_of(wish.get("over", before.over), tuple(OVER)),
        against=_one_of(wish.get("against", before.against), AGAINST),
        pin=(min(pin[0], layers - 1), pin[1]),
        step=whole_number(wish, "step", 1 << 20, before.step),
        hide=bool(wish.get("hide", before.hide)),
        rows=_span(wish.get("rows")),
        columns=_span(wish.get("columns")),
    )


_PIN = ("layer", "head")


def _one_of(value: object, known: tuple[str, ...]) -> str:
    return value if isinstance(value, str) and value in known else ""


def _span(value: Any) -> Span | None:
    """Two whole numbers in order, at least one apart."""
    if not isinstance(value, list | tuple) or len(value) != 2 or not all(type(v) is int for v in value):  # noqa: PLR2004 - first, end
        return None
    first, end = max(0, value[0]), max(0, value[1])
    return (first, end) if first < end else None


def within(span: Span | None, length: int) -> Span:
    """The part of a line that exists; all of it where nothing was asked for."""
    if span is None or span[0] >= length:
        return 0, length
    return span[0], min(span[1], length)

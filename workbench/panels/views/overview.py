"""Overview: the tree of modules with shapes, sizes, FLOPs, share of time, dead and saturated units, for any module."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import ClassVar

from workbench.interpret import Overview, Part, Session
from workbench.panels.page.frame import Doubt, Frame
from workbench.panels.page.table import Table
from workbench.panels.views._view import View

_MOST_ROWS = 2000
_FEW_ROWS = 40
_COLUMNS = (
    "module",
    "class",
    "output",
    "parameters",
    "bytes",
    "calls",
    "flops",
    "time",
    "dead",
    "saturated",
    "zeros",
    "tied",
)


class OverviewView(View):
    """What the model is made of, and what each part costs."""

    title: ClassVar[str] = "Overview"
    place: ClassVar[int] = 0

    def __init__(self, session: Session, columns: Sequence[str] = ()) -> None:
        super().__init__(session, columns)
        self._seen: Overview | None = None

    def whole(self) -> Iterator[Frame]:
        """The tree, measured on the session's input."""
        seen = self._seen = self.session.overview()
        parts = seen.parts[:_MOST_ROWS]
        left_out = len(seen.parts) - len(parts)
        doubts = [Doubt("good", seen.summary), *(Doubt("warn", warning) for warning in seen.warnings)]
        if left_out:
            doubts.append(Doubt("warn", f"{left_out:,} modules further down are not listed."))
        meta = {"rows": [_row(part) for part in parts], "examples": max(seen.examples, 1), "open": _open(parts)}
        yield Frame(meta=meta, doubts=doubts, code="wb.interpret.overview(model, inputs)")

    def text(self) -> str:
        """The upper part of the tree as aligned columns."""
        return "" if self._seen is None else str(_upper(self._seen))

    def table(self) -> Table:
        """Every module with its figures; shares of 0 to 1."""
        return Table(_COLUMNS, [_figures(part) for part in self.session.overview().parts])

    def picture(self) -> str:
        """The upper part of the tree as a table."""
        return "" if self._seen is None else _upper(self._seen)._repr_html_()  # pyright: ignore[reportPrivateUsage]


def _row(part: Part) -> dict[str, object]:
    return {
        "path": part.path,
        "name": part.name or part.kind,
        "kind": part.kind,
        "depth": part.depth,
        "children": part.children,
        "parameters": part.parameters,
        "output": part.output,
        "calls": part.calls,
        "flops": part.flops,
        "time": part.time_share,
        "dead": part.dead,
        "saturated": part.saturated,
        "bytes": part.bytes,
        "tied": list(part.tied),
    }


def _figures(part: Part) -> tuple[object, ...]:
    shares = part.time_share, part.dead, part.saturated, part.zeros
    size = part.parameters, part.bytes
    return (part.path, part.kind, part.output, *size, part.calls, part.flops, *shares, " ".join(part.tied))


def _open(parts: tuple[Part, ...]) -> int:
    """The depth from which modules with children start folded, so that a page of rows is not exceeded by much."""
    deepest = max(part.depth for part in parts)
    return next((depth for depth in range(deepest, 1, -1) if sum(p.depth <= depth for p in parts) <= _FEW_ROWS), 1)


def _upper(seen: Overview) -> Overview:
    """The same figures with as many rows as fit on a page."""
    depth = _open(seen.parts)
    shown = tuple(part for part in seen.parts if part.depth <= depth)[:_FEW_ROWS]
    if len(shown) == len(seen.parts):
        return seen
    hidden = f"{len(seen.parts) - len(shown):,} modules further down are not listed here."
    return replace(seen, parts=shown, warnings=(*seen.warnings, hidden))


VIEW = OverviewView

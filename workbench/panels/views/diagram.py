"""Diagram: the architecture as one real forward ran it: modules, tensors, residual connections and attention."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from workbench.interpret import Session, Trace, trace
from workbench.panels.page.frame import Doubt, Frame
from workbench.panels.page.table import Table
from workbench.panels.views._view import View

_CODE = "wb.interpret.trace(model, inputs)"
_COLUMNS = ("kind", "path", "type", "name", "output", "dtype", "parameters", "torch calls", "attention", "residual")


class DiagramView(View):
    """What ran, in which order, and on which tensors."""

    title: ClassVar[str] = "Diagram"
    place: ClassVar[int] = 1

    def __init__(self, session: Session, columns: Sequence[str] = ()) -> None:
        super().__init__(session, columns)
        self._seen: Trace | None = None

    def whole(self) -> Iterator[Frame]:
        """The graph of a forward on the session's input."""
        seen = self._seen = self._trace()
        yield Frame(meta={"model": seen.model, **seen.plan.message()}, doubts=_doubts(seen), code=_CODE)

    def part(self, wish: Mapping[str, Any]) -> Iterator[Frame]:
        """A module that was pointed at is selected in the session."""
        seen = self._seen = self._seen or self._trace()
        path = wish.get("module")
        if isinstance(path, str) and any(node.kind == "module" and node.path == path for node in seen.nodes):
            self.session.select(layer=path)
        yield Frame(meta={"module": self.session.selection.layer}, doubts=_doubts(seen), code=_CODE)

    def text(self) -> str:
        """The graph in one line."""
        return "" if self._seen is None else f"{self._seen.summary} {self._seen.doubt}".strip()

    def picture(self) -> str:
        """The drawing as it opens."""
        return "" if self._seen is None else self._seen.svg()

    def table(self) -> Table:
        """Every module call and torch call in the order of execution."""
        return Table(
            _COLUMNS,
            [
                (
                    *(node.kind, node.path, node.type, node.name),
                    *(" ".join("x".join(map(str, shape)) for shape in node.shapes), node.dtype),
                    *(node.parameters, node.operations, node.attention, node.residual),
                )
                for node in self._trace().nodes
            ],
        )

    def _trace(self) -> Trace:
        return trace(self.session.model, self.session.batch, self.session.call)


def _doubts(seen: Trace) -> list[Doubt]:
    return [Doubt("good", seen.summary), *(Doubt("warn", warning) for warning in seen.warnings)]


VIEW = DiagramView

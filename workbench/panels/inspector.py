# pyright: reportUntypedBaseClass=false, reportIncompatibleMethodOverride=false
# (anywidget, ipywidgets and traitlets carry no complete types)
"""The Inspector: the inside of any live model, as tabs over one Session.

The first tab is computed when the Inspector is made, and raises. Later tabs are computed when they are opened, in the
background, and show their errors. Where nobody could see them (no Jupyter kernel) or with ``WORKBENCH_STRICT=1``
every tab is computed once and raises.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any

import traitlets
from torch import nn

from workbench.core.batch import is_pyg
from workbench.core.calling import Call, scores
from workbench.core.environment import kernel_present, strict
from workbench.core.errors import UnknownNameError, nearest
from workbench.interpret import Session
from workbench.panels._base import Panel
from workbench.panels._frame import Doubt, Frame
from workbench.panels._given import given, prepared
from workbench.panels._header import facts, title
from workbench.panels._raster import enlarged, written
from workbench.panels._saving import send_table
from workbench.panels._sketch import png
from workbench.panels._table import Table
from workbench.panels._view import View, source, views, whole_number

_HERE = Path(__file__).parent


class Inspector(Panel):
    """Tabs over one session: what the model is made of, what it attends to, what spoke for its answer."""

    _esm = _HERE / "inspector.js"
    _css = _HERE / "inspector.css"

    about: Any = traitlets.Dict().tag(sync=True)
    """the header: the model's name and a line of facts"""
    tabs: Any = traitlets.List().tag(sync=True)
    """name and title of every tab, and why it does not apply where that is known"""
    sources: Any = traitlets.Dict().tag(sync=True)
    """the ESM of the tabs that have been opened: a page never receives what it does not draw"""

    input: Any = traitlets.Dict().tag(sync=True)
    """the input row: the text that may be changed, or which of the examples is looked at"""

    def __init__(self, session: Session, *, text: str | None = None, columns: Sequence[str] = ()) -> None:
        """Draw the first tab.

        Args:
            session: The model and input on show.
            text: What was typed, where the input is text; the page lets a person type another.
            columns: What the columns of a table are called.

        Raises:
            WorkbenchError: The first tab could not be computed.
        """
        self._session: Session | None = session
        self._views: dict[str, View] = {view.name: view for view in (kind(session, columns) for kind in views())}
        super().__init__()
        try:
            self._begin(session, text)
        except BaseException:
            self.close()
            raise

    def _begin(self, session: Session, text: str | None) -> None:
        self.about = {"name": title(session.model), "facts": facts(session.model)}
        self._list_tabs()
        first, *others = self._views
        if strict() or not kernel_present():
            for name in others:
                self.show({"tab": name}, once=True)
        self.show({"tab": first}, once=True)
        self.input = {"text": text, "example": session.selection.example, "examples": examples(session)}

    @property
    def session(self) -> Session:
        """The model and input on show.

        Raises:
            UnknownNameError: The panel is closed.
        """
        if self._session is None:
            raise UnknownNameError("This Inspector is closed and has let go of its model: attach again.")
        return self._session

    def choose(self, tab: str) -> "Inspector":
        """Show a tab; raises what its computation raises.

        Args:
            tab: Its name.

        Raises:
            UnknownNameError: There is no such tab.
        """
        self.show({"tab": tab})
        return self

    @property
    def shown(self) -> str:
        """The name of the tab on show."""
        return str(self.frame.get("wish", {}).get("tab", next(iter(self._views), "")))

    def table(self, tab: str | None = None) -> Table:
        """The figures of a tab as rows, at full precision.

        Args:
            tab: Its name; the one on show when not given.

        Returns:
            ``.columns`` and ``.rows``; ``.csv()`` as text; ``.dataframe()`` where pandas is installed.

        Raises:
            UnknownNameError: There is no such tab.
            DataError: The tab does not apply to this model and input.
        """
        with self._showing:
            return self._view(tab or self.shown).table()

    def snapshot(self) -> bytes:
        """The tab on show as a PNG: its map, or its text where it has none.

        Raises:
            MissingExtraError: The tab is text, and Pillow is not installed (extra ``data``).
            DataError: The tab does not apply to this model and input.
        """
        with self._showing:
            view = self._view(self.shown)
            image = view.image()
            return png(
                written(f"{self.about['name']}: {view.title}\n\n{view.text()}") if image is None else enlarged(image)
            )

    def wished(self, wish: Mapping[str, Any], seq: int) -> None:
        """Work on what the page wishes in the background; a file goes to the page that asked and into no trait."""
        if "save" in wish:
            send_table(self, str(wish.get("tab")), seq)
        else:
            super().wished(wish, seq)

    def answers(self, wish: Mapping[str, Any]) -> Iterator[tuple[str, Frame]]:
        """The tab, or the part of it, that the page asks for."""
        view = self._view(str(wish.get("tab")))
        part = wish.get("part")
        if isinstance(wish.get("input"), Mapping):
            self._look_at(wish["input"])
        if view.name not in self.sources:
            self.sources = {**self.sources, view.name: source(view.name)}
        if isinstance(part, Mapping):
            yield from (("detail", self._with_age(frame)) for frame in view.part(part))
            return
        if self.session.stale:
            self.session.refresh()
        for frame in view.whole():
            self._list_tabs({view.name: frame.refused})
            yield "frame", self._with_age(frame)

    def _with_age(self, frame: Frame) -> Frame:
        """The frame, saying so where the weights have changed since its figures were computed."""
        if not self.session.stale:
            return frame
        old = Doubt("warn", "The weights have changed since this was computed: Refresh computes it again.")
        return replace(frame, doubts=(*frame.doubts, old))

    def close(self) -> None:
        """Take the panel off the page and let go of the model."""
        super().close()
        self._session, self._views = None, {}

    def text(self) -> str:
        """The model in one line, and the first tab in characters."""
        head = f"{self.about['name']}: {self.about['facts']}"
        return "\n".join((head, *(view.text() for view in self._shown())))

    def picture(self) -> str:
        """The tabs that have been computed, as a drawing that needs no script."""
        head = f"<b>{escape(self.about['name'])}</b> <code>{escape(self.about['facts'])}</code>"
        return f"<div>{head}{''.join(view.picture() for view in self._shown())}</div>"

    def _look_at(self, wish: Mapping[str, Any]) -> None:
        """Another text, or another of the examples."""
        session = self.session
        text = wish.get("text")
        if isinstance(text, str) and self.input["text"] is not None:
            session.use(prepared(text, session.processor))
            self.input = {**self.input, "text": text}
        elif "example" in wish:
            count = self.input["examples"]
            at = whole_number(wish, "example", count)
            session.select(example=at)
            self.input = {**self.input, "example": at}

    def _shown(self) -> Sequence[View]:
        return [self._views[name] for name in self._views if name in self.sources]

    def _view(self, name: str) -> View:
        if name not in self._views:
            raise UnknownNameError(f"There is no tab {name!r}.{nearest(name, self._views)}")
        return self._views[name]

    def _list_tabs(self, refused: Mapping[str, str] | None = None) -> None:
        known = {tab["name"]: tab["refused"] for tab in self.tabs} | dict(refused or {})
        self.tabs = [
            {"name": view.name, "title": view.title, "refused": known.get(view.name, "")}
            for view in self._views.values()
        ]


def attach(
    model: nn.Module,
    inputs: Any,
    *,
    names: Sequence[str] | None = None,
    processor: Any = None,
    call: Call | None = None,
    target: Any = None,
) -> Inspector:
    """Show the inside of any live model.

    Args:
        model: Any module; it is neither changed nor copied.
        inputs: An example, a ``Batch``, or a data set.
        names: Names of the classes, where a data set does not know them.
        processor: A tokenizer, or a function that turns raw inputs into what the model takes.
        call: ``fn(model, inputs)`` for models that are called in an unusual way.
        target: Which output is explained; the likeliest when not given.

    Raises:
        WorkbenchError: The model cannot be called with these inputs.
    """
    found = given(inputs, processor, names)
    session = Session(model, found.inputs, names=found.classes, processor=found.processor, call=call, target=target)
    return Inspector(session, text=found.text, columns=found.columns)


def examples(session: Session) -> int:
    """How many rows of the input can be looked at one by one; 1 where they are parts of one, as nodes of a graph."""
    value = scores(session.output)
    rows = len(session.batch)
    return rows if value.dim() and len(value) == rows and not any(map(is_pyg, values(session))) else 1


def values(session: Session) -> Sequence[Any]:
    """What stands in the input."""
    inputs = session.batch.inputs
    return list(inputs.values()) if isinstance(inputs, Mapping) else list(inputs)

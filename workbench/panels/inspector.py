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

from workbench.core.environment import kernel_present, strict
from workbench.core.errors import ModelError, UnknownNameError, nearest
from workbench.interpret import Session
from workbench.panels._asking import InputRow
from workbench.panels._cell import Origin, cell
from workbench.panels._desk import DESK
from workbench.panels._following import Following
from workbench.panels._frame import Doubt, Frame
from workbench.panels._header import facts, title
from workbench.panels._pool import Pool
from workbench.panels._saving import Savable
from workbench.panels._view import View, source, views
from workbench.train.run import Run

_HERE = Path(__file__).parent


class Inspector(Savable):
    """Tabs over one session: what the model is made of, what it attends to, what spoke for its answer."""

    _esm = _HERE / "inspector.js"
    _css = _HERE / "inspector.css"

    tabs: Any = traitlets.List().tag(sync=True)
    """name and title of every tab, and why it does not apply where that is known"""
    sources: Any = traitlets.Dict().tag(sync=True)
    """the ESM of the tabs that have been opened: a page never receives what it does not draw"""

    following = traitlets.Unicode().tag(sync=True)
    """the run that is followed, the step whose weights are on show, and what following costs; empty without one"""

    input: Any = traitlets.Dict().tag(sync=True)
    """the input row: the text that may be changed and those before it, or which of the examples is looked at"""

    def __init__(
        self,
        session: Session,
        *,
        text: str | None = None,
        columns: Sequence[str] = (),
        pool: Pool | None = None,
        origin: Origin | None = None,
    ) -> None:
        """Draw the first tab.

        Args:
            session: The model and input on show.
            text: What was typed, where the input is text; the page lets a person type another.
            columns: What the columns of a table are called.
            pool: All examples, where the session looks at the first of a data set.
            origin: What ``attach`` was given, for the code that is shown.

        Raises:
            WorkbenchError: The first tab could not be computed.
        """
        self._session: Session | None = session
        self._text = text
        self._origin = origin if origin is not None else Origin()
        self._row: InputRow | None = None
        self._following: Following | None = None
        self._views: dict[str, View] = {view.name: view for view in (kind(session, columns) for kind in views())}
        super().__init__()
        try:
            self._begin(session, text, pool)
        except BaseException:
            self.close()
            raise

    def _begin(self, session: Session, text: str | None, pool: Pool | None) -> None:
        self.about = {"name": title(session.model), "facts": facts(session.model)}
        self._list_tabs()
        first, *others = self._views
        if strict() or not kernel_present():
            for name in others:
                self.show({"tab": name}, once=True)
        self.show({"tab": first}, once=True)
        self._row = InputRow(session, text, pool, self._draw_row)
        self._draw_row()

    def _draw_row(self) -> None:
        if self._row is not None and not self.closed:
            self.input = self._row.state()

    @property
    def session(self) -> Session:
        """The model and input on show.

        Raises:
            UnknownNameError: The panel is closed.
        """
        if self._session is None:
            raise UnknownNameError("This Inspector is closed and has let go of its model: attach again.")
        return self._session

    def choose(self, tab: str, **part: int) -> "Inspector":
        """Show a tab; raises what its computation raises.

        Args:
            tab: Its name.
            part: What is chosen within it: ``layer``, ``head`` and ``query`` of attention, ``target`` and ``token``
                of saliency.

        Raises:
            UnknownNameError: There is no such tab.
        """
        if part:
            self.show({"tab": tab, "part": part}, once=True)
        self.show({"tab": tab})
        return self

    def look(self, text: str | None = None, *, example: int | None = None, misclassified: bool = False) -> "Inspector":
        """Look at another input in the tab on show.

        Args:
            text: In place of what was typed.
            example: Its position in the data set or batch.
            misclassified: Whether the first example that the model gets wrong is looked for; the next one when such
                a one is on show.
        """
        wish = (
            {"text": text} if text is not None else {"misclassified": True} if misclassified else {"example": example}
        )
        self.show({"tab": self.shown, "input": wish})
        return self

    def follow(self, run: Run) -> "Inspector":
        """Draw the tab on show again and again while a run changes the weights, until it ends or the panel is closed.

        Frames are drawn between two steps. Their measured cost is at most a twentieth of the run's time; the header
        says it. The losses are those of a run that nobody follows.

        Args:
            run: A run of the model on show.

        Raises:
            ModelError: The run trains another model.
        """
        if run.model is not self.session.model:
            kinds = type(run.model).__name__, type(self.session.model).__name__
            raise ModelError(
                f"This run trains another model ({kinds[0]}) than the one on show ({kinds[1]}): attach to run.model."
            )
        self._leave()
        self._following = Following(self, run)
        return self

    def renew(self, *, once: bool) -> None:
        """Compute the tab on show with the weights of now; an error is shown in the panel.

        Args:
            once: Whether its first answer is enough.
        """
        self.session.refresh()
        self.show_or_tell({"tab": self.shown}, int(self.frame.get("seq", 0)), once=once)

    def answers(self, wish: Mapping[str, Any]) -> Iterator[tuple[str, Frame]]:
        """The tab, or the part of it, that the page asks for."""
        view = self.view(str(wish.get("tab")))
        part = wish.get("part")
        if isinstance(wish.get("input"), Mapping):
            self._take(wish["input"])
        if view.name not in self.sources:
            self.sources = {**self.sources, view.name: source(view.name)}
        if isinstance(part, Mapping):
            yield from (("detail", self._finished(view, frame)) for frame in view.part(part))
            return
        if self.session.stale:
            self.session.refresh()
        for frame in view.whole():
            self._list_tabs({view.name: frame.refused})
            yield "frame", self._finished(view, frame)

    def _finished(self, view: View, frame: Frame) -> Frame:
        """The frame with its cell, saying so where the weights have changed since its figures were computed."""
        row = self._row
        text, example = (row.text, row.example) if row is not None else (self._text, 0)
        frame = replace(frame, cell=cell(self._origin, view.name, view.chosen(), text=text, example=example))
        if not self.session.stale:
            return frame
        old = Doubt("warn", "The weights have changed since this was computed: Refresh computes it again.")
        return replace(frame, doubts=(*frame.doubts, old))

    def close(self) -> None:
        """Take the panel off the page and let go of the model and of the run."""
        self._leave()
        super().close()
        self._session, self._row, self._views = None, None, {}

    def text(self) -> str:
        """The model in one line, and the first tab in characters."""
        head = f"{self.about['name']}: {self.about['facts']}"
        return "\n".join((head, *(view.text() for view in self._shown())))

    def picture(self) -> str:
        """The tabs that have been computed, as a drawing that needs no script."""
        head = f"<b>{escape(self.about['name'])}</b> <code>{escape(self.about['facts'])}</code>"
        return f"<div>{head}{''.join(view.picture() for view in self._shown())}</div>"

    def _leave(self) -> None:
        if self._following is not None:
            self._following.end()
            self._following = None

    def _take(self, wish: Mapping[str, Any]) -> None:
        if self._row is not None:
            self._row.take(wish, lambda: not (self.closed or DESK.waits(id(self))))

    def _shown(self) -> Sequence[View]:
        return [self._views[name] for name in self._views if name in self.sources]

    def view(self, name: str) -> View:
        """A tab's view.

        Raises:
            UnknownNameError: There is no such tab.
        """
        if name not in self._views:
            raise UnknownNameError(f"There is no tab {name!r}.{nearest(name, self._views)}")
        return self._views[name]

    def _list_tabs(self, refused: Mapping[str, str] | None = None) -> None:
        known = {tab["name"]: tab["refused"] for tab in self.tabs} | dict(refused or {})
        self.tabs = [
            {"name": view.name, "title": view.title, "refused": known.get(view.name, "")}
            for view in self._views.values()
        ]

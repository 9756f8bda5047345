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
from workbench.core.errors import UnknownNameError, nearest
from workbench.interpret import Session
from workbench.panels.means.asked import Asked
from workbench.panels.means.given import Given
from workbench.panels.page.cell import Origin, cell
from workbench.panels.page.frame import Doubt, Frame
from workbench.panels.page.header import facts, sides, title
from workbench.panels.views._view import View, source, views

_HERE = Path(__file__).parent


class Inspector(Asked):
    """Tabs over one session: what the model is made of, what it attends to, what spoke for its answer."""

    _esm = _HERE / "inspector.js"
    _css = _HERE / "inspector.css"

    tabs: Any = traitlets.List().tag(sync=True)
    """name and title of every tab, and why it does not apply where that is known"""

    def __init__(
        self,
        session: Session,
        *,
        given: Given | None = None,
        origin: Origin | None = None,
        said: str = "",
    ) -> None:
        """Draw the first tab.

        Args:
            session: The model and input on show.
            given: What more is known of the input: its text, the names of its positions, the data set it is of.
            origin: What ``attach`` was given, for the code that is shown.
            said: What is said beside the input row.

        Raises:
            WorkbenchError: The first tab could not be computed.
        """
        given = given if given is not None else Given(inputs=session.batch)
        self._origin = origin if origin is not None else Origin()
        made = (kind(session, given.columns) for kind in views())
        self._views: dict[str, View] = {view.name: view for view in made}
        for view in self._views.values():
            view.pool = given.pool
        super().__init__(session, given)
        try:
            self._begin(said)
        except BaseException:
            self.close()
            raise

    def _begin(self, said: str) -> None:
        self._introduce()
        self._list_tabs()
        first, *others = self._views
        for name in others:
            if strict() or (not kernel_present() and not self._views[name].dear):
                self.show({"tab": name}, once=True)
        self.show({"tab": first}, once=True)
        self.begin_row(said)

    def _introduce(self) -> None:
        self.about = {"name": title(self.session.model), "facts": facts(self.session.model)}

    def choose(self, tab: str, **part: int | str) -> "Inspector":
        """Show a tab; raises what its computation raises.

        Args:
            tab: Its name.
            part: What is chosen within it: ``layer``, ``head`` and ``query`` of attention, ``target`` and ``token``
                of saliency.

        Raises:
            UnknownNameError: There is no such tab.
        """
        if part:
            self.show({"tab": tab, "part": part})
        self.show({"tab": tab})
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
        self.take(wish)
        if view.name not in self.sources:
            self.sources = {**self.sources, view.name: source(view.name)}
        if isinstance(part, Mapping):
            yield from (("detail", self._finished(view, frame)) for frame in view.part(part))
            return
        if wish.get("reset"):
            self.session.reset()
        if self.session.stale:
            self.session.refresh()
        self.fresh()
        self._introduce()
        self.draw_row()  # the answers may have changed, or another panel or a cell the input
        for frame in view.whole():
            self._list_tabs({view.name: frame.refused})
            self.mark()
            yield "frame", self._finished(view, frame)

    def _finished(self, view: View, frame: Frame) -> Frame:
        """The frame with its cell, saying so where the weights have changed since its figures were computed."""
        edits = [edit.code for edit in self.session.edits]
        frame = replace(frame, cell=cell(self._origin, view.name, view.chosen(), self.calls(), edits=edits))
        if edits and frame.code:
            frame = replace(frame, code=f"# edited: add call=inspector.session.call\n{frame.code}")
        if self.session.other is not None and not view.compares and not frame.refused:
            alone = Doubt("warn", f"{sides(self.session, self.session.other)[0]} alone: this tab compares nothing")
            frame = replace(frame, doubts=(*frame.doubts, alone))
        if not self.session.stale:
            return frame
        old = Doubt("warn", "The weights have changed since this was computed: Refresh computes it again.")
        return replace(frame, doubts=(*frame.doubts, old))

    def close(self) -> None:
        """Take the panel off the page and let go of the model and of the run."""
        super().close()
        self._views = {}

    def text(self) -> str:
        """The model in one line, and the first tab in characters."""
        head = f"{self.about['name']}: {self.about['facts']}"
        return "\n".join((head, *self._edited_lines(), *(view.text() for view in self._shown())))

    def picture(self) -> str:
        """The tabs that have been computed, as a drawing that needs no script."""
        head = f"<b>{escape(self.about['name'])}</b> <code>{escape(self.about['facts'])}</code>"
        head += "".join(f"<p>{escape(line)}</p>" for line in self._edited_lines())
        return f"<div>{head}{''.join(view.picture() for view in self._shown())}</div>"

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

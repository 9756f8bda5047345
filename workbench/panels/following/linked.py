# pyright: reportUntypedBaseClass=false, reportUnknownMemberType=false
# (anywidget, ipywidgets and traitlets carry no complete types)
"""A panel as one of several views of a session: it shows what was selected or edited elsewhere, and when it is old."""

import threading
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import traitlets
from torch import nn

from workbench.core.errors import UnknownNameError
from workbench.core.scripts import part
from workbench.interpret import Session
from workbench.interpret.moment import versions
from workbench.panels.following.followed import Followed
from workbench.panels.following.watching import WATCHER
from workbench.panels.page.desk import DESK


class Linked(Followed):
    """Draws again when somebody else changes its session: another panel, another tab of the browser, a cell."""

    stale = traitlets.Bool().tag(sync=True)
    """whether the weights have changed since what is on show was computed"""
    edited: Any = traitlets.Dict().tag(sync=True)
    """``said``, the edits in words, and ``effect``, what they did to the output; empty without edits"""

    def __init__(self, session: Session) -> None:
        """Listen to a session.

        Args:
            session: The model and input on show.
        """
        self._session: Session | None = session
        self._marks = versions(session.model)
        self._revision = session.revision
        self._actor: int | None = None
        self._pages: set[str] = set()
        self._redrawing = False
        super().__init__()
        self._unlink: Callable[[], None] | None = _listening(self, session)
        self.on_msg(_seen)

    @property
    def session(self) -> Session:
        """The model and input on show.

        Raises:
            UnknownNameError: The panel is closed.
        """
        if self._session is None:
            raise UnknownNameError("This Inspector is closed and has let go of its model: attach again.")
        return self._session

    @property
    def _model(self) -> nn.Module:
        return self.session.model

    # What others change

    def show(self, wish: Mapping[str, Any], seq: int = 0, *, once: bool = False) -> None:
        """As every panel; what this thread changes in the session meanwhile is no news to this panel."""
        with self._showing:
            before, self._actor = self._actor, threading.get_ident()
            try:
                super().show(wish, seq, once=once)
            finally:
                self._actor = before

    def told(self) -> None:
        """Draw again if what is looked at was changed by somebody else; new weights alone are noticed otherwise."""
        session = self._session
        if session is None or self.closed:
            return
        before, self._revision = self._revision, session.revision
        if self._revision == before or self._actor == threading.get_ident() or not self.shown:
            return
        asker = weakref.ref(self)

        def job() -> None:
            if (asking := asker()) is not None and not asking.closed:
                asking.redraw()

        DESK.ask((id(self), "linked"), job)

    def redraw(self) -> None:
        """Compute the tab on show, and send it where it differs from what is on the page."""
        with self._showing:
            self._redrawing = True
            try:
                self.show_or_tell({"tab": self.shown}, int(self.frame.get("seq", 0)), once=True)
            finally:
                self._redrawing = False

    def _set(self, where: str, message: Mapping[str, Any], wish: Mapping[str, Any], seq: int, seconds: float) -> None:
        if not (self._redrawing and message.items() <= getattr(self, where).items()):
            super()._set(where, message, wish, seq, seconds)
        if where == "frame" and not self.closed:
            self.stale = False

    def mark(self) -> None:
        """Say in the header what is edited, with the figures of the forward on show."""
        session, found = self.session, self.session.effect()
        said = [edit.sentence for edit in session.edits]
        if said and "_edited" not in self.sources:
            self.sources = {**self.sources, "_edited": part(Path(__file__).parent, "edited")}
        self.edited = {} if found is None else {"said": said, "effect": found.sentence}

    def _edited_lines(self) -> list[str]:
        """The edits for where there are only characters."""
        return [f"edited: {', '.join(self.edited['said'])}; {self.edited['effect']}"] if self.edited else []

    # Whether it is old

    def fresh(self) -> None:
        """Take note that what is computed from now on belongs to the weights of now."""
        self._marks = versions(self.session.model)

    def glance(self) -> None:
        """Notice that the weights have changed, without a lock. While a run is followed, the header says it."""
        session = self._session
        if session is None or self.stale or self._goes_on:
            return
        try:
            now = versions(session.model)
        except RuntimeError:  # somebody is just adding modules or parameters
            return
        if now != self._marks and not self.closed:
            self.stale = True

    @property
    def _goes_on(self) -> bool:
        return self._following is not None and self._following.goes_on

    def seen(self, page: str, *, on: bool) -> None:
        """A page shows the panel, or no longer does. While none does, nothing is watched.

        Args:
            page: One of the pages that show it.
            on: Whether a person can see it there.
        """
        (self._pages.add if on else self._pages.discard)(page)
        if self._pages and not self.closed:
            WATCHER.watch(self)
        else:
            WATCHER.leave(self)

    def close(self) -> None:
        """Take the panel off the page and let go of the session."""
        WATCHER.leave(self)
        if self._unlink is not None:
            self._unlink()
        self.on_msg(_seen, remove=True)
        super().close()
        self._session = self._unlink = None


def _listening(panel: Linked, session: Session) -> Callable[[], None]:
    """Have a panel told of changes, without holding it; returns how to end that."""
    listener = weakref.ref(panel)

    def told(_: Session) -> None:
        if (listening := listener()) is not None:
            listening.told()

    return session.follow(told)


def _seen(panel: Linked, message: Any, _: Any) -> None:
    """The page says whether the panel is in sight."""
    if isinstance(message, Mapping) and message.get("type") == "seen":
        panel.seen(str(message.get("page")), on=message.get("on") is True)

# pyright: reportUntypedBaseClass=false, reportIncompatibleMethodOverride=false, reportUnknownMemberType=false
# (anywidget, ipywidgets and traitlets carry no complete types)
"""Bench: the page of an app in steps. It draws what its screens say, and shows one other panel below itself.

It knows forms, lists, tables and code, and nothing of what they are about: that is said by its ``Screens``.
"""

import threading
import weakref
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import ipywidgets

from workbench.panels.page.base import Panel, failure
from workbench.panels.page.desk import DESK
from workbench.panels.page.frame import Frame

_HERE = Path(__file__).parent


class Screens(Protocol):
    """What a bench shows and does."""

    def frames(self, wish: Mapping[str, Any]) -> Iterator[Frame]:
        """The screen that a page asks for, better and better. The wish is not yet checked."""
        ...

    def act(self, wish: Mapping[str, Any]) -> Callable[[], object] | None:
        """Do what a button says; what is returned goes on in the background and is followed by a new screen."""
        ...

    def text(self) -> str:
        """The state in characters."""
        ...


class Bench(Panel):
    """The page of an app in steps."""

    _esm = _HERE / "bench.js"
    _css = _HERE / "bench.css"

    def __init__(self, screens: Screens) -> None:
        """Draw nothing yet.

        Args:
            screens: What is shown and done.
        """
        self._screens: Screens | None = screens
        self._now: Mapping[str, Any] = {}
        super().__init__()
        self.box: Any = ipywidgets.VBox([self])
        """what is displayed: the page, and the panel below it"""

    def answers(self, wish: Mapping[str, Any]) -> Iterator[tuple[str, Frame]]:
        """The screen that the page asks for."""
        if (screens := self._screens) is None:
            return
        self._now = wish
        for frame in screens.frames(wish):
            yield "frame", frame

    def wished(self, wish: Mapping[str, Any], seq: int) -> None:
        """Show a screen, of which only the newest counts, or do what a button says, which is never left out."""
        if "do" not in wish:
            super().wished(wish, seq)
            return
        asker = weakref.ref(self)

        def job() -> None:
            if (bench := asker()) is not None and not bench.closed:
                bench.act(wish, seq)

        DESK.ask((id(self), str(wish["do"])), job)

    def show_or_tell(self, wish: Mapping[str, Any], seq: int = 0) -> None:
        """Compute and show; an error is shown as text above the screen as it was."""
        try:
            self.show(wish, seq)
        except Exception as error:  # noqa: BLE001 - whatever went wrong belongs on the page
            self.tell(error, wish, seq)
            self.working = False

    def act(self, wish: Mapping[str, Any], seq: int = 0) -> threading.Thread | None:
        """Do what a button says and show the screen after it; an error is shown as text.

        Args:
            wish: As ``Screens.act`` takes it.
            seq: Its number.

        Returns:
            The thread in which it goes on, if it does.
        """
        if (screens := self._screens) is None:
            return None
        screen = {name: value for name, value in wish.items() if name != "do"}
        try:
            rest = screens.act(wish)
        except Exception as error:  # noqa: BLE001 - whatever went wrong belongs on the page
            self.tell(error, screen, seq)
            return None
        self.show_or_tell(screen, seq)
        if rest is None:
            return None
        going = threading.Thread(target=_go_on, args=(weakref.ref(self), rest), name="workbench-bench", daemon=True)
        going.start()
        return going

    def tell(self, error: BaseException, wish: Mapping[str, Any], seq: int = 0) -> None:
        """Show an error in words above the screen."""
        self._set("frame", {**self.frame, **failure(error)}, wish, seq, 0.0)

    def renew(self, error: BaseException | None = None) -> None:
        """Show the screen of now once more, or what went wrong."""
        if self.closed:
            return
        now = {"step": self._now.get("step")}
        if error is not None:
            self.tell(error, now)
        else:
            self.show_or_tell(now)

    def below(self, panel: Panel | None) -> None:
        """Show another panel below the page, or none; the one before is not closed."""
        if not self.closed:
            self.box.children = (self,) if panel is None else (self, panel)

    def close(self) -> None:
        """Take the page off the notebook and let go of what it showed; the panel below is not closed."""
        if self.closed:
            return
        self._screens = None
        self.box.children = ()
        layout = self.box.layout
        self.box.close()
        layout.close()
        super().close()

    def text(self) -> str:
        """The state in characters."""
        return "This bench is closed." if self._screens is None else self._screens.text()


def _go_on(bench: "weakref.ref[Bench]", rest: Callable[[], object]) -> None:
    """Do the rest and show the screen after it. Holds the bench only while showing."""
    failed: BaseException | None = None
    try:
        rest()
    except Exception as error:  # noqa: BLE001 - whatever went wrong belongs on the page
        failed = error
    del rest
    if (page := bench()) is not None:
        page.renew(failed)

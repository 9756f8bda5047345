# pyright: reportUntypedBaseClass=false, reportIncompatibleMethodOverride=false, reportIncompatibleVariableOverride=false
# (anywidget, ipywidgets and traitlets carry no complete types)
"""Panel: the base of every widget. Plain ESM beside the Python, binary frames, errors as text, freed on close.

A panel's page sends ``{"type": "wish", "seq": n, "wish": {...}}``; the panel answers by setting the trait ``frame``
(the whole view) or ``detail`` (a part of it, such as one head), each with the ``seq`` of the wish. Both being traits, a
saved notebook draws what was last on show. Wishes are worked off in the background; a newer one ends the work on an
older one of the same panel.
"""

import html
import threading
import time
import traceback
import weakref
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from workbench.core.errors import WorkbenchError
from workbench.core.scripts import read
from workbench.panels.page.desk import DESK
from workbench.panels.page.frame import Frame, encodable
from workbench.panels.page.outputs import displayed

_HERE = Path(__file__).parent
_SHARED = {"_esm": _HERE / "shared.js", "_css": _HERE / "shared.css"}


class Panel(anywidget.AnyWidget):
    """A view of something live. A subclass names ``_esm`` (and ``_css``) as a ``Path`` and answers wishes."""

    frame: Any = traitlets.Dict().tag(sync=True)
    """the whole view that was last drawn"""
    detail: Any = traitlets.Dict().tag(sync=True)
    """the part that was last asked for"""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Read the files beside the class as text, behind what all panels share.

        anywidget keeps every instance of a class alive whose ``_esm`` is a ``Path`` (its file watcher holds them),
        and with the instance the model on show.
        """
        for name, shared in _SHARED.items():
            own = cls.__dict__.get(name)
            if isinstance(own, Path):
                setattr(cls, name, f"{read(shared)}\n{read(own)}")
        if "_css" not in cls.__dict__ and not hasattr(cls, "_css"):
            cls._css = read(_SHARED["_css"])
        super().__init_subclass__(**kwargs)

    working: Any = traitlets.Bool().tag(sync=True)
    """whether what is on show is still being improved"""

    def __init__(self) -> None:
        self._showing = threading.RLock()
        self.price = 0.0
        """seconds to the first answer of what was shown last"""
        super().__init__()
        _hear_in_any_subshell(self.comm)
        self.on_msg(_receive)

    def answers(self, wish: Mapping[str, Any]) -> Iterator[tuple[str, Frame]]:
        """What the page asked for. Whoever computes holds the step lock where a model is called, and no longer.

        Args:
            wish: What the page sent, not yet checked.

        Yields:
            Which trait it goes to (``"frame"`` or ``"detail"``) and what to draw, as often as it has become better.
        """
        raise NotImplementedError

    def wished(self, wish: Mapping[str, Any], seq: int) -> None:
        """The page wishes something: work on it in the background, unless a newer wish comes first.

        Args:
            wish: What the page sent, not yet checked.
            seq: Its number.
        """
        asker = weakref.ref(self)

        def job() -> None:
            if (asking := asker()) is not None and not asking.closed:
                asking.show_or_tell(wish, seq)

        DESK.ask(id(self), job)

    def show(self, wish: Mapping[str, Any], seq: int = 0, *, once: bool = False) -> None:
        """Compute and show, better and better until a newer wish waits; raises what the computation raises.

        Args:
            wish: As ``answers`` takes it.
            seq: The number of the wish.
            once: Whether the first answer is enough.
        """
        with self._showing:
            start, answered = time.perf_counter(), False
            for where, frame in self.answers(wish):
                seconds = time.perf_counter() - start
                self.price = self.price if answered else seconds
                answered = True
                self._set(where, frame.message(), wish, seq, seconds)
                self.working = not once
                if once or self.closed or DESK.waits(id(self)):
                    break
            self.working = False

    def _set(self, where: str, message: Mapping[str, Any], wish: Mapping[str, Any], seq: int, seconds: float) -> None:
        if not self.closed:
            # What was typed or uploaded has its own trait, or none.
            kept = {name: value for name, value in wish.items() if name not in ("input", "file", "raises")}
            setattr(self, where, {**message, "seq": seq, "wish": kept, "ms": round(1e3 * seconds, 1)})

    @contextmanager
    def quiet(self) -> Generator[None]:
        """Held by who shows, so that nobody else does."""
        with self._showing:
            yield

    def show_or_tell(self, wish: Mapping[str, Any], seq: int = 0, *, once: bool = False) -> None:
        """Compute and show; an error is shown in the panel as text."""
        try:
            self.show(wish, seq, once=once)
        except Exception as error:  # noqa: BLE001 - whatever went wrong belongs on the page
            self._set("frame", failure(error), wish, seq, 0.0)
            self.working = False

    @property
    def closed(self) -> bool:
        """Whether ``close`` was called."""
        return self.comm is None

    def get_state(self, key: Any = None, drop_defaults: bool = False) -> dict[str, Any]:  # noqa: FBT001, FBT002 - theirs
        """What the page receives: a name that UTF-8 cannot write would take the whole message with it."""
        return encodable(super().get_state(key, drop_defaults))

    def close(self) -> None:
        """Take the panel off the page and let go of what it showed."""
        if self.closed:
            return
        self.on_msg(_receive, remove=True)
        layout = self.layout
        super().close()
        layout.close()  # made for this panel alone, and kept by ipywidgets until it is closed

    def text(self) -> str:
        """One line for where there are only characters."""
        return type(self).__name__

    def picture(self) -> str:
        """HTML without scripts for where no widget is drawn; every string in it escaped."""
        return f"<pre>{html.escape(self.text())}</pre>"

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        displayed(self)
        bundle = super()._repr_mimebundle_(**kwargs)
        data, metadata = bundle if bundle is not None else ({}, {})
        return encodable(data | {"text/plain": self.text(), "text/html": self.picture()}), metadata


def failure(error: BaseException) -> dict[str, Any]:
    """An error as a frame: its sentence, and where it came from unless it was raised on purpose."""
    known = isinstance(error, WorkbenchError)
    where = "" if known else "".join(traceback.format_exception(error))
    return {"error": str(error) if known else f"{type(error).__name__}: {error}", "where": where}


def _hear_in_any_subshell(comm: Any) -> None:
    """Have wishes heard in the subshell to which the page sends them.

    ipykernel from 7.4 on hands them to the one in which the comm spoke last instead. Subshells end with the page that
    made them, and a wish that is handed to one that has ended is lost.
    """
    if hasattr(comm, "_reply_subshell_for"):
        comm._reply_subshell_for = lambda _, sent_to: sent_to  # noqa: SLF001 - it offers no other way


def _receive(panel: Panel, message: Any, buffers: Any) -> None:
    """A message from the page; what is not a wish is ignored. A file stands behind it, not in it."""
    if not isinstance(message, Mapping) or message.get("type") != "wish":
        return
    wish, seq = message.get("wish"), message.get("seq")
    if isinstance(wish, Mapping) and isinstance(seq, int):
        panel.wished({**wish, "file": bytes(buffers[0])} if buffers else wish, seq)

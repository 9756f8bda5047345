# pyright: reportUntypedBaseClass=false, reportIncompatibleMethodOverride=false
# (anywidget, ipywidgets and traitlets carry no complete types)
"""Live: curves, time left, throughput and memory of a run while it goes on, and buttons that act.

Points are pushed as they come, at most ten times a second and for at most a twentieth of the time by their own
measured cost; what was sent is not sent again, but for a summary of bounded size each time the run has doubled,
from which a page that comes later begins.
"""

import html
import threading
import time
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import traitlets
from numpy.typing import NDArray

from workbench.core.environment import kernel_present
from workbench.core.threads import background
from workbench.panels._base import Panel, failure
from workbench.panels._frame import Doubt, Packed
from workbench.panels._sketch import line_chart
from workbench.train.run import Run

_HERE = Path(__file__).parent
_SUMMARY = 512
"""points of a curve in a summary"""
_PUSH = 64
"""points of a curve in one push"""
_PERIOD = 0.1
"""seconds between pushes, at least"""


@dataclass(frozen=True, slots=True)
class Points:
    """Points of one curve."""

    name: str
    steps: NDArray[np.float64]
    """(points,)"""
    values: NDArray[np.float64]
    """(points,), NaN where nothing was reported"""

    def message(self) -> dict[str, Any]:
        """The points as they travel."""
        steps, values = self.steps.astype(np.float64), self.values.astype(np.float32)
        return {"name": self.name, "x": Packed(steps).message(), "y": Packed(values).message()}


class Live(Panel):
    """The live view of one run. It holds the run weakly: a view that stays on a page keeps no model alive."""

    _esm = _HERE / "live.js"
    _css = _HERE / "live.css"

    title = traitlets.Unicode().tag(sync=True)
    """what is trained"""
    subtitle = traitlets.Unicode().tag(sync=True)
    """its size and where it computes"""
    waits = traitlets.Bool().tag(sync=True)
    """whether the kernel waits for the run, so that no button could act"""
    buttons = traitlets.Bool().tag(sync=True)
    """whether there are buttons"""

    def __init__(self, run: Run, *, waits: bool = False) -> None:
        """Draw what there is so far.

        Args:
            run: The run to follow.
            waits: Whether the cell waits for the run. Messages from the page are then read only after it, so in
                place of buttons the view says how to stop.
        """
        model = run.model
        parameters = list(model.parameters())
        device = parameters[0].device if parameters else "cpu"
        self._run = weakref.ref(run)
        self._seen: dict[str, int] = {}
        self._sent, self._summarised = 0, 0
        self._started = time.monotonic() if run.running else None
        self._follower: threading.Thread | None = None
        self._handle: Any = None
        self._last: tuple[Sequence[Points], dict[str, Any]] = ((), {})
        super().__init__()
        self.title = type(model).__name__
        self.subtitle = f"{sum(p.numel() for p in parameters):,} parameters · {device}"
        self.waits, self.buttons = waits, not waits
        self.summarise()

    # What a person sees

    def display(self) -> "Live":
        """Put the view under the running cell, and follow the run."""
        from IPython.display import display

        self._handle = display(self, display_id=True)
        return self.follow()

    def follow(self) -> "Live":
        """Push what the run reports from a background thread, until it ends or the panel is closed."""
        if self._follower is None or not self._follower.is_alive():
            self._follower = background(_follow, weakref.ref(self), name="workbench-live")
            self._follower.start()
        return self

    def push(self) -> None:
        """Send the points that were not sent before, and how far the run is."""
        run = self._run()
        if run is None or self.closed:
            return
        history, rows, fresh = run.history, 0, list[Points]()
        for name, steps, values in _columns(history):
            seen = self._seen.get(name, 0)
            rows += len(steps)
            if len(steps) > seen:
                fresh.append(Points(name, *thinned(steps[seen:], values[seen:], _PUSH)))
                self._seen[name] = len(steps)
        if rows >= 2 * self._summarised or not run.running:
            self.summarise()
            return
        curves = [points.message() for points in fresh]
        buffers = [curve[axis].pop("data") for curve in curves for axis in ("x", "y")]
        message = {
            "type": "points",
            "from": self._sent,
            "to": self._sent + 1,
            "curves": curves,
            "state": self._state(run),
        }
        self._sent += 1
        self.send(message, buffers=buffers)

    def summarise(self) -> None:
        """Set the trait from which a page that comes later begins."""
        run = self._run()
        if run is None or self.closed:
            return
        whole, rows = list[Points](), 0
        for name, steps, values in _columns(run.history):
            self._seen[name] = len(steps)
            rows += len(steps)
            whole.append(Points(name, *thinned(steps, values, _SUMMARY)))
        self._summarised, self._sent = max(rows, 1), self._sent + 1
        self._last = (whole, self._state(run))
        self.frame = {
            "from": 0,
            "to": self._sent,
            "curves": [points.message() for points in whole],
            "state": self._last[1],
        }

    # What the page wishes

    def wished(self, wish: Mapping[str, Any], seq: int) -> None:  # noqa: ARG002 - nothing here is answered
        """Do what a button says, at once: neither the step lock nor another panel's work may delay a stop."""
        run = self._run()
        if run is None:
            return
        act = {"stop": run.stop, "pause": run.pause, "resume": run.resume}.get(str(wish.get("do")))
        if act is not None:
            act()
            self.follow()
        elif wish.get("whole"):
            self.summarise()

    def text(self) -> str:
        """The run in one line."""
        state = self._last[1]
        if not state:
            return f"{self.title}: no run"
        return f"{self.title}: {state['status']}, step {state['step']:,} of {state['total']:,}" + "".join(
            f", {points.name} {points.values[-1]:.4g}" for points in self._last[0] if len(points.values)
        )

    def picture(self) -> str:
        """The curves as a drawing that needs no script."""
        curves = {points.name: (points.steps, points.values) for points in self._last[0]}
        return f"<div>{line_chart(curves)}<div>{html.escape(self.text())}</div></div>"

    def beat(self) -> float | None:
        """Push once; the rest and a renewed drawing for a saved notebook when the run has ended.

        Returns:
            Seconds until the next push, so many that pushing takes at most a twentieth of the time; None at the end.
        """
        run, start = self._run(), time.perf_counter()
        if run is None or self.closed:
            return None
        going = run.running
        try:
            self.push()
        except Exception as error:  # noqa: BLE001 - the run must go on, and the reason belongs on the page
            doubts = [{"level": "bad", "text": failure(error)["error"]}]
            self.frame = {"state": {**self._last[1], "doubts": doubts}}
            return None
        if not going:
            if self._handle is not None:
                self._handle.update(self)
            return None
        return max(_PERIOD, 20 * (time.perf_counter() - start))

    def _state(self, run: Run) -> dict[str, Any]:
        progress, ended = run.progress, run.status in ("done", "stopped", "failed")
        doubts = [
            Doubt(
                "good" if run.exact else "warn", _sentence(f"{'' if run.exact else 'Resume is not exact: '}{run.exact}")
            )
        ]
        doubts += [Doubt("warn", warning) for warning in run.warnings]
        if run.error is not None:
            doubts.insert(0, Doubt("bad", failure(run.error)["error"]))
        return {
            "status": run.status,
            "step": progress.step,
            "total": progress.total,
            "rate": progress.rate,
            "left": progress.eta,
            "seconds": None if self._started is None else time.monotonic() - self._started,
            "memory": progress.memory,
            "memory_of": "held by the process",
            "doubts": [{"level": doubt.level, "text": doubt.text} for doubt in doubts],
            "note": str(run.directory) if ended and run.directory is not None else "",
        }


def follow(run: Run, *, waits: bool = False) -> Live | None:
    """Show a run under the running cell and follow it, where a Jupyter kernel runs this process.

    Args:
        run: A run that has begun.
        waits: Whether the caller is about to wait for it.

    Returns:
        The view, or None where nobody could see one.
    """
    return Live(run, waits=waits).display() if kernel_present() else None


def thinned(steps: NDArray[Any], values: NDArray[Any], most: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """At most so many points; each the mean of equally many neighbours, NaN ignored.

    Args:
        steps: (points,)
        values: (points,)
        most: At least 1.
    """
    each = -(-len(steps) // most)
    x, y = np.asarray(steps, np.float64), np.asarray(values, np.float64)
    if each <= 1:
        return x, y
    edges = np.arange(0, len(x), each)
    counts = np.diff(np.append(edges, len(x)))
    there = np.isfinite(y)
    numbers = np.add.reduceat(there, edges)
    sums = np.add.reduceat(np.where(there, y, 0.0), edges)
    means = np.divide(sums, numbers, out=np.full(len(edges), np.nan), where=numbers > 0)
    return np.add.reduceat(x, edges) / counts, means


def _columns(history: Any) -> list[tuple[str, NDArray[np.int64], NDArray[np.float64]]]:
    return [
        (name if phase == "train" else f"{phase} · {name}", *history.column(phase, name))
        for phase in history.phases()
        for name in history.names(phase)
    ]


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _follow(view: "weakref.ref[Live]") -> None:
    """Push until the run ends. Holds the view only while pushing."""
    pause: float | None = 0.0
    while pause is not None:
        time.sleep(pause)
        live = view()
        pause = live.beat() if live is not None else None
        del live

# pyright: reportUntypedBaseClass=false, reportIncompatibleMethodOverride=false
# (anywidget, ipywidgets and traitlets carry no complete types)
"""Live: curves, time left, throughput and memory of runs while they go on, and buttons that act.

Several runs are drawn into one chart. Points are pushed as they come, at most ten times a second and for at most a
twentieth of the time by their own measured cost; what was sent is not sent again, but for a summary of bounded size
each time the runs have doubled, from which a page that comes later begins.
"""

import html
import threading
import time
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import traitlets

from workbench.core.environment import kernel_present
from workbench.core.errors import ConfigError
from workbench.panels.following.curves import Points, thinned
from workbench.panels.following.runs import LiveRun, RecordedRun, ShownRun, named_apart
from workbench.panels.page.base import Panel, failure
from workbench.panels.page.sketch import line_chart
from workbench.panels.page.wishes import whole_number
from workbench.train.record import RunRow
from workbench.train.run import Run

_HERE = Path(__file__).parent
_SUMMARY = 512
"""points of a curve in a summary"""
_PUSH = 64
"""points of a curve in one push"""
_PERIOD = 0.1
"""seconds between pushes, at least"""


class Live(Panel):
    """The live view of one run or of several. A run is held weakly: a view that stays on a page keeps no model."""

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

    def __init__(self, *runs: Run | ShownRun, waits: bool = False) -> None:
        """Draw what there is so far.

        Args:
            runs: What is followed; at least one.
            waits: Whether the cell waits for the run. Messages from the page are then read only after it, so in
                place of buttons the view says how to stop.

        Raises:
            ConfigError: There is no run.
        """
        if not runs:
            raise ConfigError("No run was given: pass runs of this process, or names of those that wb.runs() lists.")
        self._runs = [LiveRun(run) if isinstance(run, Run) else run for run in runs]
        named_apart(self._runs)
        self._seen: dict[tuple[int, str], int] = {}
        self._settled = [False for _ in runs]
        """which runs have ended and are drawn to their end"""
        self._last: tuple[Sequence[Points], dict[str, Any]] = ((), {})
        self._sent, self._summarised = 0, 0
        self._follower: threading.Thread | None = None
        self._handle: Any = None
        super().__init__()
        self.title, self.subtitle = _heading(runs)
        self.waits, self.buttons = waits, not waits
        self.summarise()

    # What a person sees

    def display(self) -> "Live":
        """Put the view under the running cell, and follow the run."""
        from IPython.display import display

        self._handle = display(self, display_id=True)
        return self.follow()

    def follow(self) -> "Live":
        """Push what the runs report from a background thread, until they end or the panel is closed."""
        if self._follower is None or not self._follower.is_alive():
            self._settled = [False for _ in self._runs]
            self._follower = threading.Thread(
                target=_follow, args=(weakref.ref(self),), name="workbench-live", daemon=True
            )
            self._follower.start()
        return self

    def push(self) -> None:
        """Send the points that were not sent before, and how far the runs are."""
        if self.closed:
            return
        going, rows, fresh = self._going(), 0, list[Points]()
        for i, run in enumerate(self._runs):
            for name, steps, values in ([] if self._settled[i] else run.columns()) or []:
                seen = self._seen.get((i, name), 0)
                rows += len(steps)
                if len(steps) > seen:
                    fresh.append(Points(i, name, *thinned(steps[seen:], values[seen:], _PUSH)))
                    self._seen[i, name] = len(steps)
        ended = any(not goes_on and not settled for goes_on, settled in zip(going, self._settled, strict=True))
        if rows >= 2 * self._summarised or ended:
            self.summarise()
            self._settled = [not goes_on for goes_on in going]
            return
        curves = [points.message() for points in fresh]
        buffers = [curve[axis].pop("data") for curve in curves for axis in ("x", "y")]
        message = {
            "type": "points",
            "from": self._sent,
            "to": self._sent + 1,
            "curves": curves,
            "state": self._state(),
        }
        self._sent += 1
        self.send(message, buffers=buffers)

    def summarise(self) -> None:
        """Set the trait from which a page that comes later begins."""
        if self.closed:
            return
        whole, rows = list[Points](), 0
        for i, run in enumerate(self._runs):
            found = None if self._settled[i] else run.columns()
            if found is None:  # it is gone, or as it was
                whole += [points for points in self._last[0] if points.run == i]
                continue
            for name, steps, values in found:
                self._seen[i, name] = len(steps)
                rows += len(steps)
                whole.append(Points(i, name, *thinned(steps, values, _SUMMARY)))
        self._summarised, self._sent = max(rows, 1), self._sent + 1
        self._last = (whole, self._state())
        self.frame = {
            "from": 0,
            "to": self._sent,
            "curves": [points.message() for points in whole],
            "state": self._last[1],
        }

    # What the page wishes

    def wished(self, wish: Mapping[str, Any], seq: int) -> None:  # noqa: ARG002 - nothing here is answered
        """Do what a button says, at once: neither the step lock nor another panel's work may delay a stop."""
        i = whole_number(wish, "run", len(self._runs))
        if self._runs[i].do(str(wish.get("do"))):
            self._settled[i] = False
            self.follow()
        elif wish.get("whole"):
            self.summarise()

    def text(self) -> str:
        """A line for each run."""
        runs = self._last[1].get("runs", [])
        if not runs:
            return f"{self.title}: no run"
        return "\n".join(
            f"{run['name'] if len(runs) > 1 else self.title}: {run['status']}, step {run['step']:,}"
            + (f" of {run['total']:,}" if run["total"] else "")
            + "".join(f", {p.name} {p.values[-1]:.4g}" for p in self._last[0] if p.run == i and len(p.values))
            for i, run in enumerate(runs)
        )

    def picture(self) -> str:
        """The curves as a drawing that needs no script; of several runs their losses."""
        several = len(self._runs) > 1
        curves = {
            f"{self._runs[points.run].name} · {points.name}" if several else points.name: (points.steps, points.values)
            for points in self._last[0]
            if not several or points.name.endswith("loss")
        }
        return f"<div>{line_chart(curves)}<div>{html.escape(self.text())}</div></div>"

    def beat(self) -> float | None:
        """Push once; the rest and a renewed drawing for a saved notebook when all runs have ended.

        Returns:
            Seconds until the next push, so many that pushing takes at most a twentieth of the time; None at the end.
        """
        start = time.perf_counter()
        if self.closed:
            return None
        going = any(self._going())
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

    def _going(self) -> list[bool]:
        return [run.going for run in self._runs]

    def _state(self) -> dict[str, Any]:
        """That of a single run, or of the one that goes on; ``runs`` holds all."""
        before = self._last[1].get("runs", [{}] * len(self._runs))
        runs = [run.state() or old for run, old in zip(self._runs, before, strict=True)]
        runs = [run for run in runs if run]
        if not runs:
            return {}
        first = next((run for run in runs if run["status"] in ("running", "paused")), runs[0])
        doubts = [
            {**doubt, "text": f"{run['name']}: {doubt['text']}" if len(runs) > 1 else doubt["text"]}
            for run in runs
            for doubt in run["doubts"]
            if len(runs) == 1 or doubt["level"] != "good"
        ]
        return {**first, "doubts": doubts, "runs": runs}


def follow(run: Run, *, waits: bool = False) -> Live | None:
    """Show a run under the running cell and follow it, where a Jupyter kernel runs this process.

    Args:
        run: A run that has begun.
        waits: Whether the caller is about to wait for it.

    Returns:
        The view, or None where nobody could see one.
    """
    return Live(run, waits=waits).display() if kernel_present() else None


def overlay(*runs: Run | RunRow | str | Path, root: str | Path | None = None) -> Live:
    """Several runs in one chart, with the same axes: those that go on are followed and keep their buttons.

    Args:
        runs: Runs of this process, going on or ended; or runs in folders: rows of ``wb.runs()``, names as it lists
            them, or paths.
        root: The folder that ``wb.runs`` was given; ``runs`` below the current folder when not given.

    Raises:
        CheckpointError: There is no run in a folder.
        ConfigError: No run was given.
    """
    place = Path("runs" if root is None else root)
    return Live(*(run if isinstance(run, Run) else _recorded(run, place) for run in runs)).follow()


def _recorded(run: RunRow | str | Path, root: Path) -> RecordedRun:
    if isinstance(run, RunRow):
        return RecordedRun(root / run.name, run.name)
    path = Path(run)
    return RecordedRun(path if path.is_dir() and not (root / path).is_dir() else root / path, str(run))


def _heading(runs: Sequence[Run | ShownRun]) -> tuple[str, str]:
    if len(runs) > 1 or not isinstance(runs[0], Run):
        return (f"{len(runs)} runs" if len(runs) > 1 else "A run"), ""
    model = runs[0].model
    parameters = list(model.parameters())
    device = parameters[0].device if parameters else "cpu"
    return type(model).__name__, f"{sum(p.numel() for p in parameters):,} parameters · {device}"


def _follow(view: "weakref.ref[Live]") -> None:
    """Push until the runs end. Holds the view only while pushing."""
    pause: float | None = 0.0
    while pause is not None:
        time.sleep(pause)
        live = view()
        pause = live.beat() if live is not None else None
        del live

"""Following: the tab on show, computed again and again while a run changes the weights.

A frame is drawn between two steps of the run, so all its figures belong to the same weights. The time that this
takes from the run is measured, and the next frame waits until it is at most a twentieth of the time gone by.
"""

import threading
import time
import weakref
from typing import TYPE_CHECKING

from workbench.core.live import look
from workbench.panels.page.desk import DESK
from workbench.train.run import Run

if TYPE_CHECKING:
    from workbench.panels.following.followed import Followed

SHARE = 0.05
"""of the run's time, at most, by its own measured cost"""
_PERIOD = 0.1
"""seconds between two frames, at least"""
_GLANCE = 0.1
"""seconds after which it is noticed that the run has ended or the panel was closed"""


class Following:
    """A thread that follows one run for one panel and holds neither."""

    def __init__(self, panel: "Followed", run: Run) -> None:
        """Begin.

        Args:
            panel: What is drawn.
            run: The run that trains the panel's model.
        """
        self._panel, self._run = weakref.ref(panel), weakref.ref(run)
        self._begun, self.spent = time.monotonic(), 0.0
        # The first frame must not cost more than its share either: the tab was drawn before, so its price is known.
        self._last = panel.price
        self._over = threading.Event()
        self._drawn = -1
        self.goes_on = True
        """whether frames are still to come"""
        threading.Thread(target=self._work, name="workbench-following", daemon=True).start()

    @property
    def share(self) -> float:
        """Of the time since it began, what was taken from the run."""
        return self.spent / max(time.monotonic() - self._begun, 1e-9)

    @property
    def pause(self) -> float:
        """Seconds until the next frame may be drawn, if it costs as much as the last one.

        Both this frame and all of them together keep the share; time not spent is not saved up for a burst.
        """
        gone = time.monotonic() - self._begun
        return max(_PERIOD, self._last / SHARE, (self.spent + self._last) / SHARE - gone)

    def end(self) -> None:
        """Draw no more."""
        self._over.set()

    def _work(self) -> None:
        going = True
        while going and not self._over.is_set():
            going = self._wait()
            self._beat(last=not going)
        self.goes_on = False

    def _wait(self) -> bool:
        """Until the next frame may be drawn; whether the run goes on."""
        until = time.monotonic() + self.pause
        while time.monotonic() < until:
            panel, run = self._panel(), self._run()
            if panel is None or panel.closed:
                self._over.set()
            if run is None or not run.running:
                return False
            del panel, run
            if self._over.wait(_GLANCE):
                break
        return True

    def _beat(self, *, last: bool) -> None:
        """Have the desk draw, and wait for it; a person's wishes keep their own place at the desk."""
        done = threading.Event()

        def job() -> None:
            try:
                self._draw(last=last)
            finally:
                done.set()

        if not self._over.is_set():
            DESK.ask((id(self), "follow"), job)
            done.wait()

    def _draw(self, *, last: bool) -> None:
        panel, run = self._panel(), self._run()
        if panel is None or panel.closed or self._over.is_set():
            return
        step = self._drawn if run is None else run.progress.step
        if last:
            panel.renew(once=False)
            panel.keep(step, _loss(run), last=True)
        elif step != self._drawn:
            with panel.quiet(), look():  # in this order, which is that of everybody who shows
                start = time.perf_counter()
                step = step if run is None else run.progress.step
                panel.renew(once=True)
                panel.keep(step, _loss(run), last=False)
                self._last = time.perf_counter() - start
            self.spent += self._last
        self._drawn = step
        panel.following = said(run, step, self.share)


def _loss(run: Run | None) -> float | None:
    """The loss of the step whose weights are on show."""
    if run is None:
        return None
    run.reports.flush()
    return run.reports.loss


def said(run: Run | None, step: int, share: float) -> str:
    """How the header says it: the step whose weights are on show, and the measured cost."""
    cost = f"+{100 * share:.0f} %" if share >= 0.01 else "+<1 %"  # noqa: PLR2004 - one per cent
    state = "run is gone" if run is None else "following run" if run.running else f"run {run.status}"
    return f"{state}, step {step:,}, {cost}"

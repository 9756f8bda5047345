"""The thread that takes a run's steps."""

import threading
import time
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import torch

from workbench.core import live
from workbench.core.errors import CheckpointError, NotFiniteError

if TYPE_CHECKING:
    from workbench.train.run import Run

GLANCE = 0.1
"""seconds between looks at everything that need not be looked at every step"""


class Worker:
    """Steps, and between them what others wished, reports and checkpoints."""

    def __init__(self, run: "Run") -> None:
        """Take note of the caller's default device.

        Args:
            run: Whose steps are taken.
        """
        self.ended = threading.Event()
        self._run, self._callback = run, False
        device = torch.get_default_device()
        # The mode behind a default device costs every operation something; the CPU needs none.
        self._around: Any = nullcontext() if device.type == "cpu" else device
        self._thread = threading.Thread(target=self._work, name="workbench-run", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    @property
    def telling(self) -> bool:
        """Whether the caller is a callback that this thread is telling of an event, so that a step has just ended."""
        return self._callback and threading.current_thread() is self._thread

    def _work(self) -> None:
        run, status = self._run, "failed"
        try:
            with self._around:
                status = self._steps()
                self._finish()
        except BaseException as error:  # noqa: BLE001 - handed to whoever waits
            status, run.error = "failed", self._explained(error)
        finally:
            self._end(status)

    def _steps(self) -> str:
        run = self._run
        driver, advance, pending, attention = (
            run.driver,
            run.driver.advance,
            run.reports.pending,
            run.boundary.attention,
        )
        lock, clock, tell = live.Step(run.seed), time.monotonic, run.on_event
        enter, leave = lock.enter, lock.leave
        seconds = run.settings.checkpoint_seconds
        glance, due = 0.0, clock() + seconds
        while True:
            if attention.is_set() and self._attend():
                return "stopped"
            enter(driver.step)
            try:
                events = advance()
            finally:
                leave()
            if not events:
                return "done"
            pending.extend(events)
            if tell is not None:
                self._tell(events, tell)
            now = clock()
            if now >= glance:
                glance = now + GLANCE
                self._glance(now)
            if now >= due and run.saver is not None and not run.saver.busy and driver.resumable():
                run.checkpoint()
                due = clock() + seconds

    def _tell(self, events: Any, tell: Any) -> None:
        self._callback = True
        try:
            for event in events:
                tell(event)
        except BaseException:
            self._finish()
            raise
        finally:
            self._callback = False

    def _glance(self, now: float) -> None:
        run = self._run
        run.reports.flush()
        run.reports.check()
        run.pace.mark(now, run.driver.step)
        with run.news:
            run.news.notify_all()

    def _attend(self) -> bool:
        """Do what was wished between two steps; whether to end."""
        run, boundary = self._run, self._run.boundary
        while True:
            boundary.attention.clear()
            left = boundary.grant(exact=run.driver.resumable() or boundary.pausing)
            if boundary.stopping:
                return True
            if not boundary.pausing:
                run.status = "running"
                if left:
                    boundary.attention.set()
                return False
            run.status = "paused"
            self._glance(time.monotonic())
            boundary.attention.wait()

    def _finish(self) -> None:
        """The checkpoint at the end, written before the run counts as ended."""
        run, saver = self._run, self._run.saver
        run.reports.flush()
        run.reports.check()
        if saver is None:
            return
        run.checkpoint()
        saver.join()
        if saver.error is not None:
            raise CheckpointError(f"{saver.error} The model itself is whole: free space, then run.save().")

    def _end(self, status: str) -> None:
        run = self._run
        if run.saver is not None:
            run.saver.join()
        run.reports.flush()
        run.pace.mark(time.monotonic(), run.driver.step)
        run.status = status
        if run.folder is not None:
            try:
                run.folder.say(status)
            except OSError as error:
                run.warn(f"{run.folder.path} cannot be written: {error.strerror or error}.")
            run.folder.leave()
        self.ended.set()
        run.boundary.grant(exact=True)
        with run.news:
            run.news.notify_all()

    def _explained(self, error: BaseException) -> BaseException:
        if not isinstance(error, NotFiniteError):
            return error
        if self._run.saver is not None:
            self._run.saver.join()
        saved = self._run.saved
        return NotFiniteError(
            f"{error} {f'The last good checkpoint is {saved}.' if saved else 'There is no checkpoint.'}"
        )

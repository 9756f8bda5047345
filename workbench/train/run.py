"""Run: a driver in a worker thread, as a stream of events. Stop, pause, checkpoints and seeding act between steps."""

import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from weakref import WeakSet

from torch import nn

from workbench.core import live
from workbench.core.errors import CheckpointError, ModelError
from workbench.train.boundary import Boundary
from workbench.train.contract import Driver, Event
from workbench.train.exact import Exact, circumstances
from workbench.train.folder import Folder
from workbench.train.history import History
from workbench.train.progress import Pace, Progress, memory
from workbench.train.reports import Reports
from workbench.train.saving import Saver
from workbench.train.settings import RunSettings
from workbench.train.spec import RunSpec
from workbench.train.worker import GLANCE, Worker

if TYPE_CHECKING:
    import plotly.graph_objects as go


class Run:
    """Training of one live model; made by ``start`` and ``resume``.

    An exception in ``on_event`` ends the run as "failed" with a checkpoint of the step it came after, and is raised
    by ``wait``: a callback that is broken is not a run that went well, and the model is as good as before it.
    """

    def __init__(
        self,
        driver: Driver,
        settings: RunSettings,
        *,
        seed: int = 0,
        directory: Path | None = None,
        on_event: Callable[[Event], None] | None = None,
        spec: RunSpec | None = None,
    ) -> None:
        """Make a run that has not begun.

        Args:
            driver: What takes the steps.
            settings: How often and how many checkpoints.
            seed: From which the random numbers of every step follow.
            directory: Folder of checkpoints and record; without one nothing touches the disk.
            on_event: Called with every event, in the worker thread, between steps.
            spec: Stored in the folder.
        """
        self.driver, self.settings, self.seed, self.directory, self.spec = driver, settings, seed, directory, spec
        self.status = "new"
        """"new", "running", "paused", "done", "stopped" or "failed" """
        self.warnings: list[str] = []
        self.error: BaseException | None = None
        self.on_event = on_event
        self.boundary, self.pace = Boundary(), Pace()
        self.reports = Reports(directory, self.warn)
        self.saver = Saver(directory, settings.keep_checkpoints, self.warn) if directory is not None else None
        self.folder = Folder(directory) if directory is not None else None
        self.news = threading.Condition()
        self.doubts: list[str] = []
        """why resuming is not exact, known from its past"""
        self.about = circumstances(driver.model, settings, seed)
        """what the bits of its numbers depend on"""
        self._worker: Worker | None = None

    # What a run shows

    @property
    def model(self) -> nn.Module:
        """The live model itself."""
        return self.driver.model

    @property
    def ema(self) -> nn.Module:
        """A copy of the model with the exponential moving average of its weights.

        Raises:
            ModelError: The run keeps none.
        """
        average = getattr(self.driver, "average", None)
        if average is None:
            raise ModelError("This run keeps no moving average of the weights: fit with Settings(ema=0.999).")
        with live.look():
            return average.module()

    @property
    def running(self) -> bool:
        """Whether the worker is alive (also while it is paused)."""
        return self._worker is not None and not self._worker.ended.is_set()

    @property
    def history(self) -> History:
        """Everything reported so far."""
        self.reports.flush()
        return self.reports.history

    @property
    def events(self) -> Iterator[Event]:
        """All events from the first, following the run until it ends."""
        cursor: list[int] = []
        while True:
            ended = not self.running
            yield from self.history.since(cursor)
            if ended:
                return
            with self.news:
                self.news.wait(GLANCE)

    @property
    def exact(self) -> Exact:
        """Whether resuming from the newest checkpoint gives the uninterrupted run bit by bit; if not, why."""
        doubts = [*self.doubts, *([self.driver.inexact] if self.driver.inexact else [])]
        if not self.running and 0 < self.driver.step < self.driver.total and not self.driver.resumable():
            doubts.append(f"the run ended at step {self.driver.step}, which is no exact boundary of its driver")
        return Exact(tuple(dict.fromkeys(doubts)), getattr(self.driver, "promise", ""))

    @property
    def progress(self) -> Progress:
        """How far the run is."""
        step, total, rate = self.driver.step, self.driver.total, self.pace.rate
        eta = (total - step) / rate if rate else None
        return Progress(step, total, rate, eta, memory(), self.reports.loss)

    @property
    def saved(self) -> Path | None:
        """The newest checkpoint on disk."""
        return self.saver.last if self.saver is not None else None

    @property
    def cited(self) -> tuple[object, ...]:
        """What was used: the plan and its settings, where they are known, and the model."""
        plan = (self.spec.plan,) if self.spec is not None else ()
        return (*plan, self.settings, self.model)

    def plot(self) -> "go.Figure":
        """All curves as a plotly figure.

        Raises:
            MissingExtraError: plotly is not installed (extra ``plots``).
        """
        from workbench.train.plot import curves

        return curves(self.history)

    def __repr__(self) -> str:
        where = f" in {self.directory}" if self.directory is not None else ""
        return f"<Run {self.status}, step {self.driver.step} of {self.driver.total}{where}>"

    # What a person does

    def start(self) -> Self:
        """Begin or go on, in a worker thread.

        The thread has its own autocast and gradient modes, whatever the caller's are, and the caller's default
        device.

        Raises:
            CheckpointError: Another process is at the run in this folder, or the folder cannot be written.
        """
        if self.running:
            return self
        if self.folder is not None:
            self.folder.enter()
            # A plan may hold what is no JSON, a function typed in a cell for instance: the run is none the worse.
            self.folder.begin(self.spec.model_dump(mode="json", fallback=repr) if self.spec is not None else None)
        self.status, self.error = "running", None
        self.boundary.clear()
        self._worker = Worker(self)
        self._worker.start()
        known.add(self)
        return self

    def stop(self) -> None:
        """End after the step that is running, with a checkpoint."""
        self.boundary.stop()

    def pause(self) -> None:
        """Wait after the step that is running."""
        self.boundary.pause()

    def resume(self) -> Self:
        """Go on after pause, stop or an interrupt."""
        self.boundary.go_on()
        return self if self.running else self.start()

    def wait(self, show: Callable[[Progress], None] | None = None) -> Self:
        """Until the end. The first interrupt is a clean stop after the running step; a second one is raised.

        Args:
            show: Called with a snapshot at most ten times a second; ``progress.Line()`` writes a line of text.

        Raises:
            WorkbenchError: The run failed; whatever its driver raised comes out here.
        """
        if self._worker is not None and self._worker.telling:
            raise ModelError("wait() was called from on_event, in the thread it would wait for: call it elsewhere.")
        try:
            self._await(show)
        except KeyboardInterrupt:
            self.stop()
            sys.stderr.write("\nInterrupted: stopping after this step. Interrupt again to leave at once.\n")
            self._await(show)
            sys.stderr.write(f"Stopped at step {self.driver.step} of {self.driver.total}; run.resume() goes on.\n")
        if self.error is not None:
            raise self.error
        return self

    def at_boundary(self, function: Callable[[], Any]) -> "Future[Any]":
        """Run a function between two steps, in the worker thread; at once when the run is not going.

        It holds the step lock, and the random generator is afterwards as before.

        Returns:
            A future with what the function returns or raises.
        """
        return self._wish(function, exact=False)

    def save(self) -> Path:
        """Write a checkpoint at the next exact boundary (at once when paused or ended) and wait for it.

        Raises:
            CheckpointError: The run has no directory, or the disk cannot be written.
        """
        saver = self.saver
        if saver is None:
            raise CheckpointError("This run has no directory to save to: start it with directory=.")
        self._wish(self.checkpoint, exact=True).result()
        saver.join()
        if saver.error is not None:
            raise saver.error
        assert saver.last is not None  # noqa: S101 - written just now
        return saver.last

    # What only the files beside this one call

    def checkpoint(self) -> None:
        """Copy the state and begin to write it; only between two steps."""
        if self.saver is None:
            return
        self.reports.flush()
        self.reports.check()
        about = {**self.about, "doubts": self.doubts, "boundary": self.driver.resumable()}
        journal = self.reports.journal
        self.saver.save(self.driver, about, journal.sync if journal is not None else _nothing)

    def warn(self, sentence: str) -> None:
        """Add to ``warnings`` what is not there yet."""
        if sentence not in self.warnings:
            self.warnings.append(sentence)

    def _wish(self, function: Callable[[], Any], *, exact: bool) -> "Future[Any]":
        future = self.boundary.wish(function, exact=exact)
        if not self.running or (self._worker is not None and self._worker.telling):
            self.boundary.grant(exact=True)
        return future

    def _await(self, show: Callable[[Progress], None] | None) -> None:
        if self._worker is None:
            return
        while not self._worker.ended.wait(GLANCE):  # in slices: not every interrupt ends a long wait
            if show is not None:
                show(self.progress)
        if show is not None:
            show(self.progress)


def _nothing() -> None:
    """Nothing to put on disk before a checkpoint."""


known: WeakSet[Run] = WeakSet()
"""runs of this process that were started and still exist, so that one that no variable holds yet can be stopped"""

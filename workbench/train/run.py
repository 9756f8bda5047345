"""Run: a driver in a worker thread, as a stream of events. Stop, pause, checkpoints and seeding act between steps."""

import math
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from workbench.core import device as devices
from workbench.core import live
from workbench.core.errors import CheckpointError, ModelError, NotFiniteError
from workbench.train import checkpoint
from workbench.train.contract import Driver, Event
from workbench.train.exact import Exact, circumstances, differences
from workbench.train.history import History
from workbench.train.packing import pack
from workbench.train.progress import Pace, Progress, memory
from workbench.train.record import NAME, Record
from workbench.train.settings import RunSettings
from workbench.train.spec import RunSpec

if TYPE_CHECKING:
    import plotly.graph_objects as go

_GLANCE = 0.1
"""seconds between flushes of history and record, and between looks at the clock of checkpoints"""


class Run:
    """Training of one live model.

    Made by ``start`` and ``resume``. ``status`` is "new", "running", "paused", "done", "stopped" or "failed".
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
        self.status, self.warnings = "new", []
        self.error: BaseException | None = None
        self.saved: Path | None = None
        self._on_event, self._history, self._pace = on_event, History(), Pace()
        self._record = Record(directory) if directory is not None else None
        self._pending: deque[Event] = deque()
        self._flushing, self._news = threading.Lock(), threading.Condition()
        self._wishes: deque[tuple[Callable[[], Any], Future[Any]]] = deque()
        self._attention, self._stopping, self._pausing = threading.Event(), False, False
        self._done, self._thread = threading.Event(), None
        self._writing: threading.Thread | None = None
        self._doubts: list[str] = []
        self._bad: Event | None = None
        self._loss: float | None = None
        self._about = circumstances(settings, str(devices.of(driver.model)))

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
        return self._thread is not None and not self._done.is_set()

    @property
    def history(self) -> History:
        """Everything reported so far."""
        self._flush()
        return self._history

    @property
    def events(self) -> Iterator[Event]:
        """All events from the first, following the run until it ends."""
        cursor: list[int] = []
        while True:
            ended = not self.running
            yield from self.history.since(cursor)
            if ended:
                return
            with self._news:
                self._news.wait(_GLANCE)

    @property
    def exact(self) -> Exact:
        """Whether resuming gives the uninterrupted run bit by bit; false with the reasons where not."""
        return Exact((*((self.driver.inexact,) if self.driver.inexact else ()), *self._doubts))

    @property
    def progress(self) -> Progress:
        """How far the run is."""
        step, total, rate = self.driver.step, self.driver.total, self._pace.rate
        eta = (total - step) / rate if rate else None
        return Progress(step, total, rate, eta, memory(), self._loss)

    def plot(self) -> "go.Figure":
        """All curves as a plotly figure (extra ``plots``)."""
        from workbench.train.plot import curves

        return curves(self.history)

    def __repr__(self) -> str:
        return f"<Run {self.status}, step {self.driver.step} of {self.driver.total}>"

    # What a person does

    def start(self) -> "Run":
        """Begin or go on, in a worker thread."""
        if self.running:
            return self
        self.status, self.error = "running", None
        self._stopping = self._pausing = False
        self._done.clear()
        default = torch.get_default_device()
        around = nullcontext() if default.type == "cpu" else default
        self._thread = threading.Thread(target=self._work, args=(around,), name="workbench-run", daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """End after the step that is running, with a checkpoint."""
        self._stopping = True
        self._attention.set()

    def pause(self) -> None:
        """Wait after the step that is running."""
        self._pausing = True
        self._attention.set()

    def resume(self) -> "Run":
        """Go on after pause, stop or an interrupt."""
        self._pausing = False
        self._attention.set()
        return self if self.running else self.start()

    def wait(self, show: Callable[[Progress], None] | None = None) -> "Run":
        """Until the end. The first interrupt is a clean stop after the running step; a second one is raised.

        Args:
            show: Called with a snapshot at most ten times a second.

        Raises:
            WorkbenchError: The run failed; whatever its driver raised comes out here.
        """
        try:
            self._await(show)
        except KeyboardInterrupt:
            self.stop()
            sys.stderr.write("Interrupted: stopping after this step. Interrupt again to leave at once.\n")
            self._await(show)
        if self.error is not None:
            raise self.error
        return self

    def _await(self, show: Callable[[Progress], None] | None) -> None:
        while not self._done.wait(_GLANCE if show is not None else 3600.0):
            if show is not None:
                show(self.progress)
        if show is not None:
            show(self.progress)

    def at_boundary(self, function: Callable[[], Any]) -> "Future[Any]":
        """Run a function between two steps, in the worker thread; at once when the run is not going.

        It holds the step lock, and the random generator is afterwards as before.

        Returns:
            A future with what the function returns or raises.
        """
        wish: Future[Any] = Future()
        self._wishes.append((function, wish))
        self._attention.set()
        if not self.running:
            self._grant()
        return wish

    def save(self) -> Path:
        """Write a checkpoint between two steps and wait for it.

        Raises:
            CheckpointError: The run has no directory, or the disk cannot be written.
        """
        if self.directory is None:
            raise CheckpointError("This run has no directory to save to: start it with directory=.")
        self.at_boundary(self._checkpoint).result()
        self._join_writer()
        if isinstance(self._failed_write, CheckpointError):
            raise self._failed_write
        assert self.saved is not None  # noqa: S101 - the writer sets it or fails
        return self.saved

    def restore(self) -> None:
        """Bring driver, history and record to the newest sound checkpoint of the directory; called before ``start``.

        Raises:
            CheckpointError: There is no run in the directory, or no sound checkpoint, or it is of another model.
        """
        assert self.directory is not None and self._record is not None  # noqa: S101, PT018 - resume gives both
        if not checkpoint.paths(self.directory):
            if not (self.directory / NAME).exists() and not (self.directory / "run.json").exists():
                raise CheckpointError(f"There is no run in {self.directory}.")
            self.warnings.append("The run ended before its first checkpoint: it begins anew.")
            self._record.truncate(0)
            return
        found = checkpoint.newest(self.directory)
        self.driver.restore(found.state)
        self.saved = found.path
        self.warnings += [*found.refused, *([f"Going on from {found.path.name}."] if found.refused else [])]
        for path in checkpoint.paths(self.directory):
            if path.name > found.path.name:
                path.unlink()
        self._doubts += [*found.about.get("doubts", ()), *differences(found.about, self._about)]
        self.warnings += differences(found.about, self._about)
        for event in self._record.truncate(found.step):
            self._history.append(event)

    # What the worker does

    def _work(self, around: Any) -> None:
        try:
            with around, torch.enable_grad():
                status = self._steps()
                self._final()
                self.status = status
        except BaseException as error:  # noqa: BLE001 - handed to whoever waits
            self.status, self.error = "failed", self._explained(error)
        finally:
            self._join_writer()
            self._flush()
            self._done.set()
            self._grant()
            with self._news:
                self._news.notify_all()

    def _steps(self) -> str:
        driver, advance, lock, pending = self.driver, self.driver.advance, live.Step(self.seed), self._pending
        enter, leave, attention, clock = lock.enter, lock.leave, self._attention, time.monotonic
        told = self._on_event
        self._write_spec()
        glance, due = 0.0, clock() + self.settings.checkpoint_seconds
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
            if told is not None:
                for event in events:
                    told(event)
            if (now := clock()) >= glance:
                glance = now + _GLANCE
                self._glance(now)
                if now >= due and self.directory is not None and driver.resumable() and self._checkpoint():
                    due = clock() + self.settings.checkpoint_seconds

    def _glance(self, now: float) -> None:
        self._flush()
        if self._bad is not None:
            bad = self._bad
            raise NotFiniteError(f"The loss of phase {bad.phase!r} is {bad.metrics['loss']} at step {bad.step}.")
        self._pace.mark(now, self.driver.step)
        with self._news:
            self._news.notify_all()

    def _attend(self) -> bool:
        """Do what was wished between two steps; whether to end."""
        while True:
            self._attention.clear()
            self._grant()
            if self._stopping:
                return True
            if not self._pausing:
                self.status = "running"
                return False
            self.status = "paused"
            self._flush()
            self._attention.wait()

    def _grant(self) -> None:
        while self._wishes:
            try:
                function, wish = self._wishes.popleft()
            except IndexError:
                return
            try:
                with live.look():
                    wish.set_result(function())
            except BaseException as error:  # noqa: BLE001 - handed to whoever wished
                wish.set_exception(error)

    def _flush(self) -> None:
        """Move what was reported into history and record."""
        with self._flushing:
            while self._pending:
                event = self._pending.popleft()
                self._history.append(event)
                if self._record is not None:
                    self._record.add(event)
                loss = event.raw.get("loss")
                if loss is not None and event.phase != "validation":
                    self._loss = float(loss)
                    if self._bad is None and not math.isfinite(self._loss):
                        self._bad = event
            if self._record is not None:
                try:
                    self._record.flush()
                except OSError as error:
                    self._warn(f"The record could not be written: {error.strerror or error}; it is kept in memory.")

    def _checkpoint(self) -> bool:
        """Hand a copy of the state to a writer thread; false while the last one is still being written."""
        if self.directory is None or (self._writing is not None and self._writing.is_alive()):
            return False
        self._glance(time.monotonic())
        with live.look():
            packed = pack(self.driver.state())
        about = {**self._about, "doubts": self._doubts}
        step = self.driver.step
        self._writing = threading.Thread(target=self._write, args=(step, packed, about), name="workbench-writer")
        self._writing.start()
        return True

    _failed_write: BaseException | None = None

    def _write(self, step: int, packed: Any, about: dict[str, Any]) -> None:
        assert self.directory is not None and self._record is not None  # noqa: S101, PT018 - checked by the caller
        try:
            self._record.sync()
            self.saved = checkpoint.write(self.directory, step, packed, about, self.settings.keep_checkpoints)
            self._failed_write = None
        except (CheckpointError, OSError) as error:
            self._failed_write = error
            self._warn(f"{error} Training goes on, and the next checkpoint will be tried.")

    def _final(self) -> None:
        """The checkpoint at the end, written before the run counts as ended."""
        if self.directory is None:
            return
        self._join_writer()
        if not self.driver.resumable() and self.driver.step < self.driver.total:
            self._doubts.append(f"it was stopped at step {self.driver.step}, which is no exact boundary")
        self._checkpoint()
        self._join_writer()
        if self._failed_write is not None:
            raise self._failed_write

    def _join_writer(self) -> None:
        if self._writing is not None and self._writing is not threading.current_thread():
            self._writing.join()

    def _write_spec(self) -> None:
        if self.directory is not None and self.spec is not None:
            self.directory.mkdir(parents=True, exist_ok=True)
            (self.directory / "run.json").write_text(self.spec.model_dump_json(indent=1))

    def _warn(self, sentence: str) -> None:
        if sentence not in self.warnings:
            self.warnings.append(sentence)

    def _explained(self, error: BaseException) -> BaseException:
        if not isinstance(error, NotFiniteError):
            return error
        where = f"The last good checkpoint is {self.saved}." if self.saved else "There is no checkpoint."
        return NotFiniteError(f"{error} {where}")

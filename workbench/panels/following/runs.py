"""Shown runs: one that is live in this process, held weakly, or one that is in a folder, perhaps of another process."""

import time
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from workbench.core.errors import CheckpointError
from workbench.panels.following.curves import Column, columns
from workbench.panels.page.base import failure
from workbench.panels.page.frame import Doubt
from workbench.train import folder, journal
from workbench.train.history import History
from workbench.train.run import Run

_ENDED = ("done", "stopped", "failed", "interrupted")


class ShownRun(ABC):
    """A run as a chart sees it."""

    name: str
    buttons: bool
    """whether it can be paused and stopped from here"""

    @property
    @abstractmethod
    def going(self) -> bool:
        """Whether more may be reported."""

    @abstractmethod
    def columns(self) -> list[Column] | None:
        """Everything reported so far; None where nothing can be read any more."""

    @abstractmethod
    def state(self) -> dict[str, Any] | None:
        """How it stands, as JSON; None where nothing can be read any more."""

    def do(self, act: str) -> bool:  # noqa: ARG002 - for those that can be acted on
        """Stop, pause or resume; whether that was possible."""
        return False


class LiveRun(ShownRun):
    """A run of this process. It is held weakly: a view that stays on a page keeps no model alive."""

    def __init__(self, run: Run, name: str = "") -> None:
        """Look at a run.

        Args:
            run: It has begun, or has ended.
            name: What it is called; its folder's name or its model's class when not given.
        """
        self._run = weakref.ref(run)
        self.name = name or (run.directory.name if run.directory is not None else type(run.model).__name__)
        self.buttons = True
        self._started = time.monotonic() if run.running else None

    @property
    def going(self) -> bool:
        """Whether its worker is alive."""
        run = self._run()
        return run is not None and run.running

    def columns(self) -> list[Column] | None:
        """What its history holds."""
        run = self._run()
        return None if run is None else columns(run.history)

    def do(self, act: str) -> bool:
        """At once: neither the step lock nor another panel's work may delay a stop."""
        run = self._run()
        acts: Mapping[str, Callable[[], object]] = (
            {} if run is None else {"stop": run.stop, "pause": run.pause, "resume": run.resume}
        )
        if act not in acts:
            return False
        acts[act]()
        return True

    def state(self) -> dict[str, Any] | None:
        """Step, rate, time left, memory and doubts."""
        run = self._run()
        if run is None:
            return None
        progress, exact = run.progress, run.exact
        doubts = [
            Doubt("good" if exact else "warn", _sentence(f"{'' if exact else 'Resume is not exact: '}{exact}")),
            *(Doubt("warn", warning) for warning in run.warnings),
        ]
        if run.error is not None:
            doubts.insert(0, Doubt("bad", failure(run.error)["error"]))
        return {
            "name": self.name,
            "status": run.status,
            "step": progress.step,
            "total": progress.total,
            "rate": progress.rate,
            "left": progress.eta,
            "seconds": None if self._started is None else time.monotonic() - self._started,
            "memory": progress.memory,
            "memory_of": "held by the process",
            "buttons": True,
            "doubts": [{"level": doubt.level, "text": doubt.text} for doubt in doubts],
            "note": str(run.directory) if run.status in _ENDED and run.directory is not None else "",
        }


class KeptRun(ShownRun):
    """What a run of this process reported, kept without the run and its model."""

    def __init__(self, run: Run, name: str) -> None:
        """Keep the history and how it stands.

        Args:
            run: It has ended.
            name: What it is called.
        """
        self.name, self.buttons = name, False
        self._history = run.history
        self._state = {**(LiveRun(run, name).state() or {}), "buttons": False, "doubts": []}

    @property
    def going(self) -> bool:
        """It has ended."""
        return False

    def columns(self) -> list[Column] | None:
        """What its history holds."""
        return columns(self._history)

    def state(self) -> dict[str, Any] | None:
        """As it stood when it was kept."""
        return {**self._state, "name": self.name}


class RecordedRun(ShownRun):
    """A run in a folder, read again while its record grows."""

    def __init__(self, path: Path, name: str) -> None:
        """Look at a folder.

        Args:
            path: The run's folder.
            name: What it is called.

        Raises:
            CheckpointError: There is no run in the folder, or the files were changed.
        """
        self.path, self.name, self.buttons = path, name, False
        self._size = -1
        self._history = History()
        self._steps = 0
        self._read()

    @property
    def going(self) -> bool:
        """Whether a live process is at it."""
        try:
            return folder.read(self.path)["status"] == "running" and folder.busy(self.path)
        except CheckpointError:  # the folder is gone
            return False

    def columns(self) -> list[Column] | None:
        """What the record holds; as it was last read where it can no longer be."""
        try:
            self._read()
        except CheckpointError:
            return None
        return columns(self._history)

    def state(self) -> dict[str, Any] | None:
        """How the folder says that it stands."""
        try:
            content, going = folder.read(self.path), self.going
        except CheckpointError:
            return None
        status = content["status"] if content["status"] != "running" or going else "interrupted"
        seconds = float(content.get("seconds", 0.0)) if not going else None
        total = ((content.get("spec") or {}).get("steps")) or 0
        return {
            "name": self.name,
            "status": status,
            "step": self._steps,
            "total": total,
            "rate": 0.0,
            "left": None,
            "seconds": seconds,
            "memory": 0,
            "memory_of": "",
            "buttons": False,
            "doubts": [],
            "note": str(self.path),
        }

    def _read(self) -> None:
        folder.read(self.path)
        try:
            size = (self.path / journal.NAME).stat().st_size
        except OSError:  # nothing reported yet, or the folder is being removed
            return
        if size == self._size:
            return
        history, steps = History(), 0
        for event in journal.events(self.path):
            history.append(event)
            steps = max(steps, event.step)
        self._history, self._steps, self._size = history, steps, size


def named_apart(runs: Sequence[ShownRun]) -> None:
    """Give runs of one name different names."""
    seen: dict[str, int] = {}
    for run in runs:
        name = run.name
        seen[name] = seen.get(name, 0) + 1
        if seen[name] > 1:
            run.name = f"{name} ({seen[name]})"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]

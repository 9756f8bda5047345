"""What a run reports on its way from the step to history and record, moved in batches so that a step pays little."""

import math
import threading
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from workbench.core.errors import NotFiniteError
from workbench.train import journal
from workbench.train.contract import Event
from workbench.train.history import History
from workbench.train.journal import Journal


class Reports:
    """A queue of events; ``flush`` moves them on, from whichever thread wants to read."""

    def __init__(self, directory: Path | None, warn: Callable[[str], None]) -> None:
        """Begin empty.

        Args:
            directory: The run's folder; None keeps the history in memory only.
            warn: Told in a sentence when the record cannot be written.
        """
        self.pending: deque[Event] = deque()
        self.history = History()
        self.loss: float | None = None
        """last loss outside validation"""
        self.journal = Journal(directory) if directory is not None else None
        self._warn, self._lock = warn, threading.Lock()
        self._bad: Event | None = None

    def flush(self) -> None:
        """Move what is queued into history and record."""
        with self._lock:
            moment = journal.now()
            while self.pending:
                event = self.pending.popleft()
                self.history.append(event)
                if self.journal is not None:
                    self.journal.add(event, moment)
                loss = event.raw.get("loss")
                if loss is not None and event.phase != "validation":
                    self.loss = float(loss)
                    if self._bad is None and not math.isfinite(self.loss):
                        self._bad = event
            if self.journal is not None:
                try:
                    self.journal.flush()
                except OSError as error:
                    self._warn(f"The record cannot be written ({error.strerror or error}); it is kept in memory.")

    def check(self) -> None:
        """Refuse a loss that is not finite: on a GPU losses are read here, in batches, and not in the step.

        Raises:
            NotFiniteError: A loss that was flushed is infinite or not a number.
        """
        if self._bad is not None:
            bad, self._bad = self._bad, None
            raise NotFiniteError(
                f"The loss of phase {bad.phase!r} is {float(bad.raw['loss'])} at step {bad.step}; "
                "the model holds weights from after it."
            )

    def restore(self, step: int) -> int:
        """Read the record up to a step, and forget what lies after it.

        Returns:
            The last step in what stays.
        """
        if self.journal is None:
            return 0
        kept: Sequence[Event] = self.journal.truncate(step)
        for event in kept:
            self.history.append(event)
        return kept[-1].step if kept else 0

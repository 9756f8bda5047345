"""Saver: copies a driver's state between two steps, and writes it from a thread of its own."""

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from workbench.core import live
from workbench.core.errors import CheckpointError
from workbench.train import checkpoint
from workbench.train.contract import Driver
from workbench.train.packing import pack


class Saver:
    """The checkpoints of one run. At most one is being written at a time."""

    def __init__(self, directory: Path, keep: int, warn: Callable[[str], None]) -> None:
        """Begin without a checkpoint.

        Args:
            directory: The run's folder.
            keep: How many checkpoints stay.
            warn: Told in a sentence when a checkpoint cannot be written.
        """
        self.last: Path | None = None
        """newest checkpoint on disk"""
        self.error: CheckpointError | None = None
        """why the newest try failed; None when it did not"""
        self._directory, self._keep, self._warn = directory, keep, warn
        self._thread: threading.Thread | None = None

    @property
    def busy(self) -> bool:
        """Whether a checkpoint is being written."""
        return self._thread is not None and self._thread.is_alive()

    def save(self, driver: Driver, about: Mapping[str, Any], before: Callable[[], None]) -> None:
        """Copy the state and begin to write; waits for the one that is being written.

        Args:
            driver: Between two steps.
            about: JSON values to store beside the state.
            before: Called in the writing thread first; puts the record on disk.

        Raises:
            CheckpointError: The driver's state is neither tensors nor JSON.
        """
        self.join()
        with live.look():  # a panel may be trying other weights at this moment
            packed = pack(driver.state())
        arguments = (driver.step, packed, dict(about), before)
        self._thread = threading.Thread(target=self._write, args=arguments, name="workbench-writer")
        self._thread.start()

    def join(self) -> None:
        """Wait for the checkpoint that is being written."""
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _write(self, step: int, packed: Any, about: dict[str, Any], before: Callable[[], None]) -> None:
        try:
            before()
            self.last, self.error = checkpoint.write(self._directory, step, packed, about, self._keep), None
        except CheckpointError as error:
            self.error = error
        except OSError as error:
            self.error = CheckpointError(f"The record of {self._directory} could not be written: {error}.")
        if self.error is not None:
            self._warn(f"{self.error} The run goes on and tries again.")

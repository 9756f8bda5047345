"""A run's folder: what the run is and how it stands (``run.json``), and the lock that keeps a second process out."""

import json
import os
import time
from pathlib import Path
from typing import Any

from workbench.core.errors import CheckpointError

NAME = "run.json"
_LOCK = ".lock"


def read(directory: Path) -> dict[str, Any]:
    """What ``run.json`` says: "spec", "status", "started" and "seconds".

    Raises:
        CheckpointError: There is no run in the folder, or the file was changed.
    """
    path = directory / NAME
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise CheckpointError(f"There is no run in {directory}.") from None
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} cannot be read: {error}.") from None
    if not isinstance(content, dict) or "status" not in content:
        raise CheckpointError(f"{path} does not describe a run.")
    return content


class Folder:
    """The folder of a run that is going on."""

    def __init__(self, path: Path) -> None:
        """Name the folder; nothing is written yet.

        Args:
            path: Where it is or will be.
        """
        self.path = path
        self._lock: int | None = None
        self._spec: Any = None
        self._started, self._before, self._begun = time.time(), 0.0, time.monotonic()

    def enter(self) -> None:
        """Keep other processes out until ``leave``.

        Raises:
            CheckpointError: Another process is at this run, or the folder cannot be written.
        """
        if self._lock is not None:
            return
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock = _locked(self.path / _LOCK)
        except BlockingIOError:
            raise CheckpointError(f"Another run is going on in {self.path}: stop it, or give another folder.") from None
        except OSError as error:
            raise CheckpointError(f"{self.path} cannot be written: {error.strerror or error}.") from None

    def begin(self, spec: Any) -> None:
        """Say that the run is going.

        Args:
            spec: JSON of what the run is; None to keep what the folder says.

        Raises:
            CheckpointError: The folder cannot be written.
        """
        self._begun = time.monotonic()
        if (self.path / NAME).exists() and self._spec is None and spec is None:
            known = read(self.path)
            self._spec, self._started, self._before = known["spec"], known["started"], known["seconds"]
        self._spec = self._spec if spec is None else spec
        try:
            self.say("running")
        except OSError as error:
            self.leave()
            raise CheckpointError(f"{self.path} cannot be written: {error.strerror or error}.") from None

    def say(self, status: str) -> None:
        """Write how the run stands.

        Raises:
            OSError: The disk is full or cannot be written; the file is as it was.
        """
        seconds = self._before + time.monotonic() - self._begun
        content = {"status": status, "started": self._started, "seconds": round(seconds, 3), "spec": self._spec}
        temporary = self.path / f".{NAME}"
        temporary.write_text(json.dumps(content, indent=1))
        temporary.replace(self.path / NAME)
        if status != "running":
            self._before, self._begun = seconds, time.monotonic()

    def leave(self) -> None:
        """Let others in."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def busy(directory: Path) -> bool:
    """Whether a live process is at the run in this folder."""
    try:
        os.close(_locked(directory / _LOCK))
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _locked(path: Path) -> int:
    """An open file that only one holder can have; the system lets go of it when the process dies."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except ImportError:  # a system without advisory locks: two processes at one run are not told apart
        pass
    except OSError:
        os.close(handle)
        raise
    return handle

"""The record of a run on disk: one JSON line for every event, each step once however often the run was resumed."""

import json
import math
import os
import time
from collections.abc import Iterator
from pathlib import Path

from workbench.core.errors import CheckpointError
from workbench.train.contract import Event

NAME = "events.jsonl"


class Journal:
    """Appends events to a run's ``events.jsonl``; one thread at a time."""

    def __init__(self, directory: Path) -> None:
        """Name the file; nothing is written yet.

        Args:
            directory: The run's folder.
        """
        self.path = directory / NAME
        self._lines: list[str] = []
        self._heads: dict[tuple[str, str], str] = {}
        self._names: dict[str, str] = {}

    def add(self, event: Event, now: float) -> None:
        """Take note of an event; it reaches the disk with the next ``flush``.

        Written out by hand, because ``json.dumps`` costs more than the rest of a small model's bookkeeping.
        """
        names, figures = self._names, list[str]()
        for name, value in event.raw.items():
            if name not in names:
                names[name] = json.dumps(name)
            number = float(value)
            figures.append(f"{names[name]}:{number!r}" if math.isfinite(number) else f'{names[name]}:"{number!r}"')
        key = (event.phase, event.scope)
        if key not in self._heads:
            scope = f',"scope":{json.dumps(event.scope)}' if event.scope else ""
            self._heads[key] = f'"phase":{json.dumps(event.phase)}{scope}'
        self._lines.append(
            f'{{"step":{event.step},{self._heads[key]},"time":{now:.3f},"metrics":{{{",".join(figures)}}}}}\n'
        )

    def flush(self) -> None:
        """Write what was noted; lines that could not be written are kept for the next time.

        Raises:
            OSError: The disk is full or cannot be written; the file is as it was.
        """
        if not self._lines:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab", buffering=0) as file:
            at = file.seek(0, os.SEEK_END)
            text = memoryview("".join(self._lines).encode())
            try:
                while text:
                    text = text[file.write(text) :]
            except OSError:
                file.truncate(at)
                raise
        self._lines.clear()

    def sync(self) -> None:
        """Wait until the disk has what was written."""
        if self.path.exists():
            with self.path.open("rb") as file:
                os.fsync(file.fileno())

    def truncate(self, step: int) -> list[Event]:
        """Forget every event after a step, and a last line that is torn.

        Returns:
            The events that stay.
        """
        self._lines.clear()
        if not self.path.exists():
            return []
        kept = [(line, event) for line, event in _lines(self.path) if event.step <= step]
        temporary = self.path.with_suffix(".writing")
        with temporary.open("wb") as file:
            file.writelines(line for line, _ in kept)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self.path)
        return [event for _, event in kept]


def events(directory: Path) -> Iterator[Event]:
    """The events in the record of a run's folder; a torn last line is left out."""
    path = directory / NAME
    if path.exists():
        for _, event in _lines(path):
            yield event


def now() -> float:
    """Seconds since 1970, as they stand in the record."""
    return time.time()


def _lines(path: Path) -> Iterator[tuple[bytes, Event]]:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):
                return
            try:
                row = json.loads(line)
                figures = {str(name): float(value) for name, value in row["metrics"].items()}
                event = Event(int(row["step"]), str(row["phase"]), figures, str(row.get("scope", "")))
            except (ValueError, KeyError, TypeError, AttributeError):
                raise CheckpointError(f"Line {number} of {path} is no event: the record was changed.") from None
            yield line, event

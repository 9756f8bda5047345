"""The record of a run on disk: one JSON line for every event, each step once however often the run was resumed."""

import json
import math
import os
import time
from collections.abc import Iterator
from pathlib import Path

from workbench.train.contract import Event

NAME = "events.jsonl"


class Record:
    """Appends events to a run's ``events.jsonl``."""

    def __init__(self, directory: Path) -> None:
        """Name the file; nothing is written yet.

        Args:
            directory: The run's folder.
        """
        self.path = directory / NAME
        self._lines: list[str] = []

    def add(self, event: Event) -> None:
        """Take note of an event; it reaches the disk with the next ``flush``."""
        figures = {name: _json(float(value)) for name, value in event.raw.items()}
        line: dict[str, object] = {"step": event.step, "phase": event.phase}
        if event.scope:
            line["scope"] = event.scope
        line["time"] = round(time.time(), 3)
        line["metrics"] = figures
        self._lines.append(json.dumps(line, separators=(",", ":")))

    def flush(self) -> None:
        """Write what was noted; lines that could not be written are kept for the next time.

        Raises:
            OSError: The disk is full or cannot be written.
        """
        if not self._lines:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        count = len(self._lines)
        text = "\n".join(self._lines[:count]) + "\n"
        with self.path.open("ab") as file:
            at = file.tell()
            try:
                file.write(text.encode())
                file.flush()
            except OSError:
                os.truncate(self.path, at)
                raise
        del self._lines[:count]

    def sync(self) -> None:
        """Wait until the disk has what was written."""
        if self.path.exists():
            with self.path.open("rb") as file:
                os.fsync(file.fileno())

    def truncate(self, step: int) -> list[Event]:
        """Forget every event after a step and a last line that is torn.

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


def _lines(path: Path) -> Iterator[tuple[bytes, Event]]:
    with path.open("rb") as file:
        for line in file:
            if not line.endswith(b"\n"):
                return
            row = json.loads(line)
            figures = {k: float("nan") if v is None else float(v) for k, v in row["metrics"].items()}
            yield line, Event(row["step"], row["phase"], figures, row.get("scope", ""))


def _json(value: float) -> float | str | None:
    """JSON knows no infinity and no NaN."""
    return value if math.isfinite(value) else None if math.isnan(value) else str(value)

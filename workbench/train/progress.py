"""How far a run is: a small snapshot for live views, and one line of text where there is no front end."""

import os
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Progress:
    """A run at one moment."""

    step: int
    total: int
    rate: float
    """steps a second over the last few seconds; 0 before it is known"""
    eta: float | None
    """seconds until the end at this rate; None while unknown"""
    memory: int
    """bytes that the process holds; 0 where the system does not tell"""
    loss: float | None
    """last loss of the first phase that reports one"""


class Pace:
    """Steps a second over the last few seconds."""

    def __init__(self, seconds: float = 5.0) -> None:
        """Begin without a mark.

        Args:
            seconds: How far it looks back.
        """
        self._seconds = seconds
        self._marks: deque[tuple[float, int]] = deque()

    def mark(self, now: float, step: int) -> None:
        """Take note that a step was reached."""
        self._marks.append((now, step))
        while len(self._marks) > 2 and now - self._marks[1][0] > self._seconds:  # noqa: PLR2004 - two ends of a span
            self._marks.popleft()

    @property
    def rate(self) -> float:
        """Steps a second; 0 before two marks."""
        marks = tuple(self._marks)
        if len(marks) < 2 or marks[-1][0] <= marks[0][0]:  # noqa: PLR2004 - two ends of a span
            return 0.0
        return (marks[-1][1] - marks[0][1]) / (marks[-1][0] - marks[0][0])


def memory() -> int:
    """Bytes of memory that this process holds; 0 where the system does not tell."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError, ValueError):
        return 0


class Line:
    """One line of text that follows a run: pass it to ``Run.wait(show=Line())``."""

    def __init__(self) -> None:
        self._bar: Any = None

    def __call__(self, progress: Progress) -> None:
        """Show a snapshot."""
        if self._bar is None:
            from tqdm import tqdm

            self._bar = tqdm(total=progress.total, initial=progress.step, unit="step", leave=True, mininterval=0.1)
        self._bar.update(progress.step - self._bar.n)
        if progress.loss is not None:
            self._bar.set_postfix_str(f"loss {progress.loss:.4g}", refresh=False)

    def close(self) -> None:
        """Leave the line as it is."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

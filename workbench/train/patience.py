"""Early stopping: a run is over when its first validation figure has not fallen for a while."""

from collections.abc import Mapping
from typing import Any


class Patience:
    """Counts validations without a new minimum of the first figure."""

    def __init__(self, limit: int | None) -> None:
        """Begin without a best figure.

        Args:
            limit: How many in a row end the run; None for no such end.
        """
        self._limit = limit
        self._best: float | None = None
        self._since = 0

    @property
    def over(self) -> bool:
        """Whether the run should end."""
        return self._limit is not None and self._since >= self._limit

    def see(self, figures: Mapping[str, float]) -> None:
        """Take note of a validation."""
        if not figures:
            return
        value = next(iter(figures.values()))
        if self._best is None or value < self._best:
            self._best, self._since = value, 0
        else:
            self._since += 1

    def state(self) -> dict[str, Any]:
        """The best figure and how long ago it was."""
        return {"best": self._best, "since": self._since}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from such a state."""
        self._best, self._since = state["best"], state["since"]

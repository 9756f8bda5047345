"""Attempts: the attributions of one input, more and more precise, kept so that a later wish goes on with them."""

import time
from collections.abc import Iterator

from workbench.interpret import Attribution, Session

PATIENCE = 15.0
"""seconds that the next attempt may take before it must be asked for"""


class Attempts:
    """Of one session; begun anew when its input, target or weights change."""

    def __init__(self, session: Session) -> None:
        """Begin with none.

        Args:
            session: The input that is explained.
        """
        self.session = session
        self.found: Attribution | None = None
        self._of: object = None
        self._rest: Iterator[Attribution] = iter(())
        self._last = 0.0

    def results(self, patience: float = PATIENCE) -> Iterator[Attribution]:
        """What was found so far, and what more steps find; they go on where an earlier wish left them.

        Args:
            patience: Seconds that the next attempt may take before it must be asked for.
        """
        subject = self._subject()
        if subject != self._of:
            self._of, self.found, self._rest, self._last = subject, None, self.session.attributions(), 0.0
        if self.found is not None:
            yield self.found
            if self.found.converged:
                return
        start = time.perf_counter()
        for found in self._rest:
            now = time.perf_counter()
            self.found, self._last, start = found, now - start, now
            yield found
            if found.converged or self.next > patience:
                return

    @property
    def kept(self) -> Attribution | None:
        """What was found for what is explained now."""
        return self.found if self._of == self._subject() else None

    def _subject(self) -> object:
        target = self.session.target
        return self.session.snapshot(), target.sentence, target.labels

    @property
    def next(self) -> float:
        """Seconds that the next attempt will take: twice as many steps."""
        return 2 * self._last

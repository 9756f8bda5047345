"""Attempts: the attributions of one input, more and more precise, kept so that a later wish goes on with them."""

import time
from collections.abc import Callable, Hashable, Iterator

from workbench.interpret import Explanation, Session

PATIENCE = 15.0
"""seconds that the next attempt may take before it must be asked for"""
UNSOUND = 8
"""times as long may be waited where what was found must not be relied on; a person can stop it"""

Begin = Callable[[Session], Iterator[Explanation]]


class Attempts:
    """Of one session; begun anew when its input, target or weights change, or something else is asked."""

    def __init__(self, session: Session) -> None:
        """Begin with none.

        Args:
            session: The input that is explained.
        """
        self.session = session
        self.found: Explanation | None = None
        self.done = False
        """whether nothing better is to come"""
        self._of: object = None
        self._rest: Iterator[Explanation] = iter(())
        self._last, self._patience = 0.0, PATIENCE

    def results(self, begin: Begin, asked: Hashable, patience: float = PATIENCE) -> Iterator[Explanation]:
        """What was found so far, and what more work finds; it goes on where an earlier wish left it.

        Args:
            begin: Gives the results of the session.
            asked: What distinguishes them from others: method, reference, layer.
            patience: Seconds that the next attempt may take before it must be asked for; below 0 nothing is begun
                beyond a first result.
        """
        self._patience = patience
        subject = self._subject(asked)
        if subject != self._of:
            self._of, self.found, self.done, self._last = subject, None, False, 0.0
            self._rest = begin(self.session)
        if self.found is not None:
            yield self.found
            if self.done or patience < 0:
                return
        start = time.perf_counter()
        for found in self._rest:
            now = time.perf_counter()
            self.found, self._last, start = found, now - start, now
            yield found
            if self.waits:
                return
        self.done = True
        if self.found is not None:
            yield self.found

    def kept(self, asked: Hashable) -> Explanation | None:
        """What was found for what is explained now."""
        return self.found if self._of == self._subject(asked) else None

    def _subject(self, asked: Hashable) -> object:
        target = self.session.target
        return self.session.snapshot(), target.sentence, target.labels, asked

    @property
    def waits(self) -> bool:
        """Whether the next attempt must be asked for."""
        sound = self.found is None or self.found.converged
        return not self.done and self.next > self._patience * (1 if sound else UNSOUND)

    @property
    def next(self) -> float:
        """Seconds that the next attempt will take: twice as much work."""
        return 2 * self._last

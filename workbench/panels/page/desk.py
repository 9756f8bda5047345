"""The desk: one background thread that works for all panels. Of the wishes of one panel only the newest is kept."""

import threading
from collections.abc import Callable, Hashable

Job = Callable[[], None]


class Desk:
    """Runs jobs one at a time; a job that waits is replaced by a newer one of the same asker."""

    def __init__(self) -> None:
        self._waiting: dict[Hashable, Job] = {}
        self._news = threading.Condition()
        self._thread: threading.Thread | None = None
        self._busy = False

    def ask(self, asker: Hashable, job: Job) -> None:
        """Have a job done soon, in place of what the same asker still waits for.

        Args:
            asker: Who asks.
            job: What to do; it must not raise.
        """
        with self._news:
            self._waiting.pop(asker, None)
            self._waiting[asker] = job
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._work, name="workbench-panels", daemon=True)
                self._thread.start()
            self._news.notify_all()

    def waits(self, asker: Hashable) -> bool:
        """Whether an asker has a job that waits, so that what it asked before has become less wanted."""
        return asker in self._waiting

    def settle(self, timeout: float = 30.0) -> bool:
        """Wait until nothing is left to do.

        Returns:
            Whether that came within the timeout, in seconds.
        """
        with self._news:
            return self._news.wait_for(lambda: not self._waiting and not self._busy, timeout)

    def _work(self) -> None:
        while True:
            with self._news:
                self._news.wait_for(lambda: self._waiting)
                asker = next(iter(self._waiting))
                job = self._waiting.pop(asker)
                self._busy = True
            try:
                job()
            finally:
                # The thread waits for long; it must not keep a closed panel and its model alive meanwhile.
                del job, asker
                with self._news:
                    self._busy = False
                    self._news.notify_all()


DESK = Desk()

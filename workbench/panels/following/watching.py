"""Watching: panels on show notice that the weights have changed, whoever changed them.

One thread looks at all panels that somebody can see, by the version counters of the parameters: no tensor is read, no
lock is taken. It looks the less often the longer a look takes, and ends when nobody can see a panel.
"""

import threading
import time
from typing import Protocol
from weakref import WeakSet

PERIOD = 0.5
"""seconds between two looks, at least"""
SHARE = 1e-3
"""of the time, at most, by its own measured cost"""


class Watched(Protocol):
    """What can notice a change."""

    def glance(self) -> None:
        """Compare the weights of now with those of what is on show."""
        ...


class Watcher:
    """Has panels glance from time to time; holds none of them."""

    def __init__(self) -> None:
        self._panels: WeakSet[Watched] = WeakSet()
        self._news = threading.Condition()
        self._thread: threading.Thread | None = None

    def watch(self, panel: Watched) -> None:
        """Begin with a panel that has come into sight."""
        with self._news:
            self._panels.add(panel)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._work, name="workbench-watching", daemon=True)
                self._thread.start()
            self._news.notify_all()

    def leave(self, panel: Watched) -> None:
        """End with a panel that was closed or is out of sight."""
        with self._news:
            self._panels.discard(panel)
            self._news.notify_all()

    def _work(self) -> None:
        while True:
            with self._news:
                panels = list(self._panels)
                if not panels:
                    self._thread = None
                    return
            start = time.perf_counter()
            while panels:
                panels.pop().glance()
            pause = max(PERIOD, (time.perf_counter() - start) / SHARE)
            with self._news:
                self._news.wait_for(lambda: not self._panels, pause)


WATCHER = Watcher()

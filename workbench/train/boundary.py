"""What others want done between two steps: stop, pause, and functions to run there."""

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from workbench.core import live


class Boundary:
    """Wishes from any thread, granted by the worker between two steps."""

    def __init__(self) -> None:
        self.attention = threading.Event()
        """set while there may be something to do"""
        self.stopping = self.pausing = False
        self._wishes: deque[tuple[Callable[[], Any], Future[Any], bool]] = deque()

    def stop(self) -> None:
        """End at the next boundary."""
        self.stopping = True
        self.attention.set()

    def pause(self) -> None:
        """Wait at the next boundary."""
        self.pausing = True
        self.attention.set()

    def go_on(self) -> None:
        """No longer wait."""
        self.pausing = False
        self.attention.set()

    def clear(self) -> None:
        """Neither stop nor wait."""
        self.stopping = self.pausing = False

    def wish(self, function: Callable[[], Any], *, exact: bool = False) -> "Future[Any]":
        """Have a function run at the next boundary.

        Args:
            function: Takes nothing.
            exact: Only at a boundary from which resuming is exact.
        """
        future: Future[Any] = Future()
        self._wishes.append((function, future, exact))
        self.attention.set()
        return future

    def grant(self, *, exact: bool) -> bool:
        """Run what was wished.

        Args:
            exact: Whether resuming from here is exact, or nothing better will come; else some wishes stay.

        Returns:
            Whether some stay.
        """
        for _ in range(len(self._wishes)):
            try:
                wish = self._wishes.popleft()
            except IndexError:
                return False
            function, future, needs_exact = wish
            if needs_exact and not exact:
                self._wishes.append(wish)
                continue
            try:
                with live.look():
                    result = function()
            except BaseException as error:  # noqa: BLE001 - handed to whoever wished
                future.set_exception(error)
            else:
                future.set_result(result)
        return bool(self._wishes)

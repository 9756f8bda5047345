"""Swaps: functions of libraries replaced in place while anybody needs it, and put back by the last who leaves.

Several taps may be open at once, nested or in several threads, and close in any order; so nobody remembers what was
there when it came, which might be another's replacement.
"""

import threading
from collections.abc import Callable, Iterable, MutableMapping
from types import TracebackType
from typing import Any

Place = tuple[MutableMapping[str, Any], str]
"""A namespace and a name in it."""


class Swaps:
    """A context manager that may be entered many times at once."""

    def __init__(self, places: Callable[[], Iterable[Place]], replace: Callable[[str, Any], Any]) -> None:
        """Swaps that are put in place when the first enters.

        Args:
            places: Where the functions stand now; asked whenever somebody enters.
            replace: (name, function) -> what stands there meanwhile.
        """
        self._places, self._replace = places, replace
        self._lock = threading.Lock()
        self._open = 0
        self._saved: dict[tuple[int, str], tuple[MutableMapping[str, Any], str, Any]] = {}

    def __enter__(self) -> None:
        with self._lock:
            self._open += 1
            for namespace, name in self._places():
                if (id(namespace), name) not in self._saved:
                    own = namespace[name]
                    self._saved[id(namespace), name] = (namespace, name, own)
                    namespace[name] = self._replace(name, own)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._open -= 1
            if self._open == 0:
                for namespace, name, own in self._saved.values():
                    namespace[name] = own
                self._saved.clear()

"""Swaps: functions of libraries replaced in place while anybody needs it, and put back by the last who leaves.

Several taps may be open at once, nested or in several threads, and close in any order; so nobody remembers what was
there when it came, which might be another's replacement.
"""

import threading
from collections.abc import Callable, Generator, Iterable, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

Place = tuple[MutableMapping[str, Any], str]
"""A namespace and a name in it."""


@dataclass(slots=True)
class _Swapped:
    namespace: MutableMapping[str, Any]
    own: Any
    instead: Any
    users: int = 0


class Swaps:
    """Replacements of one kind, each in place while somebody is in a block that asked for it."""

    def __init__(self, replace: Callable[[str, Any], Any]) -> None:
        """Nothing is replaced yet.

        Args:
            replace: (name, function) -> what stands there meanwhile.
        """
        self._replace = replace
        self._lock = threading.Lock()
        self._swapped: dict[tuple[int, str], _Swapped] = {}

    @contextmanager
    def at(self, places: Iterable[Place]) -> Generator[None]:
        """A block in which the functions at these places are replaced; it may be entered many times at once."""
        with self._lock:
            taken = [(namespace, name) for namespace, name in places if name in namespace]
            for namespace, name in taken:
                key = id(namespace), name
                if key not in self._swapped:
                    own = namespace[name]
                    namespace[name] = instead = self._replace(name, own)
                    self._swapped[key] = _Swapped(namespace, own, instead)
                self._swapped[key].users += 1
        try:
            yield
        finally:
            with self._lock:
                for namespace, name in taken:
                    self._leave(id(namespace), name)

    def _leave(self, *key: Any) -> None:
        swapped, name = self._swapped[key], key[1]
        swapped.users -= 1
        if swapped.users == 0:
            del self._swapped[key]
            if swapped.namespace.get(name) is swapped.instead:  # else somebody has put another there meanwhile
                swapped.namespace[name] = swapped.own

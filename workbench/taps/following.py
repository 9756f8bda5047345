"""Followed: tensors that are recognised again when they come by, without being kept alive."""

import weakref
from typing import Any, Generic, TypeVar

from torch import Tensor

T = TypeVar("T")


class Followed(Generic[T]):
    """A weak table from tensors, as objects, to what is known of them."""

    def __init__(self) -> None:
        self._entries: dict[int, tuple[weakref.ref[Tensor], T]] = {}

    def __bool__(self) -> bool:
        return bool(self._entries)

    def __contains__(self, value: Any) -> bool:
        entry = self._entries.get(id(value))
        return entry is not None and entry[0]() is value

    def add(self, tensor: Tensor, known: T) -> None:
        """Recognise a tensor from now on."""
        key = id(tensor)
        self._entries[key] = (weakref.ref(tensor, lambda _: self._entries.pop(key, None)), known)

    def get(self, value: Any) -> T | None:
        """What is known of a tensor; None for one that is not followed."""
        entry = self._entries.get(id(value))
        return entry[1] if entry is not None and entry[0]() is value else None

    def clear(self) -> None:
        """Forget every tensor."""
        self._entries.clear()

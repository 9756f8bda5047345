"""Followed: tensors that are recognised again when they come by, without being kept alive."""

import weakref
from typing import Any, Generic, TypeVar

from torch import Tensor

T = TypeVar("T")


class Followed(Generic[T]):
    """A weak table from tensors, as objects, to what is known of them."""

    def __init__(self) -> None:
        self.entries: dict[int, tuple[weakref.ref[Tensor], T]] = {}
        """by identity; always the same table"""

    def __bool__(self) -> bool:
        return bool(self.entries)

    def __contains__(self, value: Any) -> bool:
        entry = self.entries.get(id(value))
        return entry is not None and entry[0]() is value

    def add(self, tensor: Tensor, known: T) -> None:
        """Recognise a tensor from now on."""
        key = id(tensor)
        self.entries[key] = (weakref.ref(tensor, lambda _: self.entries.pop(key, None)), known)

    def get(self, value: Any) -> T | None:
        """What is known of a tensor; None for one that is not followed."""
        entry = self.entries.get(id(value))
        return entry[1] if entry is not None and entry[0]() is value else None

    def clear(self) -> None:
        """Forget every tensor."""
        self.entries.clear()

"""Memory: how much is free, how much a pass takes, and what is said where it does not suffice."""

import time
import weakref
from collections.abc import Generator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from workbench.core.errors import ModelError

FRACTION = 0.25
"""of the free memory that one batch of passes may take"""
UNKNOWN = 4 << 30
"""bytes that are taken to be free where the system does not tell"""
_FRESH = 1.0
"""seconds for which an answer of the system is believed"""
_SAID_BY_THE_ALLOCATOR = ("not enough memory", "DefaultCPUAllocator", "out of memory")


def allowance(device: torch.device) -> int:
    """Bytes that one batch of passes may take on a device."""
    return int(FRACTION * _free(device, int(time.monotonic() / _FRESH)))


@lru_cache(maxsize=8)
def _free(device: torch.device, _: int) -> int:
    if device.type == "cuda":
        cached = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return torch.cuda.mem_get_info(device)[0] + cached
    return _free_of_the_system() if device.type == "cpu" else UNKNOWN


def _free_of_the_system() -> int:
    """What the system could give out, and what is left of the limit of a container."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        free = next(int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration):
        return UNKNOWN
    try:
        limit = int(Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii"))
        used = int(Path("/sys/fs/cgroup/memory.current").read_text(encoding="ascii"))
    except (OSError, ValueError):  # no container, or one without a limit
        return free
    return max(0, min(free, limit - used))


def is_lack(error: BaseException) -> bool:
    """Whether an error says that memory did not suffice."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _SAID_BY_THE_ALLOCATOR)


def lacking(model: Any) -> ModelError:
    """The sentence where not even one pass fits."""
    return ModelError(
        f"Memory does not suffice to run {type(model).__name__} once on this input: give fewer or smaller examples, "
        "close what else needs memory, or move the model to another device."
    )


@contextmanager
def lack_said(model: Any) -> Generator[None]:
    """Whatever an allocator says inside the block becomes the sentence of ``lacking``."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if is_lack(error):
            raise lacking(model) from None
        raise


class Meter(TorchDispatchMode):
    """The most bytes of tensors made inside its block that were alive at once."""

    def __init__(self) -> None:
        super().__init__()
        self.peak = 0
        self._alive = 0
        self._known: dict[int, int] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run an operation and count what it made."""
        made = func(*args, **(kwargs or {}))
        for value in made if isinstance(made, tuple | list) else (made,):
            if isinstance(value, Tensor):
                self._count(value)
        self.peak = max(self.peak, self._alive)
        return made

    def _count(self, value: Tensor) -> None:
        try:
            storage = value.untyped_storage()
        except (NotImplementedError, RuntimeError):  # sparse and other tensors without a storage of their own
            return
        key = id(storage)
        if key not in self._known:
            self._known[key] = storage.nbytes()
            self._alive += storage.nbytes()
            weakref.finalize(storage, self._gone, key)

    def _gone(self, key: int) -> None:
        self._alive -= self._known.pop(key, 0)

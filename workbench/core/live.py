"""The step lock: one step or one look at a time, and each leaves the random generator as it found it.

torch's default generator, a module's mode and its weights are shared by all threads, so one process-wide lock
is held for the length of a training step and for the length of an observation. Python locks are not fair:
a step therefore waits while somebody waits to look.
"""

import threading
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress

import torch
from torch import nn

_lock = threading.RLock()
_counter = threading.Lock()
_waiting = 0


@contextmanager
def turn() -> Generator[None]:
    """Held while somebody runs a live model: no step moves its weights meanwhile."""
    global _waiting  # noqa: PLW0603 - the queue is a property of the process
    with _counter:
        _waiting += 1
    try:
        _lock.acquire()
    finally:
        with _counter:
            _waiting -= 1
    try:
        yield
    finally:
        _lock.release()


@contextmanager
def look() -> Generator[None]:
    """Held while somebody observes a live model; the generators are as before afterwards."""
    with turn(), _generators_kept():
        yield


def modules_of(model: nn.Module) -> list[nn.Module]:
    """A model and everything in it, each once; what ``modules()`` gives, in another order and much faster."""
    found = {id(model): model}
    waiting: list[nn.Module] = [model]
    while waiting:
        for child in waiting.pop()._modules.values():  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - children() is slow
            if child is not None and id(child) not in found:
                found[id(child)] = child
                waiting.append(child)
    return list(found.values())


@contextmanager
def evaluating(model: nn.Module) -> Generator[None]:
    """A model in evaluation mode; each submodule's own mode comes back afterwards."""
    # A frozen script of torch.jit has no mode.
    modes = [(module, getattr(module, "training", False)) for module in modules_of(model)]
    if any(training for _, training in modes):
        with suppress(NotImplementedError):  # an exported graph has no other mode than the one it was made in
            model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            if getattr(module, "training", False) is not training:  # setting an attribute of a module is slow
                module.training = training


@contextmanager
def _generators_kept() -> Generator[None]:
    cpu = torch.default_generator.get_state()
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
    try:
        yield
    finally:
        torch.default_generator.set_state(cpu)
        if cuda:
            torch.cuda.set_rng_state_all(cuda)


class Step:
    """Held while a model takes one step: its random numbers are a function of (seed, step).

    Not a context manager: entering and leaving cost 3.5 µs this way, and a small model takes 100 µs a step.
    """

    def __init__(self, seed: int) -> None:
        self._base = (seed * 0x9E3779B1) & 0xFFFFFFFF
        self._cpu = torch.empty(0, dtype=torch.uint8)
        self._cuda: list[torch.Tensor] = []

    def enter(self, step: int) -> None:
        """Wait for those who look, take the lock, and seed the generators."""
        while _waiting:
            time.sleep(2e-4)
        _lock.acquire()
        generator = torch.default_generator
        self._cpu = generator.get_state()
        # The CPU generator uses 32 bits of a seed; an odd multiplier makes this a bijection of the step.
        seed = (self._base + step * 0x85EBCA6B) & 0xFFFFFFFF
        generator.manual_seed(seed)
        if torch.cuda.is_initialized():
            self._cuda = torch.cuda.get_rng_state_all()
            torch.cuda.manual_seed_all(seed)

    def leave(self) -> None:
        """Give the person's generators back and release the lock."""
        torch.default_generator.set_state(self._cpu)
        if self._cuda:
            torch.cuda.set_rng_state_all(self._cuda)
        _lock.release()

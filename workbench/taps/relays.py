"""Relays: the ``forward`` of one module told to several watches, for modules that look for hooks on themselves."""

import functools
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Protocol

from torch import nn


class Told(Protocol):
    """Who is told, in the order of serial numbers."""

    serial: int

    def before(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Returns other (args, kwargs), or None."""

    def after(self, module: nn.Module, output: Any) -> Any:
        """Returns another output, or None."""


_lock = threading.Lock()
_NONE: Any = object()


class _Relay:
    def __init__(self, module: nn.Module) -> None:
        self.module, self.told = module, list[Told]()
        self.replaced = vars(module).get("forward", _NONE)
        self.forward: Any = module.forward
        functools.update_wrapper(self, self.forward)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        told = tuple(self.told)
        output = None
        for one in told:
            changed = one.before(self.module, args, kwargs)
            args, kwargs = (args, kwargs) if changed is None else changed
        try:
            output = self.forward(*args, **kwargs)
        finally:
            for one in told:
                changed = one.after(self.module, output)
                output = output if changed is None else changed
        return output

    def __deepcopy__(self, memo: Any) -> Any:
        import copy

        return copy.deepcopy(self.forward, memo)  # a copy of the model is not watched


@contextmanager
def relayed(module: nn.Module, watch: Told) -> Generator[None]:
    """A block in which a watch is told of each forward of a module."""
    with _lock:
        relay = vars(module).get("forward")
        if not isinstance(relay, _Relay):
            relay = _Relay(module)
            vars(module)["forward"] = relay
        relay.told = sorted([*relay.told, watch], key=lambda one: one.serial)
    try:
        yield
    finally:
        with _lock:
            relay.told = [one for one in relay.told if one is not watch]
            if not relay.told and vars(module).get("forward") is relay:
                del vars(module)["forward"]
                if relay.replaced is not _NONE:
                    vars(module)["forward"] = relay.replaced

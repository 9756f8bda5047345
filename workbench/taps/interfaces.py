"""Interfaces: the forwards of single modules of transformers, told of the kernels that they look up.

A module of transformers asks an ``AttentionInterface``, a global of its file, for the kernel of its configuration. Its
forward is run here as a copy of the same code whose globals have an interface of our own in that place: the module
finds kernels that tell, while the interface, the kernels, and every other module of the same class stay as they are.
"""

import copy
import functools
import sys
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from types import FunctionType
from typing import Any

from torch import nn

Telling = Callable[[str, Callable[..., Any]], Callable[..., Any]]
"""(name, kernel) -> what a module gets instead"""

_lock = threading.Lock()


class Interface:
    """Stands for an ``AttentionInterface`` and gives out what tells."""

    def __init__(self, own: Any, telling: Telling) -> None:
        self._own, self._telling = own, telling

    def __getitem__(self, name: str) -> Callable[..., Any]:
        return self._telling(name, self._own[name])

    def get_interface(self, name: str, default: Callable[..., Any]) -> Callable[..., Any]:
        """The kernel of a name, or the default."""
        found = self._own.get_interface(name, default)
        return found if found is default else self._telling(name, found)

    def get(self, name: str, default: Any = None) -> Any:
        """The kernel of a name, or the default."""
        return self[name] if name in self._own else default

    def __contains__(self, name: object) -> bool:
        return name in self._own

    def __iter__(self) -> Iterator[str]:
        return iter(self._own)

    def __len__(self) -> int:
        return len(self._own)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._own, name)


def asking(model: nn.Module) -> list[nn.Module]:
    """The modules inside a model, about to run, that can be told.

    Empty where one of those that look up a kernel cannot: the model itself, whose forward has been looked up already,
    or one that has been given another forward.
    """
    found = [module for module in model.modules() if _interfaces(type(module).forward)]
    free = all(isinstance(vars(module).get("forward"), _Forward | None) for module in found)
    return found if free and model not in found else []


@contextmanager
def told(module: nn.Module, telling: Telling) -> Generator[None]:
    """A block in which a module finds kernels that tell; it may be entered many times at once."""
    with _lock:
        forward = vars(module).get("forward")
        if not isinstance(forward, _Forward):
            forward = vars(module)["forward"] = _Forward(module, telling)
        forward.users += 1
    try:
        yield
    finally:
        with _lock:
            forward.users -= 1
            if forward.users == 0 and vars(module).get("forward") is forward:
                del vars(module)["forward"]


class _Forward:
    """The forward of a module, its code unchanged, over globals with another interface."""

    def __init__(self, module: nn.Module, telling: Telling) -> None:
        own: Any = type(module).forward
        names = dict(own.__globals__)
        names.update({name: Interface(names[name], telling) for name in _interfaces(own)})
        function = FunctionType(own.__code__, names, own.__name__, own.__defaults__, own.__closure__)
        function.__kwdefaults__ = own.__kwdefaults__
        self.users, self._own = 0, own.__get__(module)
        self._call = function.__get__(module)
        functools.update_wrapper(self, self._own)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._call(*args, **kwargs)

    def __deepcopy__(self, memo: Any) -> Any:
        return copy.deepcopy(self._own, memo)  # a copy of the model is not told of


def _interfaces(forward: Any) -> list[str]:
    """The globals of a function that are interfaces."""
    library = sys.modules.get("transformers.modeling_utils")
    if library is None or not isinstance(forward, FunctionType):
        return []
    names = forward.__code__.co_names
    return [name for name in names if isinstance(forward.__globals__.get(name), library.AttentionInterface)]

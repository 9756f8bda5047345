# pyright: reportPrivateUsage=false, reportPrivateImportUsage=false
# torch changes its stack of modes only from the top
"""FunctionCalls: told of every torch function that the watching thread calls, and able to replace what it gave.

A torch function mode is seen by one thread only. What a Python function of torch calls inside, such as the softmax
in ``F.multi_head_attention_forward``, runs with the mode off and is not seen; nor is what ``torch.jit`` runs.
"""

import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any

from torch import Tensor
from torch.overrides import TorchFunctionMode, _len_torch_function_stack, _pop_mode, _push_mode

Computed = Callable[[str, Any], Any]
"""(name of the function, what it returned) -> what is returned instead."""

_here = threading.local()

_NO_VALUES = frozenset({"__get__", "__set__", "__setitem__", "__delitem__", "__len__", "__bool__", "backward"})


class FunctionCalls(TorchFunctionMode):
    """Tells a function of every torch call that returns tensors."""

    def __init__(self, computed: Computed) -> None:
        super().__init__()
        self.computed = computed
        self.away = False
        """whether a torch call is running, with the mode off"""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Run a torch call and tell of it."""
        self.away = True
        try:
            output = func(*args, **(kwargs or {}))
        finally:
            self.away = False
        if not isinstance(output, Tensor | tuple | list) or getattr(_here, "quiet", False):
            return output
        name = func.__name__.split(".")[0]  # overloads are called "softmax.int"
        if name in _NO_VALUES:
            return output
        new = self.computed(name, output)
        if new is not output and isinstance(output, Tensor) and any(one is output for one in args):
            return output.copy_(new)  # the caller may go on with the tensor that was changed in place
        return new


@contextmanager
def quiet() -> Generator[None]:
    """A block whose torch calls are not counted: what an edit computes is no part of the model."""
    before, _here.quiet = getattr(_here, "quiet", False), True
    try:
        yield
    finally:
        _here.quiet = before


def depth() -> int:
    """How many function modes are on this thread's stack."""
    return int(_len_torch_function_stack())


@contextmanager
def modeless() -> Generator[None]:
    """A block without any function mode on this thread's stack: what is compiled inside is compiled as without them."""
    modes = [_pop_mode() for _ in range(depth())]
    try:
        yield
    finally:
        for mode in reversed(modes):
            _push_mode(mode)


@contextmanager
def inserted(mode: TorchFunctionMode, at: int) -> Generator[None]:
    """A block with a mode in place ``at`` of this thread's stack, whatever was entered above it meanwhile.

    A tap learns inside its block that it needs the mode. Were it put on top, a context that was entered before, and
    is left before, would take it for its own.
    """
    above = [_pop_mode() for _ in range(depth() - at)]
    _push_mode(mode)
    for other in reversed(above):
        _push_mode(other)
    try:
        yield
    finally:
        _remove(mode)


@contextmanager
def resumed(mode: FunctionCalls) -> Generator[None]:
    """A block with a mode on while a torch call is running: ``backward`` computes checkpointed forwards again."""
    mode.away = False
    try:
        with inserted(mode, depth()):
            yield
    finally:
        mode.away = True


def _remove(mode: TorchFunctionMode) -> None:
    above: list[Any] = []
    while depth():
        top = _pop_mode()
        if top is mode:
            break
        above.append(top)
    for other in reversed(above):
        _push_mode(other)

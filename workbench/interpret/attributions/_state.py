"""State: what a forward leaves behind in a model, taken away again afterwards.

A forward may write to buffers (running statistics), to tensors and containers that a module keeps as attributes (a
hidden state, a cache), or to plain attributes (a counter). It is given copies to write to, and the model gets its own
back, with their versions: nobody who watches the weights sees a change.
"""

from collections import deque
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from workbench.core.live import modules_of

_OWN = frozenset(vars(nn.Module()))
"""attributes that every module has; all but the buffers are left alone"""


@dataclass(slots=True)
class Trace:
    """What became known about a forward."""

    left: bool = False
    """whether it changed anything in the model"""


@contextmanager
def state_kept(model: nn.Module) -> Generator[Trace]:
    """Everything that forwards inside the block leave in the model is taken away again; parameters are not looked at.

    The caller holds the lock of ``live.look``.
    """
    trace, copies = Trace(), dict[int, Any]()
    tables = [table for module in modules_of(model) for table in _tables(module)]
    before = [dict(table) for table in tables]
    lent: list[dict[str, Any]] = []
    for table in tables:
        given = {name: _copied(value, copies) for name, value in table.items() if _counts(table, name)}
        table.update(given)
        lent.append(given)
    marks = [{name: _mark(value) for name, value in given.items()} for given in lent]
    hooks = _hooks(model)
    try:
        yield trace
    finally:
        # A first forward that hooks the model also notes that it has: without the note it would hook it twice.
        set_up = _hooks(model) != hooks
        for table, own, given, mark in zip(tables, before, lent, marks, strict=True):
            now = {name: value for name, value in table.items() if _counts(table, name)}
            new = set[str]() if set_up else now.keys() - own.keys()
            same = not new and all(name in now and now[name] is given[name] for name in given)
            trace.left |= not same or any(_mark(now[name]) != mark[name] for name in given)
            for name in new:
                del table[name]
            table.update({name: own[name] for name in given})


def _hooks(model: nn.Module) -> int:
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in modules_of(model))  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - no public way to count


def _tables(module: nn.Module) -> tuple[dict[str, Any], ...]:
    """The attributes and the buffers of a module; of one that keeps them elsewhere, such as torch.jit's, none."""
    buffers: Any = module._buffers  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - to put others in their place
    return (vars(module), buffers) if isinstance(buffers, dict) else ()


def _counts(table: dict[str, Any], name: str) -> bool:
    return "_buffers" not in table or name not in _OWN


def _copied(value: Any, copies: dict[int, Any]) -> Any:
    """A copy to write to; the same one for what the model holds twice."""
    if not _writable(value):
        return value
    if id(value) not in copies:
        copies[id(value)] = _copy(value, copies)
    return copies[id(value)]


def _copy(value: Any, copies: dict[int, Any]) -> Any:
    if isinstance(value, Tensor):
        return value.detach().clone()
    if isinstance(value, dict):
        return {key: _copied(part, copies) for key, part in value.items()}
    parts = [_copied(part, copies) for part in value]
    return deque(parts, value.maxlen) if isinstance(value, deque) else type(value)(parts)


def _writable(value: Any) -> bool:
    if isinstance(value, Tensor):
        return not isinstance(value, nn.Parameter)
    return type(value) in (list, dict, set, deque)


def _mark(value: Any) -> Any:
    """Differs as soon as something was written to a value or put into it."""
    if isinstance(value, Tensor):
        return id(value), 0 if value.is_inference() else value._version  # noqa: SLF001 - torch's only mark of a change in place
    if isinstance(value, dict):
        return tuple((key, _mark(part)) for key, part in value.items())
    if type(value) in (list, deque):
        return tuple(_mark(part) for part in value)
    return frozenset(map(id, value)) if isinstance(value, set) else id(value)

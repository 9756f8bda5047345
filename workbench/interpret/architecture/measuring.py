"""What each module of a model costs on some inputs: shapes, operations, time, dead and saturated units."""

import math
import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any, cast

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode, sdpa_flop

from workbench.core.calling import Call, call, scores
from workbench.core.errors import ModelError
from workbench.core.live import evaluating, look
from workbench.interpret.architecture import units
from workbench.taps import Watch

REPEATS = 3


@dataclass(slots=True)
class Measured:
    """Figures of one module over one forward."""

    output: tuple[int, ...] | None = None
    calls: int = 0
    flops: int = 0
    seconds: float = 0.0
    dead: float | None = None
    zeros: float | None = None
    saturated: float | None = None


@dataclass(slots=True)
class Measurements:
    """Figures of every module that ran."""

    by_module: dict[nn.Module, Measured] = field(default_factory=dict)
    flops: int = 0
    seconds: float = 0.0
    foreign: set[str] = field(default_factory=set[str])
    """operators that are not torch's own"""


def measure(model: nn.Module, inputs: Any, how: Call | None) -> Measurements:
    """Run the model a few times and measure every module.

    The time is that of the fastest of three undisturbed forwards; shapes, zeros and operations come from one
    forward before them, in which fused encoder and recurrent kernels step aside so that they can be counted.
    """
    found = Measurements()
    with look(), evaluating(model), torch.no_grad():
        _count(model, inputs, how, found)
        fastest: dict[nn.Module, float] | None = None
        for _ in range(REPEATS):
            seconds, total = _timed(model, inputs, how)
            if fastest is None or total < found.seconds:
                fastest, found.seconds = seconds, total
    for module, seconds in (fastest or {}).items():
        found.by_module.setdefault(module, Measured()).seconds = seconds
    return found


def _count(model: nn.Module, inputs: Any, how: Call | None, found: Measurements) -> None:
    began: dict[nn.Module, int] = {}
    given: dict[nn.Module, float] = {}
    counter = FlopCounterMode(display=False, custom_mapping=_FORMULAS)
    counter.mod_tracker = cast("Any", _Everywhere())

    def entered(module: nn.Module, given_to: tuple[Any, ...]) -> None:
        began[module] = counter.get_total_flops()
        given[module] = units.zero_share(given_to[0]) if given_to else 0.0

    def left(module: nn.Module, output: Any) -> None:
        row = found.by_module.setdefault(module, Measured())
        row.calls += 1
        row.flops += counter.get_total_flops() - began.get(module, 0)
        _look_at(module, row, output, given.get(module, 0.0))

    with ExitStack() as stack:
        stack.enter_context(_plain_kernels())
        stack.enter_context(counter)
        stack.enter_context(_Foreign(found.foreign))
        stack.enter_context(Watch(model, entered=entered, left=left))
        call(model, inputs, call=how)
    found.flops = counter.get_total_flops()


class _Everywhere(nullcontext[None]):
    """Stands in for the tracker of modules of torch's counter, whose work ``Watch`` does.

    That one hooks gradients, also where there are none, and fails on modules that are given a part of a parameter.
    """

    parents = frozenset({"Global"})


def _cpu_attention(query: Any, key: Any, value: Any, *_: Any, **__: Any) -> int:
    return sdpa_flop(query, key, value)


def _grouped(rows: Any, experts: Any, *_: Any, **__: Any) -> int:
    """(rows, k) times (experts, k, n), each row with one expert."""
    return 2 * math.prod(rows) * experts[-1]


_FORMULAS = {
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _cpu_attention,  # noqa: SLF001 - an operator's name
    torch.ops.aten._grouped_mm: _grouped,  # noqa: SLF001 - an operator's name
}
"""What torch's own counter does not know."""


class _Foreign(TorchDispatchMode):
    """Notes operators that are not torch's own, whose work nobody can count."""

    def __init__(self, names: set[str]) -> None:
        super().__init__()
        self.names = names

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func.namespace not in ("aten", "prim", "prims", "profiler"):
            self.names.add(f"{func.namespace}::{func._opname}")  # noqa: SLF001 - the operator's name
        return func(*args, **(kwargs or {}))


@contextmanager
def _plain_kernels() -> Generator[None]:
    """Fused kernels whose operations cannot be counted step aside."""
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    own, *_ = _mkldnn(enabled=False)
    try:
        yield
    finally:
        _mkldnn(enabled=own)
        torch.backends.mha.set_fastpath_enabled(fast)


def _mkldnn(*, enabled: bool) -> Any:
    """The flags before; its context manager would also set the precision of matrix products."""
    return torch.backends.mkldnn.set_flags(_enabled=enabled, _fp32_precision=None)  # pyright: ignore[reportArgumentType] - None leaves it alone


def _look_at(module: nn.Module, row: Measured, output: Any, zeros_given: float) -> None:
    try:
        value = scores(output)
    except ModelError:
        return
    if row.output is None:
        row.output = tuple(value.shape)
    if (found := units.dead(module, value, zeros_given)) is not None:
        row.zeros, row.dead = found.zeros, found.dead
    row.saturated = units.saturated(module, value)


def _timed(model: nn.Module, inputs: Any, how: Call | None) -> tuple[dict[nn.Module, float], float]:
    clock = _clock(model)
    began: dict[nn.Module, float] = {}
    spent: dict[nn.Module, float] = {}

    def entered(module: nn.Module, _: Any) -> None:
        began[module] = clock()

    def left(module: nn.Module, _: Any) -> None:
        spent[module] = spent.get(module, 0.0) + clock() - began.get(module, 0.0)

    watch: AbstractContextManager[Any] = Watch(model, entered=entered, left=left)
    with watch:
        start = clock()
        call(model, inputs, call=how)
        total = clock() - start
    return spent, total


def _clock(model: nn.Module) -> Callable[[], float]:
    if not any(p.is_cuda for p in model.parameters()):
        return time.perf_counter

    def clock() -> float:
        torch.cuda.synchronize()
        return time.perf_counter()

    return clock

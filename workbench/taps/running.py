"""Running: one call of a module, and what can be known about calls that are under way."""

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

import torch
from torch import nn


@dataclass(slots=True, eq=False)
class Running:
    """One call of a module."""

    module: nn.Module
    call: int
    """0 for the module's first call of a forward; -1 where a recomputation cannot tell"""
    again: bool = False
    """a recomputation inside a backward pass: what checkpointed gradients are computed from"""
    elsewhere: bool = False
    """in another thread, while a forward of the model runs in the one that watches"""
    functions: list[str] = field(default_factory=list)
    """the torch functions called directly in it, ``name#i``"""
    counts: dict[str, int] = field(default_factory=dict)
    context: ExitStack = field(default_factory=ExitStack)
    """left when the call ends, also by an exception"""


def recomputing() -> bool:
    """Whether a backward pass is running in this thread: checkpointed forwards are computed again in it."""
    return torch._C._current_graph_task_id() != -1  # noqa: SLF001 # pyright: ignore[reportPrivateUsage, reportAttributeAccessIssue] - torch offers no public way to ask


def in_backward(thread: int) -> bool:
    """Whether a thread waits for a backward pass, whose parts on other devices run in threads of the engine's own."""
    frame = sys._current_frames().get(thread)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - the interpreter alone knows
    while frame is not None and frame.f_code.co_name != "_engine_run_backward":
        frame = frame.f_back
    return frame is not None


def inside(module: nn.Module, stack: Sequence[Running]) -> bool:
    """Whether all calls of a module that are on the stack are really running: a model may call itself."""
    calls, frame = 0, sys._getframe()  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - the interpreter alone knows
    code = nn.Module._call_impl.__code__  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - what runs hooks and forward
    while frame is not None:
        calls += frame.f_code is code and frame.f_locals.get("self") is module
        frame = frame.f_back
    return calls > sum(run.module is module for run in stack)

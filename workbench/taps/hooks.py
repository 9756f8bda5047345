"""Watch: told when modules of one model begin and end in one thread.

Hooks are put on the modules that somebody wants to know of and on no others, so other models, and what another thread
compiles, are as they were; torch's process-wide hooks would reach both. A ``TransformerEncoderLayer`` gives up its
fused kernel as soon as it finds a hook on itself or inside, so its ``forward`` is wrapped instead, and those of its
submodules too where nobody has to be told of what the kernel leaves out. The step lock is held while a watched
forward runs: nothing trains the model meanwhile.
"""

import itertools
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Protocol, Self

import torch
from torch import nn

from workbench.core.errors import ModelError
from workbench.core.live import turn
from workbench.taps.naming import is_compiled, module_names, unwrapped, wraps
from workbench.taps.relays import relayed
from workbench.taps.running import Running, in_backward, inside, recomputing
from workbench.taps.stance import eagerly

Entered = Callable[[nn.Module, tuple[Any, ...]], None]
"""(module, positional inputs), before the forward."""

Left = Callable[[nn.Module, Any], Any]
"""(module, output) -> a replacement or None, after the forward; not called for a forward that raised."""

_serials = itertools.count()


class Observer(Protocol):
    """Who is told."""

    def entering(self, run: Running, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Before a forward; returns other (args, kwargs), or None."""

    def leaving(self, run: Running, output: Any) -> Any:
        """After a forward that did not raise; returns another output, or None."""


class Watch:
    """A context in which one model is watched in the thread that entered it."""

    def __init__(
        self,
        model: nn.Module,
        *,
        entered: Entered | None = None,
        left: Left | None = None,
        observer: Observer | None = None,
        fused: bool = False,
    ) -> None:
        """A watch that begins when it is entered.

        Args:
            model: Any module.
            entered: Told before each forward of it or a submodule.
            left: Told after each; what it returns, unless None, replaces the output.
            observer: Instead of both: told also of recomputations and of other threads, and only of the modules
                that ``attach`` names.
            fused: Leave fused kernels in place also where they do not call submodules that are watched.

        Raises:
            ModelError: What was given is no module.
        """
        if not isinstance(model, nn.Module):  # pyright: ignore[reportUnnecessaryIsInstance] - people pass anything
            raise ModelError(f"Only a torch module can be tapped, not {type(model).__name__}: pass an nn.Module.")
        self.model, self.root = model, unwrapped(model)
        self.names = module_names(model)
        self.stack: list[Running] = []
        self.serial = 0
        self._observer = observer or _Told(entered, left)
        self._wanted: dict[nn.Module, None] = {} if observer else dict.fromkeys(self.names)
        self._attached: set[nn.Module] = set()
        layers = [module for module in self.names if isinstance(module, nn.TransformerEncoderLayer)]
        self._wrapped = {inner for layer in layers for inner in (layer.modules() if fused else (layer,))}
        self._calls: dict[nn.Module, int] = {}
        self._calls_elsewhere: dict[nn.Module, int] = {}
        self._others: dict[int, list[Running]] = {}
        self._thread = 0
        self._open: ExitStack | None = None
        self._turn = ExitStack()

    def __enter__(self) -> Self:
        if self._open is not None:
            raise ModelError("This tap is already in use: make another with wb.tap(model).")
        self._thread, self.serial = threading.get_ident(), next(_serials)
        with ExitStack() as stack:
            stack.callback(self._attached.clear)
            if any(_compiled(module) for module in self.model.modules()):
                stack.enter_context(eagerly())
            self._open = stack
            try:
                self.attach((self.root, *self._wanted))
            except BaseException:
                self._open = None
                raise
            self._open = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        opened, self._open = self._open, None
        self.reset()
        self._calls.clear()
        self._others.clear()
        if opened is not None:
            opened.close()

    @property
    def open(self) -> bool:
        """Whether it is inside its block."""
        return self._open is not None

    @property
    def active(self) -> bool:
        """Whether it is watching now, in this thread, and not a recomputation inside a backward pass."""
        return self._open is not None and threading.get_ident() == self._thread and not recomputing()

    @property
    def where(self) -> nn.Module | None:
        """The innermost module that is running."""
        return self.stack[-1].module if self.stack else None

    @property
    def here(self) -> bool:
        """Whether this is the thread that watches."""
        return threading.get_ident() == self._thread

    @property
    def running(self) -> list[Running]:
        """The calls that are running in the thread that asks."""
        return self.stack if self.here else self._others.setdefault(threading.get_ident(), [])

    def attach(self, modules: Iterable[nn.Module]) -> None:
        """Watch these modules, from now on or from when the block begins."""
        for module in modules:
            self._wanted[module] = None
            if self._open is not None and module not in self._attached and module in self.names and not wraps(module):
                self._attached.add(module)
                self._hook(module, self._open)

    def reset(self) -> None:
        """Forget a forward that was broken off."""
        while self.stack:
            _popped(self.stack)
        self._turn.close()

    def _hook(self, module: nn.Module, open_: ExitStack) -> None:
        if module in self._wrapped and not isinstance(module, torch.jit.ScriptModule):
            open_.enter_context(relayed(module, self))
            return
        before, after = _Before(self), _After(self)
        # By the class, because torch.jit modules hide these methods, though hooks around all of such a module work.
        open_.callback(nn.Module.register_forward_pre_hook(module, before, with_kwargs=True).remove)
        open_.callback(nn.Module.register_forward_hook(module, after, always_call=True).remove)
        # Watches see what those did that were entered before them, in whichever order they came to this module.
        tables: Any = (module._forward_pre_hooks, module._forward_hooks)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - the order of hooks
        for table in tables:
            for key, hook in list(table.items()):
                if isinstance(hook, _Hook) and hook.watch is not None and hook.watch.serial > self.serial:
                    table.move_to_end(key)

    def before(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """A forward begins."""
        if self._open is None:
            return None
        again, stack = recomputing(), self.running
        if not self.here and not (again and in_backward(self._thread)):
            run = Running(module, self._calls_elsewhere.get(module, 0), again, elsewhere=True)
            stack.append(run)
            told = bool(self.stack) and all(other.module is not self.root for other in stack) and not again
            if told:
                self._calls_elsewhere[module] = run.call + 1
            return self._observer.entering(run, args, kwargs) if told else None
        if again:  # of a shared module it cannot be known which call is computed again
            run = Running(module, 0 if self._calls.get(module, 0) == 1 else -1, again=True)
            stack.append(run)
            return self._observer.entering(run, args, kwargs)
        if module is self.root and self.stack and not inside(module, self.stack):
            self.reset()  # an earlier forward was broken off, by a KeyboardInterrupt for instance
        if not self.stack:
            self._turn.enter_context(turn())
            if module is self.root:
                self._calls.clear()
                self._calls_elsewhere.clear()
        run = Running(module, self._calls.get(module, 0))
        self._calls[module] = run.call + 1
        self.stack.append(run)
        return self._observer.entering(run, args, kwargs)

    def after(self, module: nn.Module, output: Any) -> Any:
        """A forward ends; one that raised, without an output."""
        if self._open is None:
            return None
        stack = self.running
        if not any(run.module is module for run in stack):
            return None
        run = _popped(stack)
        while run.module is not module:  # forwards that raised and were caught inside the model
            run = _popped(stack)
        silent = run.elsewhere and (not self.stack or any(other.module is self.root for other in [*stack, run]))
        try:
            return None if output is None or silent else self._observer.leaving(run, output)
        finally:
            if self.here and not self.stack:
                self._turn.close()


class _Told:
    """Tells two functions of the forwards of the thread that watches."""

    def __init__(self, entered: Entered | None, left: Left | None) -> None:
        self.entered, self.left = entered, left

    def entering(self, run: Running, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:  # noqa: ARG002 - Observer
        if self.entered is not None and not run.again and not run.elsewhere:
            self.entered(run.module, args)

    def leaving(self, run: Running, output: Any) -> Any:
        ignored = self.left is None or run.again or run.elsewhere
        return None if ignored or self.left is None else self.left(run.module, output)


class _Hook:
    """A hook that a copy of the model does not take along."""

    def __init__(self, watch: Watch | None) -> None:
        self.watch: Any = watch

    def __deepcopy__(self, memo: Mapping[int, Any]) -> Self:
        return type(self)(None)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (None,)


class _Before(_Hook):
    def __call__(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any] | None = None) -> Any:
        # Without kwargs, another thread runs the model at the moment in which this hook comes or goes.
        return None if self.watch is None or kwargs is None else self.watch.before(module, args, kwargs)


class _After(_Hook):
    def __call__(self, module: nn.Module, args: Any, output: Any) -> Any:  # noqa: ARG002 - the hook's signature
        return None if self.watch is None else self.watch.after(module, output)


def _popped(stack: list[Running]) -> Running:
    run = stack.pop()
    run.context.close()
    return run


def _compiled(module: nn.Module) -> bool:
    return is_compiled(module) or getattr(module, "_compiled_call_impl", None) is not None

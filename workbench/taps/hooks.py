"""Watch: told when a module of one model begins and ends in one thread, with nothing attached to the model.

torch's process-wide module hooks are used and filtered by thread and by membership, so the model's own hook
tables stay empty, its fused kernels (which look for hooks on the modules) stay in use, and another thread that
runs the same model is not seen. ``torch.jit`` modules run without Python and cannot be watched.
"""

import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook

from workbench.core.errors import ModelError

Entered = Callable[[nn.Module, tuple[Any, ...]], None]
"""(module, positional inputs), before the forward."""

Left = Callable[[nn.Module, Any], Any]
"""(module, output) -> a replacement or None, after the forward; not called for a forward that raised."""


def module_names(model: nn.Module) -> Mapping[nn.Module, str]:
    """The path of every submodule, without the prefix that ``torch.compile`` adds."""
    return {module: plain(name) for name, module in model.named_modules()}


def plain(name: str) -> str:
    """A path without the parts that ``torch.compile`` adds."""
    return ".".join(part for part in name.split(".") if part != "_orig_mod")


class Watch:
    """A context in which one model is watched in the thread that entered it."""

    def __init__(self, model: nn.Module, *, entered: Entered | None = None, left: Left | None = None) -> None:
        """A watch that begins when it is entered.

        Args:
            model: Any module.
            entered: Told before each forward of it or a submodule.
            left: Told after each; what it returns, unless None, replaces the output.

        Raises:
            ModelError: What was given is no module.
        """
        if not isinstance(model, nn.Module):  # pyright: ignore[reportUnnecessaryIsInstance] - people pass anything
            raise ModelError(f"Only a torch module can be tapped, not {type(model).__name__}: pass an nn.Module.")
        self.model = model
        self.names = module_names(model)
        self.stack: list[nn.Module] = []
        self._entered, self._left = entered, left
        self._thread = 0
        self._open: ExitStack | None = None

    def __enter__(self) -> Self:
        if self._open is not None:
            raise ModelError("This tap is already in use: make another with wb.tap(model).")
        self._thread = threading.get_ident()
        with ExitStack() as stack:
            stack.callback(register_module_forward_pre_hook(self._before).remove)
            stack.callback(register_module_forward_hook(self._after, always_call=True).remove)
            if any(_compiled(module) for module in self.names):
                stack.enter_context(torch.compiler.set_stance("force_eager"))
            self._open = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        opened, self._open = self._open, None
        self.stack.clear()
        if opened is not None:
            opened.close()

    @property
    def active(self) -> bool:
        """Whether it is watching now, in this thread, and not a recomputation inside a backward pass."""
        recomputing = torch._C._current_graph_task_id() != -1  # noqa: SLF001 # pyright: ignore[reportPrivateUsage, reportAttributeAccessIssue] - torch offers no public way to ask
        return self._open is not None and threading.get_ident() == self._thread and not recomputing

    @property
    def where(self) -> nn.Module | None:
        """The innermost module that is running."""
        return self.stack[-1] if self.stack else None

    def _before(self, module: nn.Module, inputs: Any) -> None:
        if module in self.names and self.active:
            self.stack.append(module)
            if self._entered is not None:
                self._entered(module, inputs)

    def _after(self, module: nn.Module, inputs: Any, output: Any) -> Any:  # noqa: ARG002 - the hook's signature
        if not (module in self.names and self.active and module in self.stack):
            return None
        while self.stack.pop() is not module:  # forwards that raised and were caught inside the model
            pass
        return None if output is None or self._left is None else self._left(module, output)


def _compiled(module: nn.Module) -> bool:
    return hasattr(module, "_orig_mod") or getattr(module, "_compiled_call_impl", None) is not None

"""Tap: read and edit what a live model computes, and leave no trace.

with wb.tap(model) as tap:
    seen = tap.read("layers.2", "layers.3.attn:softmax#0")
    tap.edit({"layers.1": steer(direction)})
    wb.call(model, batch)
seen["layers.2"]

Addresses are written as ``workbench.taps.addresses`` says; ``tap.discover(inputs)`` lists them.
"""

from collections.abc import Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

import torch
from torch import nn

from workbench.core.calling import Call, call
from workbench.core.errors import ConfigError, ModelError
from workbench.core.live import evaluating, look
from workbench.taps.addresses import modules_by_path, resolve
from workbench.taps.changing import Edit
from workbench.taps.engine import Engine
from workbench.taps.functions import FunctionCalls, depth, inserted
from workbench.taps.keeping import Terms
from workbench.taps.seen import Seen
from workbench.taps.sites import Sites
from workbench.taps.stance import eagerly
from workbench.taps.wishes import Enough, Wish

MAX_BYTES = 1 << 30


class Tap:
    """Reads and edits values of a live model in the thread that entered it.

    Compiled modules run eagerly while it is open, in this thread alone; nothing is compiled anew. The fused kernel of
    ``nn.TransformerEncoderLayer`` stays in use unless something inside it is asked for. A tap sees the edits of its
    own and of taps that were entered before it. With gradient checkpointing, call ``backward`` inside the block, so
    that what is computed again is edited again.
    """

    def __init__(self, model: nn.Module, *, max_bytes: int = MAX_BYTES, grad: bool = False) -> None:
        """A tap that begins when it is entered.

        Args:
            model: Any module.
            max_bytes: How much may be held by the values read; a value beyond it is not kept.
            grad: Read the model's own tensors with their graph, and have their ``.grad`` filled by a backward pass;
                otherwise detached copies.

        Raises:
            ModelError: What was given is no module.
            ConfigError: ``max_bytes`` is negative.
        """
        if max_bytes < 0:
            raise ConfigError(f"max_bytes is {max_bytes}; it must be 0 or more.")
        self.model, self.max_bytes, self.grad = model, max_bytes, grad
        self._engine = Engine(model, max_bytes)
        self._open: ExitStack | None = None
        self._depth = 0
        self._counting = False

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self._engine.watch)
            self._depth, self._counting = depth(), False
            self._open = stack
            try:
                self._count()
            except BaseException:
                self._open = None
                raise
            self._open = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        opened, self._open = self._open, None
        if opened is not None:
            opened.close()
        self._engine.clear()
        self._engine.functions = None

    def read(
        self,
        *addresses: str,
        attached: bool | None = None,
        device: torch.device | str | None = "cpu",
        dtype: torch.dtype | None = None,
    ) -> Seen:
        """Ask for values; the mapping is filled while the model runs.

        Args:
            addresses: What to read.
            attached: Keep the model's own tensor with its graph, instead of a detached copy; None for what ``grad``
                says.
            device: Where copies are kept, None for where they were computed.
            dtype: In which copies of floating values are kept, such as ``torch.float16``; None for as computed, so that
                a value that is put back changes no bit, and in half precision where that is all that fits under
                ``max_bytes``, which ``warnings`` of the result says.

        Raises:
            AddressError: An address names nothing in this model.
            ModelError: The tap is open in another thread.
        """
        keep_graph = self.grad if attached is None else attached
        place = None if keep_graph or device is None else torch.device(device)
        terms = Terms(keep_graph, place, None if keep_graph else dtype)
        known = modules_by_path(self.model)
        resolved = [resolve(self.model, text, known) for text in addresses]
        seen = Seen(type(self._engine.watch.root).__name__, addresses)
        for address in resolved:
            self._engine.wish(Wish(address, terms, seen, retain=self.grad))
        self._count()
        return seen

    def edit(self, edits: Mapping[str, Edit]) -> None:
        """Replace values while the tap is open: to steer, scale, ablate or patch.

        Args:
            edits: address -> function from the value to a new value of the same shape and dtype, such as those of
                ``workbench.taps.edits``.

        Raises:
            AddressError: An address names nothing in this model.
            ModelError: The tap is open in another thread.
        """
        for address, change in [(resolve(self.model, text), change) for text, change in edits.items()]:
            self._engine.change(address, change)
        self._count()

    def run(self, inputs: Any, *addresses: str, call: Call | None = None, stop: bool = True) -> Seen:
        """The values of one forward in evaluation mode, which ends as soon as the deepest of them is known.

        What comes after it, such as the head of a language model, is never computed. Random numbers, modes and
        weights are afterwards as before; edits that were asked for apply.

        Args:
            inputs: What the model is called with.
            addresses: What to read.
            call: How the model is called, where that is not the ordinary way.
            stop: Whether to end the forward early.

        Raises:
            AddressError: An address names nothing in this model.
        """
        with ExitStack() as stack:
            stack.enter_context(look())
            stack.enter_context(evaluating(self.model))
            stack.enter_context(torch.set_grad_enabled(self.grad))
            seen = self.read(*addresses)
            stack.callback(self._engine.withdraw, seen)
            if self._open is None:
                stack.enter_context(self)
            self._engine.end_with(seen if stop else None)
            try:
                _run(self.model, inputs, call)
            except Enough:
                self._engine.watch.reset()
            finally:
                self._engine.end_with(None)
        return seen

    def discover(self, inputs: Any, *, call: Call | None = None) -> Sites:
        """Every address that a forward on these inputs computes, in order, without keeping a tensor.

        Args:
            inputs: What the model is called with.
            call: How the model is called, where that is not the ordinary way.
        """
        other = Tap(self.model)
        other._engine.sites = sites = []
        other._engine.watch.attach(self.model.modules())
        with look(), evaluating(self.model), torch.no_grad(), other:
            _run(self.model, inputs, call)
        return Sites(sites)

    def _count(self) -> None:
        """Have torch calls counted as soon as somebody needs it, as if from the start."""
        if self._open is None or self._counting or not self._engine.needs_functions:
            return
        if not self._engine.watch.here:
            raise ModelError("This tap was entered in another thread: read and edit in the thread that entered it.")
        self._counting = True
        self._open.enter_context(eagerly())
        self._engine.functions = FunctionCalls(self._engine.computed)
        self._open.enter_context(inserted(self._engine.functions, self._depth))


def tap(model: nn.Module, *, max_bytes: int = MAX_BYTES, grad: bool = False) -> Tap:
    """A tap on any live model; see ``Tap``.

    Args:
        model: Any module.
        max_bytes: How much may be held by the values read.
        grad: Whether values keep their graph.
    """
    return Tap(model, max_bytes=max_bytes, grad=grad)


def _run(model: nn.Module, inputs: Any, how: Call | None) -> None:
    call(model, inputs, call=how)

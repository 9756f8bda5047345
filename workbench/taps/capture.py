"""AttentionTap: the attention weights of any live model, recomputed beside its own kernels, which give the output.

Seen are ``F.scaled_dot_product_attention``, ``F.multi_head_attention_forward``, softmax(...) @ values written out
(also with exp and sum, or exp and logsumexp), softmax over values sampled at points, the attention functions of
transformers (whatever kernel they run), and the softmax over edges or pooled nodes of PyG. Not seen are ``torch.jit``
modules, other threads, and attention that never forms softmax weights, such as linear attention.
The model is never switched to another implementation, because for some models that computes something else; the
fused inference kernels of ``nn.TransformerEncoder`` and ``nn.MultiheadAttention`` stay in place as well.
"""

from collections.abc import Callable, Collection
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

import torch
from torch import Tensor, nn

from workbench.core.errors import AddressError, nearest
from workbench.taps.fused import FusedCalls
from workbench.taps.gating import Gate
from workbench.taps.hooks import Watch
from workbench.taps.kernels import product_error, unseen
from workbench.taps.layouts import crosses
from workbench.taps.libraries import Frame, seen_by
from workbench.taps.precision import HALF, SINGLE, fitting
from workbench.taps.records import AttentionRecord, Computed
from workbench.taps.routing import Routing
from workbench.taps.running import Running
from workbench.taps.telling import TellingKernels
from workbench.taps.torch_attention import TorchAttention
from workbench.taps.written import WrittenAttention

MAX_BYTES = 1 << 28


class AttentionTap:
    """A context in which the attention of one model is recorded, in the thread that entered it."""

    def __init__(
        self,
        model: nn.Module,
        *,
        modules: Collection[str] | None = None,
        max_bytes: int = MAX_BYTES,
        exact: bool = False,
        gate: Gate | None = None,
    ) -> None:
        """A tap that begins when it is entered.

        Args:
            model: Any module.
            modules: Paths; attention in them and their submodules is recorded. None for all.
            max_bytes: How much the recorded weights may hold; what does not fit is recorded without weights.
            exact: Keep all weights in single precision. Otherwise those by query and key, which grow with the square
                of the input, are kept in half precision where that does no harm: see ``workbench.taps.precision``.
            gate: Gives factors for the heads of an attention, which then change what the model computes.

        Raises:
            AddressError: A path names nothing in this model.
        """
        self.records: list[AttentionRecord] = []
        self.bytes = 0
        self.max_bytes = max_bytes
        self.exact = exact
        self.gate = gate
        self.step = -1
        """how often the whole model has been called, less one"""
        self.ids: dict[str, list[Tensor]] = {}
        """the token ids that embeddings were given, by module and in order"""
        self._watch = Watch(model, observer=self, fused=gate is None)
        self._watch.attach(self._watch.names)
        self._modules = None if modules is None else tuple(modules)
        self._calls: dict[str, int] = {}
        self.of_torch, self.written = TorchAttention(self), WrittenAttention(self)
        self.frame: Frame | None = None
        self._fused, self._kernels = FusedCalls(Routing), TellingKernels()
        self._open = ExitStack()
        known = set(self._watch.names.values())
        for path in self._modules or ():
            if path not in known:
                raise AddressError(f"{type(model).__name__} has no module {path!r}.{nearest(path, known)}")

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.callback(self.written.clear)
            stack.callback(self._fused.clear)
            self._kernels.clear()
            stack.enter_context(self._watch)
            stack.enter_context(seen_by(self))
            stack.enter_context(Routing(self))
            self._open = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def entering(self, run: Running, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """A module begins to run."""
        if run.again or run.elsewhere:
            return
        self._kernels.begin(run)
        self._count(run.module, args)
        if self.gate is None:
            self._fused.begin(run, args, kwargs)

    def _count(self, module: nn.Module, inputs: tuple[Any, ...]) -> None:
        """Count the forwards of the model, and keep its tokens."""
        name = self._watch.names[module]
        if not name:
            self.step += 1
            self._fused.clear()  # of a forward that was broken off
        elif isinstance(module, nn.Embedding) and inputs and isinstance(inputs[0], Tensor) and inputs[0].dim() == 2:  # noqa: PLR2004 - (batch, length)
            given = self.ids.setdefault(name, [])
            if len(given) == self.step and not inputs[0].is_meta:  # its first call of this forward
                with unseen():
                    given.append(inputs[0].detach().cpu())

    @property
    def where(self) -> nn.Module | None:
        """The innermost module that is running."""
        return self._watch.where

    @property
    def path(self) -> str:
        """The path of the innermost module that is running."""
        inner = self._watch.where
        return "" if inner is None else self._watch.names[inner]

    def factors(self, *, begun: bool = False) -> Tensor | None:
        """Factors for a product of an attention that is recorded with another of its products.

        Args:
            begun: Whether that was an earlier one.
        """
        return None if self.gate is None else self.gate(self.path, self._calls.get(self.path, 0) - begun)

    def name_of(self, module: nn.Module) -> str:
        """The path of a module, or of the innermost one that is running."""
        return self._watch.names.get(module) or self.path

    def wanted(self, name: str | None = None) -> bool:
        """Whether attention of this module, by default the one that is running, is recorded now."""
        inner = self._watch.where
        if inner is None or not self._watch.active:
            return False
        return self._chosen(self._watch.names[inner] if name is None else name)

    def named(self, module: nn.Module) -> str | None:
        """The path of a module whose attention is recorded; None for any other."""
        path = self._watch.names.get(module)
        return path if path is not None and self._chosen(path) else None

    def _chosen(self, path: str) -> bool:
        chosen = self._modules
        return chosen is None or any(path == one or not one or path.startswith(f"{one}.") for one in chosen)

    def record(
        self,
        kind: str,
        size: int,
        compute: Callable[[], Computed],
        *,
        pairs: bool = True,
        beside: int = 0,
        **more: Any,
    ) -> Tensor | None:
        """Keep one attention.

        Args:
            kind: How it was seen.
            size: How many weights there are.
            compute: Gives the weights and what they can be checked with; not called when they do not fit.
            pairs: Whether there is a weight for every query and key, or every position of a window.
            beside: Bytes of what is kept to check them with.
            more: Other fields of the record.

        Returns:
            Factors by which the heads of this attention are to be multiplied; None to leave them alone.
        """
        frame = self.frame
        module = frame.module if frame else self.path
        call = self._calls.get(module, 0)
        self._calls[module] = call + 1
        if frame:
            frame.done, kind = True, frame.kind
            more |= {"near": frame.near}
        more |= {"step": self.step}
        factors = None if self.gate is None else self.gate(module, call)
        exact = self.exact or not pairs
        needed = size * (SINGLE if exact else HALF).itemsize + beside
        if self.bytes + needed > self.max_bytes:
            self.records.append(AttentionRecord(module, call, kind, None, bytes=needed, **more))
            return factors
        with torch.no_grad(), unseen():
            found = compute()
            weights, error = found.weights, found.error
            if found.values is not None and found.product is not None:
                error = product_error(weights, found.values, found.product)
            # A decoding step comes packed as (batch, key heads, group, keys).
            if frame and weights.numel() == frame.batch * frame.heads * frame.queries * weights.size(-1):
                weights = weights.reshape(frame.batch, frame.heads, frame.queries, weights.size(-1))
            dtype = SINGLE if exact else fitting(weights)
            needed = size * dtype.itemsize + beside
            fits = self.bytes + needed <= self.max_bytes
            kept = weights.detach().to("cpu", dtype, copy=True) if fits else None
        self.bytes += needed if fits else 0
        more.setdefault("crosses", self._crosses(frame))
        proof = None if error is None or not fits else lambda: error
        self.records.append(AttentionRecord(module, call, kind, kept, bytes=needed, proof=proof, **more))
        return factors

    def _crosses(self, frame: Frame | None) -> bool | None:
        """Whether the attention that is being recorded looks at another sequence."""
        module = frame.owner if frame else self._watch.where
        return None if module is None else crosses(module)

    def leaving(self, run: Running, output: Any) -> None:
        """A module ends."""
        if run.again or run.elsewhere:
            return
        call = self._fused.end(run)
        if call is not None:
            self.of_torch.fused(call, output)
        self.written.close(run.module, output)

"""implied_attention: the matrix by which any attention that is linear in its values mixes them.

Linear, hashed, block-sparse and otherwise approximated attention never forms softmax weights, but as long as its
output is A @ values for fixed queries and keys, A can be read off exactly: the module is run again with values that
are one for one key and zero elsewhere, as many keys at a time as a head is wide.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from workbench.core.calling import Call, call
from workbench.core.errors import AddressError, ModelError, nearest
from workbench.core.live import evaluating, look
from workbench.interpret._labels import positions
from workbench.interpret.attending.attention_map import AttentionMap
from workbench.interpret.batches import as_batch
from workbench.taps.kernels import relative_error

_VALUES = ("value", "v_proj", "to_v", "v_lin", "v", "values", "v_linear", "w_v", "W_v")
"""How libraries call the projection to values."""
_RESULTS = ("to_out.0", "out_proj", "o_proj", "to_out", "dense", "out_lin", "proj", "c_proj", "output", "o", "out")
"""How they call the projection of what comes out, where the module has one."""


def implied_attention(
    model: nn.Module,
    batch: Any,
    module: str,
    *,
    heads: int | None = None,
    values: str | None = None,
    call: Call | None = None,
) -> AttentionMap:
    """The implied matrix of one attention module, labelled "implied".

    Its error says how far the module's own output is from the matrix times its own values: near zero where it is
    linear in its values, as all attention is; large where it is not, and then the matrix means nothing.

    Args:
        model: Any module.
        batch: What it is called with.
        module: Path of the attention module, which projects its input to values by a module of its own.
        heads: How many; None to read them off the module.
        values: Name of that projection inside the module; None to find it.
        call: How the model is called, where that is not the ordinary way.

    Raises:
        AddressError: There is no such module, or none in it that gives values.
        ModelError: The module was not called, or its heads are not known or do not fit.
    """
    attending, given, result = _parts(model, module, values)
    with look(), evaluating(model), torch.no_grad():
        first = _called(model, batch, call, attending, module)
        probe = _Probe(attending, given, result, first, len(as_batch(batch)))
        own, product = probe.run(lambda projected: projected)
        count = heads or _heads(attending)
        if count is None or own.dim() != 3 or own.size(-1) % count or product.numel() % own.size(-1):  # noqa: PLR2004 - (batch, keys, width)
            raise ModelError(
                f"The heads of {module!r} are not known or do not fit values {tuple(own.shape)}: give heads=."
            )
        weights = _read(probe, own, product, count)
    mine = weights @ own.view(len(own), -1, count, own.size(-1) // count).transpose(1, 2).float().cpu()
    error = relative_error(mine.transpose(1, 2).reshape(product.shape), product.float().cpu())
    queries, keys = ((positions(n),) * len(weights) for n in weights.shape[-2:])
    about: dict[str, Any] = {"module": module, "call": 0, "kind": "implied", "seen": "probed"}
    return AttentionMap(**about, stored=weights, queries=queries, keys=keys, proof=lambda: error)


def _parts(model: nn.Module, module: str, values: str | None) -> tuple[nn.Module, nn.Module, nn.Module | None]:
    """The attention module, its projection to values, and the projection of what comes out, where it has one."""
    known = dict(model.named_modules())
    if module not in known:
        raise AddressError(f"{type(model).__name__} has no module {module!r}.{nearest(module, known)}")
    attending = known[module]
    given = _child(attending, values, _VALUES)
    if given is None:
        names = ", ".join(name for name, _ in attending.named_children())
        raise AddressError(f"No projection to values was found in {module!r}: name one of {names} by values=.")
    return attending, given, _child(attending, None, _RESULTS)


def _keys_first(projected: Tensor, examples: int) -> bool:
    """Whether a projection is (keys, batch, width)."""
    return projected.dim() == 3 and len(projected) != examples == projected.size(1)  # noqa: PLR2004 - as said


def _turn(projected: Tensor, turn: bool) -> Tensor:  # noqa: FBT001 - private, of two
    return projected.transpose(0, 1) if turn else projected


@dataclass(frozen=True, slots=True)
class _Arguments:
    """What a module was called with."""

    positional: tuple[Any, ...]
    named: dict[str, Any]
    generator: Tensor
    """state of the generator before, for attention that draws its hashes"""


def _called(model: nn.Module, batch: Any, how: Call | None, attending: nn.Module, name: str) -> _Arguments:
    """The arguments of the module's first call."""
    seen: list[_Arguments] = []

    def note(_: nn.Module, positional: tuple[Any, ...], named: dict[str, Any]) -> None:
        if not seen:
            # Caches are written to by each call.
            seen.append(_Arguments(*copy.deepcopy((positional, named)), torch.default_generator.get_state()))

    handle = attending.register_forward_pre_hook(note, with_kwargs=True)
    try:
        call(model, as_batch(batch), call=how)
    finally:
        handle.remove()
    if not seen:
        raise ModelError(f"{name!r} was not called by this forward.")
    return seen[0]


@dataclass(frozen=True, slots=True)
class _Probe:
    """Runs a module again, as it was called first, with other values."""

    attending: nn.Module
    given: nn.Module
    result: nn.Module | None
    first: _Arguments
    examples: int

    def run(self, change: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor]:
        """Changed values (batch, keys, width) and what came of them (batch, queries, width)."""
        values: list[Tensor] = []
        products: list[Tensor] = []

        def replace(_: nn.Module, __: Any, output: Tensor) -> Tensor:
            turn = _keys_first(output, self.examples)
            values.append(change(_turn(output, turn)))
            return _turn(values[-1], turn).clone(memory_format=torch.contiguous_format)  # some write into it

        def keep(_: nn.Module, inputs: tuple[Any, ...]) -> None:
            products.append(inputs[0])

        handles = [self.given.register_forward_hook(replace)]
        if self.result is not None:
            handles.append(self.result.register_forward_pre_hook(keep))
        try:
            torch.default_generator.set_state(self.first.generator)
            positional, named = copy.deepcopy((self.first.positional, self.first.named))
            output = self.attending(*positional, **named)
        finally:
            for handle in handles:
                handle.remove()
        product = products[-1] if products else output[0] if isinstance(output, tuple) else output
        return values[0], _turn(product, _keys_first(product, self.examples))


def _read(probe: _Probe, own: Tensor, product: Tensor, heads: int) -> Tensor:
    """(batch, heads, queries, keys), as many keys a run as a head is wide."""
    batch, keys, width = own.shape
    each = width // heads
    queries = product.numel() // (batch * width)
    weights = torch.zeros(batch, heads, queries, keys)
    for start in range(0, keys, each):
        some = min(each, keys - start)

        def ones(values: Tensor, start: int = start, some: int = some) -> Tensor:
            basis = torch.zeros_like(values).view(batch, keys, heads, each)
            at = torch.arange(some, device=values.device)
            basis[:, start + at, :, at] = 1.0
            return basis.view_as(values)

        mixed = probe.run(ones)[1].reshape(batch, queries, heads, each).float().cpu()
        weights[..., start : start + some] = mixed[..., :some].transpose(1, 2)
    return weights


def _child(attending: nn.Module, name: str | None, usual: tuple[str, ...]) -> nn.Module | None:
    children = dict(attending.named_modules())
    return next((children[one] for one in ((name,) if name else usual) if one in children), None)


def _heads(attending: nn.Module) -> int | None:
    for name in ("num_attention_heads", "num_heads", "n_heads", "heads", "n_head"):
        found = getattr(attending, name, None)
        if isinstance(found, int):
            return found
    return None

# pyright: reportPrivateUsage=false, reportPrivateImportUsage=false
# torch changes its stack of modes only from the top
"""The fused inference kernels of ``nn.MultiheadAttention`` and ``nn.TransformerEncoder``: left in place, and told of.

torch gives them up wherever a function mode could see a tensor, and then gives out other numbers (of padded tokens
quite others). So while such a module runs its own forward, the function modes of this thread step aside, and come back
for its submodules. What it attended to is computed from its arguments when it has ended. A dispatch mode could see the
kernel's own call, but in inference mode some kernels give out other numbers under one.
"""

import functools
import threading
from collections.abc import Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import _get_current_function_mode_stack, _pop_mode, _push_mode

from workbench.taps.kernels import attention_weights, relative_error
from workbench.taps.layouts import frames
from workbench.taps.records import Computed
from workbench.taps.running import Running

_here = threading.local()


def may_fuse(module: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
    """Whether the forward of a module itself, without its submodules, may call a fused kernel and no other attention.

    Args:
        module: Any.
        args: What it is called with.
        kwargs: What it is called with by name.
    """
    if isinstance(module, nn.MultiheadAttention):
        return type(module).forward is nn.MultiheadAttention.forward and _multi_head_fuses(module, args, kwargs)
    # In these, attention that is not fused is computed by a submodule.
    return type(module) in (nn.TransformerEncoder, nn.TransformerEncoderLayer) and not module.training


def _multi_head_fuses(module: nn.MultiheadAttention, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
    """The conditions that ``nn.MultiheadAttention.forward`` asks for."""
    given = _named(_OF_MULTI_HEAD, args, kwargs)
    query, weight, bias = given.get("query"), module.in_proj_weight, module.in_proj_bias
    masks = [given.get("key_padding_mask"), given.get("attn_mask")]
    if query is None or query.dim() != 3 or not query is given.get("key") is given.get("value"):  # noqa: PLR2004 - a batch
        return False
    if weight is None or bias is None or not query.dtype == weight.dtype == bias.dtype:  # pyright: ignore[reportUnnecessaryComparison] - torch sets both to None
        return False
    plain = module.bias_k is None and module.bias_v is None and not module.add_zero_attn
    learning = torch.is_grad_enabled() and any(one.requires_grad for one in (query, *module.parameters()))
    return (
        plain
        and not learning
        and not module.training
        and module._qkv_same_embed_dim  # noqa: SLF001 - what torch asks for
        and module.batch_first
        and module.num_heads % 2 == 0
        and not any(mask is not None and torch.is_floating_point(mask) for mask in masks)
        and not torch.is_autocast_enabled()
        and torch.backends.mha.get_fastpath_enabled()
        and query.device.type in ("cpu", "cuda")
    )


class FusedCalls:
    """Lets the modules of one model use fused kernels, and knows which of them did."""

    def __init__(self, own: type) -> None:
        """None has been called yet.

        Args:
            own: The class of the modes that may step aside; with any other, torch gives up its kernels by itself.
        """
        self._own = own
        self._begun: dict[Running, FusedCall] = {}
        """calls that will have used a fused kernel if they end without calling their attention"""

    def clear(self) -> None:
        """Forget all calls."""
        self._begun.clear()

    def begin(self, run: Running, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        """A module begins to run."""
        for other in [other for other, call in self._begun.items() if call.owner is run.module]:
            del self._begun[other]
        step = _stepping(run.module, args, kwargs, self._own)
        if step is not None:
            run.context.enter_context(step)
        call = FusedCall.of(run.module, args, kwargs) if _waiting() else None
        if call is not None:
            self._begun[run] = call

    def end(self, run: Running) -> "FusedCall | None":
        """A module has ended: its call, if it used a fused kernel."""
        return self._begun.pop(run, None)


def _stepping(
    module: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any], own: type
) -> AbstractContextManager[None] | None:
    """What to enter while a module runs: a block without function modes, one with them again, or None for neither."""
    if not may_fuse(module, args, kwargs):
        return _back() if _waiting() else None
    modes = _get_current_function_mode_stack()
    return _aside() if modes and all(isinstance(mode, own) for mode in modes) else None


def _waiting() -> list[Any]:
    """The function modes that have stepped aside in this thread, the innermost first."""
    return getattr(_here, "modes", [])


@contextmanager
def _aside() -> Generator[None]:
    modes = [_pop_mode() for _ in _get_current_function_mode_stack()]
    before, _here.modes = _waiting(), modes
    try:
        yield
    finally:
        _here.modes = before
        for mode in reversed(modes):
            _push_mode(mode)


@contextmanager
def _back() -> Generator[None]:
    modes, _here.modes = _waiting(), []
    for mode in reversed(modes):
        _push_mode(mode)
    try:
        yield
    finally:
        for _ in modes:
            _pop_mode()
        _here.modes = modes


@dataclass(frozen=True, slots=True, eq=False)
class FusedCall:
    """A call of a module that uses a fused kernel unless it calls a submodule that attends."""

    owner: nn.MultiheadAttention
    """the attention itself"""
    layer: nn.TransformerEncoderLayer | None
    """the layer around it, if that is the module"""
    inputs: Tensor
    """(batch, tokens, width), or nested"""
    masked: Tensor | None
    """booleans over (batch, heads, queries, keys)"""

    @classmethod
    def of(cls, module: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]) -> "FusedCall | None":
        """The call that begins, of a module that may fuse; None for a container of such."""
        if isinstance(module, nn.MultiheadAttention):
            given = _named(_OF_MULTI_HEAD, args, kwargs)
            masked = _masked(given["query"], given.get("attn_mask"), given.get("key_padding_mask"))
            return cls(module, None, given["query"], masked)
        if isinstance(module, nn.TransformerEncoderLayer):
            given = _named(_OF_LAYER, args, kwargs)
            masked = _masked(given["src"], given.get("src_mask"), given.get("src_key_padding_mask"))
            return cls(module.self_attn, module, given["src"], masked)
        return None

    @property
    def size(self) -> tuple[int, int, int]:
        """(batch, heads, tokens)."""
        whole, _ = _padded(self.inputs)
        return whole.size(0), self.owner.num_heads, whole.size(1)

    def shadowed(self, output: Any) -> Computed:
        """The weights, recomputed beside the kernel, with the error of what follows from them."""
        asked, real = _padded(self.inputs)
        attend = self.owner
        inner = asked if self.layer is None or not self.layer.norm_first else self.layer.norm1(asked)
        packed = F.linear(inner, attend.in_proj_weight, attend.in_proj_bias)
        query, key, value = packed.unflatten(-1, (3, attend.num_heads, -1)).permute(2, 0, 3, 1, 4)
        allowed = None if self.masked is None else ~self.masked
        if real is not None:
            allowed = real[:, None, None, :]
        weights = attention_weights(query, key, allowed)
        if real is not None:  # of padded queries nothing is computed
            weights = weights * real[:, None, :, None]
        mixed = (weights.to(value.dtype) @ value).transpose(1, 2).flatten(2)
        made = F.linear(mixed, attend.out_proj.weight, attend.out_proj.bias)
        if self.layer is not None:
            made = _finished(self.layer, asked, made)
        own = _padded(output[0] if self.layer is None else output)[0]
        return Computed(weights, error=relative_error(made if real is None else made * real[..., None], own))


def _finished(layer: nn.TransformerEncoderLayer, asked: Tensor, attended: Tensor) -> Tensor:
    """What an encoder layer gives out, by the functions of its submodules, which are not called themselves."""
    change = F.relu if layer.activation_relu_or_gelu == _RELU else F.gelu

    def norm(x: Tensor, by: nn.LayerNorm) -> Tensor:
        return F.layer_norm(x, x.shape[-1:], by.weight, by.bias, by.eps)

    def feed(x: Tensor) -> Tensor:
        inside = change(F.linear(x, layer.linear1.weight, layer.linear1.bias))
        return F.linear(inside, layer.linear2.weight, layer.linear2.bias)

    made = asked + attended
    if layer.norm_first:
        return made + feed(norm(made, layer.norm2))
    made = norm(made, layer.norm1)
    return norm(made + feed(made), layer.norm2)


def _padded(x: Tensor) -> tuple[Tensor, Tensor | None]:
    """(batch, tokens, width) of what may be nested, and which tokens are real where it is."""
    if not x.is_nested:
        return x, None
    lengths = x._nested_tensor_size()[:, 0]  # noqa: SLF001 - torch offers no public name
    outer = next(frames("forward", "src_key_padding_mask_for_layers"), None)
    longest = int(lengths.max()) if outer is None else outer.f_locals["src"].size(1)
    whole = x.to_padded_tensor(0.0, (x.size(0), longest, x.size(2)))
    return whole, (torch.arange(longest) < lengths[:, None]).to(whole.device)


def _masked(asked: Tensor, mask: Tensor | None, padding: Tensor | None) -> Tensor | None:
    """Booleans over (batch, heads, queries, keys): the kernels take every number but zero for "masked"."""
    hidden = [] if padding is None else [padding.bool()[:, None, None, :]]
    if mask is not None:  # (queries, keys) or (batch * heads, queries, keys)
        hidden.append(mask.bool() if mask.dim() == 2 else mask.bool().unflatten(0, (asked.size(0), -1)))  # noqa: PLR2004 - as said
    return functools.reduce(torch.logical_or, hidden) if hidden else None


def _named(names: Sequence[str], args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    return {**dict(zip(names, args, strict=False)), **kwargs}


_OF_MULTI_HEAD = ("query", "key", "value", "key_padding_mask", "need_weights", "attn_mask")
_OF_LAYER = ("src", "src_mask", "src_key_padding_mask")
_RELU = 1
"""torch's number for it"""

"""Where libraries compute attention: the kernels of transformers, and torch's multi-head body.

Most of it is torch calls, which a function mode sees in its own thread alone; what the library knows beyond their
arguments is read off the frames that are running, so nothing is replaced. Only a kernel of transformers that calls
nothing of torch's (flash, flex, one of somebody's own) has to tell, while a tapped module that is configured for it
runs: those of its modules that look the kernel up find another (``interfaces``). Where they cannot be made to, because
the model is a lone attention module, looks it up in another way, or was given another forward, the kernel is swapped:
under the step lock, so that no training step meets it. It passes straight through in threads that have no open tap.
Nothing is imported: a library that is not loaded has no model to look into.
"""

import functools
import sys
import threading
from collections.abc import Callable, Generator, MutableMapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from types import FunctionType
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from workbench.taps.functions import modeless
from workbench.taps.gating import gated_result
from workbench.taps.kernels import attention_weights
from workbench.taps.layouts import frames
from workbench.taps.records import Computed
from workbench.taps.swaps import Place, Swaps

if TYPE_CHECKING:
    from workbench.taps.capture import AttentionTap


@dataclass(slots=True)
class Frame:
    """A library's own attention function that is running: who asked, with which queries."""

    module: str
    kind: str
    batch: int
    heads: int
    queries: int
    owner: nn.Module
    near: bool
    """whether a sliding window keeps far keys out"""
    done: bool = False


_here = threading.local()


def open_taps() -> "list[AttentionTap]":
    """The taps that are open in this thread, in the order of entering."""
    return getattr(_here, "taps", [])


@contextmanager
def seen_by(tap: "AttentionTap") -> Generator[None]:
    """A block in which a tap is told of the attention that swapped kernels compute in this thread."""
    _here.taps = [*open_taps(), tap]
    try:
        yield
    finally:
        _here.taps = [other for other in open_taps() if other is not tap]


@contextmanager
def framed(tap: "AttentionTap", frame: Frame | None) -> Generator[None]:
    """A block in which a tap takes what it sees for the work of this function of a library."""
    outer, tap.frame = tap.frame, frame
    try:
        yield
    finally:
        tap.frame = outer


def configured(module: nn.Module) -> str | None:
    """The kernel that a module of transformers is to use."""
    name = getattr(vars(module).get("config"), "_attn_implementation", None)
    return name if isinstance(name, str) else None


def kernel_places(name: str) -> list[Place]:
    """Where a kernel of transformers of which torch's calls do not tell stands."""
    name = name.removeprefix("paged|") if name != "paged|eager" else name
    kernels = [(mapping, mapping.get(name)) for mapping in _attention_mappings()]
    return [(mapping, name) for mapping, function in kernels if getattr(function, "__module__", _SDPA) != _SDPA]


def sdpa_frame(tap: "AttentionTap") -> Frame | None:
    """The ``sdpa_attention_forward`` of transformers that is calling torch's kernel, if there is one."""
    found = next((f for f in frames("sdpa_attention_forward", "module") if f.f_globals["__name__"] == _SDPA), None)
    names = {} if found is None else found.f_locals
    if not names or names["query"].dim() != 4:  # noqa: PLR2004 - (batch, heads, queries, d)
        return None
    module, query = names["module"], names["query"]
    # A decoding step comes packed as (batch, key heads, group, keys).
    queries = names.get("q_length", query.size(2))
    heads = query.size(1) * query.size(2) // max(queries, 1)
    near = _near(names.get("kwargs", {}), names["key"])
    return Frame(tap.name_of(module), "transformers:sdpa", query.size(0), heads, queries, module, near)


def _attention_mappings() -> list[MutableMapping[str, Any]]:
    library = sys.modules.get("transformers.modeling_utils")
    if library is None:
        return []
    found: dict[int, MutableMapping[str, Any]] = {}
    for owner in (library.AttentionInterface, *_interfaces(len(sys.modules))):
        for attribute in ("_global_mapping", "_local_mapping"):
            mapping = getattr(owner, attribute, None)
            if isinstance(mapping, MutableMapping):
                found[id(mapping)] = mapping
    return list(found.values())


@functools.lru_cache(maxsize=1)
def _interfaces(loaded: int) -> tuple[Any, ...]:  # noqa: ARG001 - looked for again when a module has been loaded
    """The attention interfaces by which the models of transformers look up kernels."""
    modules = [module for name, module in list(sys.modules.items()) if name.startswith("transformers.")]
    # What stands in the module's own names: asking a lazy package for another would load it.
    return tuple(found for one in modules if (found := vars(one).get("ALL_ATTENTION_FUNCTIONS")) is not None)


def telling(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """A kernel of transformers that tells the open taps of this thread, where torch's calls do not."""
    if function.__module__ == _SDPA or hasattr(function, _TELLS):
        return function

    @functools.wraps(function)
    def attention(module: nn.Module, query: Tensor, key: Tensor, value: Tensor, *args: Any, **kwargs: Any) -> Any:
        run = function
        for tap in open_taps():
            if query.dim() == 4 and tap.wanted(tap.name_of(module)):  # noqa: PLR2004 - (batch, heads, queries, d)
                run = functools.partial(_recorded, tap, name, run)
        return run(module, query, key, value, *args, **kwargs)

    setattr(attention, _TELLS, True)
    return attention


def _recorded(
    tap: "AttentionTap",
    kernel: str,
    function: Callable[..., Any],
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    *args: Any,
    **kwargs: Any,
) -> Any:
    batch, heads, queries, _ = query.shape
    near = _near(kwargs, key)
    frame = Frame(tap.name_of(module), f"transformers:{kernel}", batch, heads, queries, module, near)
    # Dynamo, by which torch runs flex attention, would trace a function mode with it.
    with framed(tap, frame), modeless() if kernel.endswith("flex_attention") else nullcontext():
        output = function(module, query, key, value, *args, **kwargs)
        if not frame.done:  # a fused kernel that calls nothing of torch's
            mask = args[0] if args else kwargs.get("attention_mask")
            factors = _shadow(tap, module, (query, key, value), mask, kwargs, output)
            return output if factors is None else gated_result(output, factors)
        return output


def _near(options: dict[str, Any], key: Tensor) -> bool:
    window = options.get("sliding_window")
    return isinstance(window, int) and 0 < window < key.size(-2)


def _shadow(
    tap: "AttentionTap",
    module: nn.Module,
    qkv: tuple[Tensor, Tensor, Tensor],
    mask: Any,
    options: dict[str, Any],
    output: Any,
) -> Tensor | None:
    query, key, value = qkv

    def compute() -> Computed:
        causal = options.get("is_causal")
        causal = getattr(module, "is_causal", True) if causal is None else causal
        dense = _dense_mask(mask, query, key, causal=bool(causal), window=options.get("sliding_window"))
        weights = attention_weights(
            query,
            key,
            dense,
            scale=options.get("scaling"),
            softcap=options.get("softcap"),
            sinks=options.get("s_aux"),
        )
        product = output[0].transpose(1, 2) if isinstance(output, tuple) else output
        return Computed(weights, value, None if options.get("dropout") else product)

    return tap.record("kernel", query.numel() // query.size(-1) * key.size(-2), compute)


def _dense_mask(mask: Any, query: Tensor, key: Tensor, *, causal: bool, window: int | None) -> Tensor:
    """The mask of a fused kernel as booleans or numbers over (..., queries, keys)."""
    queries, keys = query.size(-2), key.size(-2)
    if hasattr(mask, "mask_mod"):  # flex attention keeps a function of (batch, head, query, key)
        axes = [torch.arange(n, device=query.device) for n in (query.size(0), query.size(1), queries, keys)]
        grid = torch.meshgrid(*axes, indexing="ij")
        return mask.mask_mod(*grid)
    if mask is not None and mask.dim() == 4:  # noqa: PLR2004 - already dense
        return mask[..., :keys]
    # Flash kernels take a padding mask (batch, keys) and align the last query with the last key.
    allowed = torch.ones(queries, keys, dtype=torch.bool, device=query.device)
    if causal and queries > 1:
        allowed = allowed.tril(keys - queries)
    if window:
        allowed = allowed & allowed.new_ones(queries, keys).triu(keys - queries - window + 1)
    return allowed if mask is None else allowed & mask[:, None, None, -keys:].bool()


@contextmanager
def multi_head_with(function: Callable[..., Any], told: Callable[..., Tensor]) -> Generator[Callable[..., Any]]:
    """A block with an ``F.multi_head_attention_forward`` that tells of the kernel it calls out of sight of modes.

    Args:
        function: It, or what this made of it for another tap.
        told: (kernel, its arguments) -> its output.

    Yields:
        The same code over a copy of its globals; for any other function, that function.
    """
    if not isinstance(function, FunctionType) or _PRODUCT not in function.__code__.co_names:
        yield function
        return
    names = dict(function.__globals__)
    copy = FunctionType(function.__code__, names, function.__name__, function.__defaults__, function.__closure__)
    functools.update_wrapper(copy, function)
    copy.__kwdefaults__ = function.__kwdefaults__
    names[_PRODUCT] = functools.partial(told, names[_PRODUCT])
    names[function.__name__] = copy  # by this name it hands itself on to the next function mode
    try:
        yield copy
    finally:
        names.clear()  # the copy holds itself, and with it the tap


_SDPA = "transformers.integrations.sdpa_attention"
_PRODUCT = "scaled_dot_product_attention"
_TELLS = "__told__"
KERNELS = Swaps(telling)
"""The kernels of transformers that are telling in the whole process."""

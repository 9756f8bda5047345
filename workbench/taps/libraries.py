"""Where libraries compute attention out of sight of torch calls: the kernels of transformers, the edge softmax of PyG.

Both are module-level callables. They are swapped while a tap is open, pass straight through in threads that have no
open tap, and are put back by the last tap. Nothing is imported: a library that is not loaded has no model to look into.
"""

import functools
import inspect
import sys
import threading
from collections.abc import Callable, Generator, Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workbench.taps.gating import gated_result
from workbench.taps.kernels import attention_weights
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
    """A block in which a tap is told of the attention that libraries compute in this thread."""
    _here.taps = [*open_taps(), tap]
    try:
        with _KERNELS, _EDGE_SOFTMAX:
            yield
    finally:
        _here.taps = [other for other in open_taps() if other is not tap]


def _attention_mappings() -> list[MutableMapping[str, Any]]:
    library = sys.modules.get("transformers.modeling_utils")
    if library is None:
        return []
    found: dict[int, MutableMapping[str, Any]] = {}
    owners = [library.AttentionInterface]
    owners += [
        getattr(module, "ALL_ATTENTION_FUNCTIONS", None)
        for name, module in list(sys.modules.items())
        if name.startswith("transformers.")
    ]
    for owner in owners:
        for attribute in ("_global_mapping", "_local_mapping"):
            mapping = getattr(owner, attribute, None)
            if isinstance(mapping, MutableMapping):
                found[id(mapping)] = mapping
    return list(found.values())


def _kernel_places() -> Iterator[Place]:
    for mapping in _attention_mappings():
        yield from ((mapping, name) for name in list(mapping))


def _kernel(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def attention(module: nn.Module, query: Tensor, key: Tensor, value: Tensor, *args: Any, **kwargs: Any) -> Any:
        run = function
        for tap in open_taps():
            if query.dim() == 4 and tap.wanted(tap.name_of(module)):  # noqa: PLR2004 - (batch, heads, queries, d)
                run = functools.partial(_recorded, tap, name, run)
        return run(module, query, key, value, *args, **kwargs)

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
    window = kwargs.get("sliding_window")
    near = isinstance(window, int) and 0 < window < key.size(-2)
    outer, frame = tap.frame, Frame(tap.name_of(module), f"transformers:{kernel}", batch, heads, queries, module, near)
    tap.frame = frame
    try:
        output = function(module, query, key, value, *args, **kwargs)
        if not frame.done:  # a fused kernel that calls nothing of torch's
            mask = args[0] if args else kwargs.get("attention_mask")
            factors = _shadow(tap, module, (query, key, value), mask, kwargs, output)
            return output if factors is None else gated_result(output, factors)
        return output
    finally:
        tap.frame = outer


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

    result = output[0] if isinstance(output, tuple) else output
    beside = 0 if options.get("dropout") else value.nbytes + result.nbytes
    return tap.record("kernel", query.numel() // query.size(-1) * key.size(-2), compute, beside=beside)


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


def _edge_places() -> Iterator[Place]:
    """PyG's softmax over the edges of each node, wherever a module has imported it."""
    real = getattr(sys.modules.get("torch_geometric.utils"), "softmax", None)
    defining = ("torch_geometric.utils", "torch_geometric.utils._softmax")
    if real is None:
        return
    for name, module in list(sys.modules.items()):
        foreign = name in defining or name.startswith(("torch.", "transformers.")) or not hasattr(module, "__dict__")
        if not foreign and vars(module).get("softmax") is real:
            yield vars(module), "softmax"


def _edge_softmax(_: str, function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    @functools.wraps(function)
    def softmax(src: Tensor, index: Tensor | None = None, *args: Any, **kwargs: Any) -> Tensor:
        output = function(src, index, *args, **kwargs)
        for tap in open_taps():
            if tap.wanted():
                factors = _record_edges(tap, output, index)
                output = output if factors is None else output * factors
        return output

    return softmax


def _record_edges(tap: "AttentionTap", weights: Tensor, index: Tensor | None) -> Tensor | None:
    edges = _edges()
    if edges is None or edges.size(1) != len(weights):
        return None  # a softmax over something else, such as the nodes of a graph
    nodes = max(int(edges.max()) + 1 if edges.numel() else 0, int(index.max()) + 1 if index is not None else 0)
    flat = weights.reshape(len(weights), -1)
    kept = edges.detach().to("cpu", copy=True)
    return tap.record("edges", flat.numel(), lambda: Computed(flat), edges=kept, nodes=nodes)


def _edges() -> Tensor | None:
    """The edges over which messages are passed, with added self loops: a local of the frame that passes them."""
    frame = inspect.currentframe()
    while frame is not None:
        if frame.f_code.co_name in ("propagate", "edge_updater"):
            found = frame.f_locals.get("edge_index")
            if isinstance(found, Tensor) and found.dim() == 2:  # noqa: PLR2004 - (2, edges)
                return found
        frame = frame.f_back
    return None


def _product_places() -> Iterator[Place]:
    library: Any = F
    yield vars(library), "scaled_dot_product_attention"


def _product(_: str, function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    @functools.wraps(function)
    def scaled_dot_product_attention(*args: Any, **kwargs: Any) -> Tensor:
        run = function
        for tap in open_taps():
            if tap.inside_multi_head:
                run = functools.partial(tap.scaled_dot_product, run)
        return run(*args, **kwargs)

    return scaled_dot_product_attention


_KERNELS = Swaps(_kernel_places, _kernel)
_EDGE_SOFTMAX = Swaps(_edge_places, _edge_softmax)
PRODUCT = Swaps(_product_places, _product)
"""The global that the body of ``F.multi_head_attention_forward`` calls, which runs out of sight of function modes."""

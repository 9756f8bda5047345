"""Where libraries compute attention out of sight of torch calls: the kernels of transformers, the edge softmax of PyG.

Both are module-level callables. They are wrapped in place while a tap is open, pass straight through in every other
thread, and are put back on exit. Nothing is imported: a library that is not loaded has no model to look into.
"""

import functools
import inspect
import sys
import threading
from collections.abc import Callable, Generator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from workbench.taps.kernels import attention_weights, product_error

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
    done: bool = False


@contextmanager
def transformers_attention(tap: "AttentionTap") -> Generator[None]:
    """Every attention function that transformers may call, wrapped."""
    saved = [(mapping, dict(mapping)) for mapping in _attention_mappings()]
    try:
        for mapping, functions in saved:
            mapping.update({name: _wrapped(tap, name, function) for name, function in functions.items()})
        yield
    finally:
        for mapping, functions in saved:
            mapping.update(functions)


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


def _wrapped(tap: "AttentionTap", kernel: str, function: Callable[..., Any]) -> Callable[..., Any]:
    thread = threading.get_ident()

    @functools.wraps(function)
    def attention(module: nn.Module, query: Tensor, key: Tensor, value: Tensor, *args: Any, **kwargs: Any) -> Any:
        if threading.get_ident() != thread or query.dim() != 4 or not tap.wanted(tap.name_of(module)):  # noqa: PLR2004 - (batch, heads, queries, d)
            return function(module, query, key, value, *args, **kwargs)
        batch, heads, queries, _ = query.shape
        outer, frame = tap.frame, Frame(tap.name_of(module), f"transformers:{kernel}", batch, heads, queries)
        tap.frame = frame
        try:
            output = function(module, query, key, value, *args, **kwargs)
            if not frame.done:  # a fused kernel that calls nothing of torch's
                mask = args[0] if args else kwargs.get("attention_mask")
                _shadow(tap, module, (query, key, value), mask, kwargs, output)
            return output
        finally:
            tap.frame = outer

    return attention


def _shadow(
    tap: "AttentionTap",
    module: nn.Module,
    qkv: tuple[Tensor, Tensor, Tensor],
    mask: Any,
    options: dict[str, Any],
    output: Any,
) -> None:
    query, key, value = qkv

    def compute() -> tuple[Tensor, float | None]:
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
        return weights, None if options.get("dropout") else product_error(weights, value, product)

    tap.record("kernel", query.numel() // query.size(-1) * key.size(-2), compute)


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
def edge_softmax(tap: "AttentionTap") -> Generator[None]:
    """PyG's softmax over the edges of each node, wrapped wherever a module has imported it."""
    utilities = sys.modules.get("torch_geometric.utils")
    real = getattr(utilities, "softmax", None)
    holders = [] if real is None else [m for m in _others() if m.__dict__.get("softmax") is real]
    thread = threading.get_ident()

    def softmax(src: Tensor, index: Tensor | None = None, *args: Any, **kwargs: Any) -> Tensor:
        output = real(src, index, *args, **kwargs)  # pyright: ignore[reportOptionalCall] - holders exist only with it
        if threading.get_ident() == thread and tap.wanted():
            _record_edges(tap, output, index)
        return output

    try:
        for module in holders:
            module.softmax = softmax
        yield
    finally:
        for module in holders:
            module.softmax = real


def _others() -> list[Any]:
    defining = ("torch_geometric.utils", "torch_geometric.utils._softmax")
    return [
        module
        for name, module in list(sys.modules.items())
        if hasattr(module, "__dict__") and not name.startswith(("torch.", "transformers.")) and name not in defining
    ]


def _record_edges(tap: "AttentionTap", weights: Tensor, index: Tensor | None) -> None:
    edges = _edges()
    if edges is None or edges.size(1) != len(weights):
        return  # a softmax over something else, such as the nodes of a graph
    nodes = max(int(edges.max()) + 1 if edges.numel() else 0, int(index.max()) + 1 if index is not None else 0)
    flat = weights.reshape(len(weights), -1)
    kept = edges.detach().to("cpu", copy=True)
    tap.record("edges", flat.numel(), lambda: (flat, None), edges=kept, nodes=nodes)


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

"""PyG's softmax over the edges that lead to a node, or over the nodes that are pooled: read off running frames."""

import sys
from types import FrameType
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from workbench.taps.kernels import unseen
from workbench.taps.layouts import frames
from workbench.taps.records import Computed

if TYPE_CHECKING:
    from workbench.taps.capture import AttentionTap

_SOFTMAX = "torch_geometric.utils._softmax"


def softmax_frame() -> FrameType | None:
    """PyG's softmax over the edges of each node, if it is what is calling torch."""
    if _SOFTMAX not in sys.modules:
        return None
    return next((frame for frame in frames("softmax", "ptr") if frame.f_globals["__name__"] == _SOFTMAX), None)


def record_edges(tap: "AttentionTap", weights: Tensor, softmax: FrameType) -> Tensor | None:
    """Keep the weights of the edges over which messages are passed.

    Args:
        tap: Where.
        weights: (edges, ...), what the softmax is about to return.
        softmax: Its frame.

    Returns:
        Factors for the heads, or None.
    """
    edges, index = passed(), softmax.f_locals["index"]
    if edges is None or edges.size(1) != len(weights):
        return _record_pooled(tap, weights, softmax)
    nodes = max(int(edges.max()) + 1 if edges.numel() else 0, int(index.max()) + 1 if index is not None else 0)
    flat = weights.reshape(len(weights), -1)
    kept = edges.detach().to("cpu", copy=True)
    return tap.record("edges", flat.numel(), lambda: Computed(flat), pairs=False, edges=kept, nodes=nodes)


def _record_pooled(tap: "AttentionTap", weights: Tensor, softmax: FrameType) -> Tensor | None:
    """Keep the weights (nodes, heads) by which an aggregation pools nodes; any other softmax is left alone."""
    groups = pooled(len(weights), softmax) if weights.dim() == 2 else None  # noqa: PLR2004 - as said
    if groups is None:
        return None
    asked = softmax.f_locals.get("num_nodes")
    with unseen():
        least = int(groups.max()) + 1 if groups.numel() else 0
    count = max(least, asked if isinstance(asked, int) else 0)
    nodes, heads = weights.shape

    def compute() -> Computed:
        dense = weights.new_zeros(1, heads, count, nodes, dtype=torch.float32)
        dense[0, :, groups, torch.arange(nodes, device=groups.device)] = weights.float().T
        return Computed(dense)

    kept = groups.detach().to("cpu", copy=True)
    return tap.record("aggregation", heads * count * nodes, compute, pairs=False, groups=kept, crosses=True)


def pooled(nodes: int, softmax: FrameType) -> Tensor | None:
    """(nodes,) the graph that each node is pooled into, if an aggregation of PyG is what runs the softmax."""
    outer = softmax.f_back
    library = sys.modules.get("torch_geometric.nn.aggr.base")
    if outer is None or library is None or not isinstance(outer.f_locals.get("self"), library.Aggregation):
        return None
    index, borders = (outer.f_locals.get(name) for name in ("index", "ptr"))
    with unseen():
        if index is None and borders is not None and borders.dim() == 1:
            index = torch.repeat_interleave(borders.diff())
    return index if index is not None and index.shape == (nodes,) else None


def passed() -> Tensor | None:
    """(2, edges), source above target: the edges over which messages are passed, with added self-loops.

    They are a local of the function that passes the messages.
    """
    for frame in frames("", "edge_index"):
        if frame.f_code.co_name in ("propagate", "edge_updater"):
            found = frame.f_locals.get("edge_index")
            if isinstance(found, Tensor) and found.dim() == 2:  # noqa: PLR2004 - (2, edges), or a sparse matrix
                turned = getattr(frame.f_locals["self"], "flow", "") == "target_to_source"
                with unseen():
                    if found.layout != torch.strided:  # (targets, sources), in the order in which PyG passes messages
                        found, turned = sys.modules["torch_geometric.utils"].to_edge_index(found)[0], True
                    return found.flip(0) if turned else found
    return None

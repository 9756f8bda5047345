"""The edges of a graph over which PyG passes messages, and the softmax of their weights: read off running frames."""

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
        return None  # a softmax over something else, such as the nodes of a graph
    nodes = max(int(edges.max()) + 1 if edges.numel() else 0, int(index.max()) + 1 if index is not None else 0)
    flat = weights.reshape(len(weights), -1)
    kept = edges.detach().to("cpu", copy=True)
    return tap.record("edges", flat.numel(), lambda: Computed(flat), pairs=False, edges=kept, nodes=nodes)


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

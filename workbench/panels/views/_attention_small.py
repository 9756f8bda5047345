"""What a page receives beside one head: all heads small, where positions lie, what special tokens leave blank."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from workbench.panels.page.frame import Packed
from workbench.panels.views._attention_packing import packed
from workbench.panels.views._attention_places import OWN_TOKENS, drawable, placed
from workbench.panels.views._attention_planes import Edges, Plane, Span, scores
from workbench.panels.views._attention_scene import Scene

_THUMBS = (8, 32)
"""pixels of the side of a thumbnail, least and most"""
_OVERVIEW = (288, 420)
"""pixels of all thumbnails together, across and down"""
_READ = 40_000_000
"""weights of a layer up to which entropy is computed for all its heads"""
_STRONGEST = 6
"""of a list"""
EDGES = 20_000
"""edges up to which a graph is drawn"""


def rows(scene: Scene, chosen: int) -> list[dict[str, Any]]:
    """Of every layer how many heads it has, and whether they are held; of others nobody knows, so one stands in."""
    held = [bool(layer.maps) or at == chosen for at, layer in enumerate(scene.layers)]
    return [{"heads": scene.plane(at).heads if kept else 1, "kept": kept} for at, kept in enumerate(held)]


def drawn_layers(scene: Scene, chosen: int) -> list[int]:
    """Positions of the layers whose heads are drawn small."""
    return [at for at, layer in enumerate(scene.layers) if layer.maps or at == chosen]


def side_of(scene: Scene, chosen: int) -> int:
    """Pixels of the side of a thumbnail."""
    planes = [scene.plane(at) for at in drawn_layers(scene, chosen)]
    longest = max(max(plane.shape) for plane in planes)
    across = max(plane.heads for plane in planes)
    room = min(_OVERVIEW[0] // across, _OVERVIEW[1] // len(scene.layers)) - 2
    return min(max(room, _THUMBS[0]), _THUMBS[1], longest)


def thumbnails(scene: Scene, chosen: int) -> dict[str, Packed]:
    """All heads small, each on its own scale, and figures by which they are found."""
    held, side = drawn_layers(scene, chosen), side_of(scene, chosen)
    planes = [scene.plane(at) for at in held]
    small = torch.cat([plane.thumbnails(side) for plane in planes])
    tops = small.nan_to_num(0.0, 0.0, 0.0).amax((1, 2), keepdim=True).clamp_min(1e-12)
    found = torch.cat(
        [
            scores(plane, _READ, square=not scene.layer(at).crosses, ids=scene.ids(at))
            for at, plane in zip(held, planes, strict=True)
        ]
    )
    return {**packed("thumbs", small / tops, bits=8), "scores": Packed(found.numpy())}


def pictured(scene: Scene, chosen: int) -> dict[str, Packed]:
    """The picture that is looked at, or where the nodes of a graph lie; empty where there is neither."""
    plane = scene.plane(chosen)
    if scene.image is not None and scene.grid(chosen, plane.keys) is not None:
        return {"image": Packed(drawable(scene.image))}
    if isinstance(plane, Edges) and plane.edges.size(1) <= EDGES:
        inputs = scene.session.batch.inputs
        graph = next(iter(inputs.values() if isinstance(inputs, Mapping) else inputs), None)
        return {"places": Packed(placed(plane.edges, plane.queries, getattr(graph, "pos", None)))}
    return {}


def special(processor: Any, names: Sequence[str]) -> list[int]:
    """Positions of special tokens, as the tokenizer calls them, and of a model's own tokens before the patches."""
    known = {str(each) for each in getattr(getattr(processor, "tokenizer", processor), "all_special_tokens", ()) or ()}
    return [i for i, name in enumerate(names) if name in known or name.startswith(OWN_TOKENS)]


def blanked(window: Tensor, spans: tuple[Span, Span], hidden: Sequence[Sequence[int]]) -> Tensor:
    """A window with some rows and columns at zero; of patches, those that hold nothing else.

    Args:
        window: (rows, columns) of pixels.
        spans: The queries and the keys that it stands for.
        hidden: Positions of queries and of keys.
    """
    window = window.clone()
    for axis, ((first, end), positions) in enumerate(zip(spans, hidden, strict=True)):
        shown = torch.ones(end - first)
        shown[[p - first for p in positions if first <= p < end]] = 0
        at = torch.arange(end - first) * window.size(axis) // max(1, end - first)
        live = torch.zeros(window.size(axis)).scatter_reduce_(0, at, shown, "amax")
        window.index_fill_(axis, (live == 0).nonzero().flatten(), 0.0)
    return window


def strip(plane: Plane, head: int, query: int, *, square: bool) -> dict[str, Any]:
    """What a query looks at most and who looks at it, as positions and weights, for a page that has only patches."""

    def strongest(weights: Tensor) -> list[list[float]]:
        best = weights.abs().nan_to_num(0.0).topk(min(_STRONGEST, len(weights))).indices.tolist()
        return [[i, float(weights[i])] for i in best]

    by = {"by": strongest(plane.column(head, query))} if square else {}
    return {"of": query, "to": strongest(plane.row(head, query)), **by}

"""Scores of one example as they are drawn: on tokens, pixels, frames, traces, columns or the nodes of a graph."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from workbench.interpret import Explanation, Session
from workbench.panels.means.nodes import edges, is_graph
from workbench.panels.page.frame import Packed
from workbench.panels.views._saliency_layout import placed

Drawn = tuple[dict[str, Any], dict[str, Packed]]

MOST_COLUMNS = 256
"""numbers that are bars of their own; more are a trace"""
SPECTRAL = 16
"""rows and columns from which numbers over two axes are a map, such as a spectrogram"""
MOST_EDGES = 4000
_COLOURS = (1, 3)


def drawn(found: Explanation, session: Session, names: Sequence[str]) -> Drawn:
    """What the page needs to draw the scores of the example on show.

    Args:
        found: The scores.
        session: The input that they belong to.
        names: What the positions of the input are called.

    Returns:
        ``kind``, ``unit``, ``labels`` and ``values``; and the arrays ``scores`` and, where it is a picture, ``image``.
        Of several inputs the first is drawn; ``more`` lists the others, whose arrays are ``more0_scores`` and so on.
    """
    if of_graph(found, session):
        return _nodes(found, session, names)
    meta, arrays = _part(found, first(found), session, names)
    others = [name for name in found.parts if name != first(found)]
    more = [_part(found, name, session, ()) for name in others]
    if more:
        meta["more"] = [{**about, "unit": name} for name, (about, _) in zip(others, more, strict=True)]
        for i, (_, packed) in enumerate(more):
            arrays |= {f"more{i}_{name}": one for name, one in packed.items()}
    return meta, arrays


def of_graph(found: Explanation, session: Session) -> bool:
    """Whether the rows that were explained are the nodes of one graph."""
    alone = len(found.difference) == 1 and edges(session.batch) is not None
    return (alone or is_graph(session)) and found.parts[first(found)].dim() == 2  # noqa: PLR2004 - (nodes, features)


def first(found: Explanation) -> str:
    """The name of the input that is drawn first."""
    return next(iter(found.parts))


def row(session: Session, rows: int) -> int:
    """Which of the rows is on show."""
    return min(session.selection.example, rows - 1)


def _part(found: Explanation, name: str, session: Session, names: Sequence[str]) -> Drawn:
    part = found.parts[name]
    at = row(session, len(part))
    scores, given = part[at].float(), found.features.get(name, part)[at]
    if scores.dim() == 1 and not given.is_floating_point():
        return _tokens(scores, given, found, session, names, named=name == first(found))
    if scores.dim() == 4:  # noqa: PLR2004 - (frames, channels, height, width) or channels first
        return _frames(scores, given)
    if scores.dim() == 3 or (scores.dim() == 2 and _is_map(scores)):  # noqa: PLR2004 - (channels, height, width)
        return _pixels(scores, given)
    if scores.dim() == 2 or len(scores) > MOST_COLUMNS:  # noqa: PLR2004 - (steps, variables)
        return _trace(scores, given, names)
    return _columns(scores, given, names)


def _is_map(scores: Tensor) -> bool:
    return min(scores.shape) >= SPECTRAL or scores.size(0) == scores.size(1)


def _tokens(
    scores: Tensor, ids: Tensor, found: Explanation, session: Session, names: Sequence[str], *, named: bool
) -> Drawn:
    words = found.tokens(session.processor) if named else []
    if words and len(words[0]) == len(scores):
        labels = list(words[row(session, len(words))])
    else:
        labels = list(names) if len(names) == len(scores) else [str(i) for i in ids.tolist()]
    return {"kind": "tokens", "labels": labels}, {"scores": Packed(scores.numpy())}


def _pixels(scores: Tensor, given: Tensor) -> Drawn:
    flat = scores.reshape(-1, *scores.shape[-2:]).sum(0)
    image = _image(given, levels=scores.dim() == 2)  # noqa: PLR2004 - a map of one number, such as a spectrogram
    arrays = {"scores": Packed(flat.contiguous().numpy())}
    return {"kind": "pixels", "map": scores.dim() == 2}, arrays | ({} if image is None else {"image": Packed(image)})  # noqa: PLR2004 - as above


def _frames(scores: Tensor, given: Tensor) -> Drawn:
    """Frames of a video (frames, channels, height, width), also where the channels come first."""
    if scores.size(1) not in _COLOURS and scores.size(0) in _COLOURS:
        scores, given = scores.transpose(0, 1), given.transpose(0, 1)
    images = [_image(frame, levels=False) for frame in given]
    arrays = {"scores": Packed(scores.sum(1).contiguous().numpy())}
    if all(image is not None for image in images):
        arrays["image"] = Packed(np.stack([image for image in images if image is not None]))
    return {"kind": "frames"}, arrays


def _trace(scores: Tensor, given: Tensor, names: Sequence[str]) -> Drawn:
    """Variables over time (variables, steps); time is the axis without names, else the longer one."""
    if scores.dim() == 1:
        scores, given = scores[None], given[None]
    elif _time_first(tuple(scores.shape), names):
        scores, given = scores.T, given.T
    labels = list(names) if len(names) == len(scores) else [f"variable {i}" for i in range(len(scores))]
    arrays = {"scores": scores, "values": given.float()}
    return {"kind": "trace", "labels": labels if len(labels) > 1 or len(names) == 1 else [""]}, {
        name: Packed(value.contiguous().numpy()) for name, value in arrays.items()
    }


def _time_first(shape: tuple[int, ...], names: Sequence[str]) -> bool:
    return len(names) == shape[1] if len(names) in shape and shape[0] != shape[1] else shape[0] >= shape[1]


def _columns(scores: Tensor, given: Tensor, names: Sequence[str]) -> Drawn:
    labels = list(names) if len(names) == len(scores) else [f"column {i}" for i in range(len(scores))]
    values = [f"{v:.4g}" for v in given.tolist()]
    return {"kind": "columns", "unit": "column", "labels": labels, "values": values}, {"scores": Packed(scores.numpy())}


def _nodes(found: Explanation, session: Session, names: Sequence[str]) -> Drawn:
    """Nodes with the sum over their features, at places where neighbours are near; edges with scores where given."""
    sums = found.parts[first(found)].float().sum(-1)
    labels = list(names) if len(names) == len(sums) else [f"node {i}" for i in range(len(sums))]
    meta = {"kind": "columns", "unit": "node", "labels": labels, "values": []}
    arrays = {"scores": Packed(sums.numpy())}
    joined = edges(session.batch)
    if joined is None or joined.size(1) > MOST_EDGES:
        return meta, arrays
    joined = joined.cpu()
    arrays |= {"places": Packed(placed(len(sums), joined)), "edges": Packed(joined.to(torch.int32).numpy())}
    for name, part in found.parts.items():
        if "edge" in name and len(part) == joined.size(1):
            arrays["edge_scores"] = Packed(part.float().reshape(len(part), -1).sum(-1).numpy())
    return {**meta, "node": session.selection.node}, arrays


def _image(value: Tensor, *, levels: bool) -> NDArray[np.uint8] | None:
    """The input as (rows, columns, 3), stretched to the full range, where it is a picture or a map of levels."""
    if not value.is_floating_point() or not (levels or value.size(0) in _COLOURS):
        return None
    colours = value.reshape(-1, *value.shape[-2:]).float()
    low, high = colours.min(), colours.max()
    grey = ((colours - low) / (high - low).clamp_min(1e-12) * 255).to(torch.uint8)
    return grey.expand(3, -1, -1).permute(1, 2, 0).contiguous().numpy()


def shown(meta: Mapping[str, Any], values: NDArray[np.float32]) -> list[tuple[object, ...]]:
    """The scores as rows of a table, as ``header`` names their columns."""
    if meta["kind"] in ("pixels", "trace", "frames"):
        return [(*at, float(score)) for at, score in np.ndenumerate(values)]
    if meta["kind"] == "tokens":
        pairs = zip(meta["labels"], values.tolist(), strict=True)
        return [(i, *pair) for i, pair in enumerate(pairs)]
    given = meta["values"] or [None] * len(values)
    return list(zip(meta["labels"], given, values.tolist(), strict=True))


def header(meta: Mapping[str, Any]) -> tuple[str, ...]:
    """What the columns of ``shown`` are called."""
    axes = {"pixels": ("row", "column"), "trace": ("variable", "step"), "frames": ("frame", "row", "column")}
    if meta["kind"] in axes:
        return (*axes[meta["kind"]], "score")
    return ("position", "token", "score") if meta["kind"] == "tokens" else (meta["unit"], "value", "score")

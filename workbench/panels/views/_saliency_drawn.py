"""Scores of one example as they are drawn: on tokens, on pixels, on columns or on the nodes of a graph."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from workbench.interpret import Attribution, Session
from workbench.panels.means.nodes import is_graph
from workbench.panels.page.frame import Packed


def drawn(found: Attribution, session: Session, names: Sequence[str]) -> tuple[dict[str, Any], dict[str, Packed]]:
    """What the page needs to draw the scores of the example on show.

    Args:
        found: The scores.
        session: The input that they belong to.
        names: What the positions of the input are called.

    Returns:
        ``kind``, ``unit``, ``labels`` and ``values``; and the arrays ``scores`` and, where it is a picture, ``image``.
    """
    if is_graph(session) and found.scores.dim() == 2:  # noqa: PLR2004 - (nodes, features)
        sums = found.scores.float().sum(-1)
        labels = list(names) if len(names) == len(sums) else [f"node {i}" for i in range(len(sums))]
        return {"kind": "columns", "unit": "node", "labels": labels, "values": []}, {"scores": Packed(sums.numpy())}
    scores = found.scores[row(session, len(found.scores))].float()
    words, given = found.tokens(session.processor), _given(found, session)
    if scores.dim() == 1 and words and len(words[0]) == len(scores):
        labels = list(words[row(session, len(words))])
        return {"kind": "tokens", "labels": labels}, {"scores": Packed(scores.numpy())}
    if scores.dim() == 1 and given is not None and not given.is_floating_point():
        labels = list(names) if len(names) == len(scores) else [str(i) for i in given.tolist()]
        return {"kind": "tokens", "labels": labels}, {"scores": Packed(scores.numpy())}
    if scores.dim() >= 2:  # noqa: PLR2004 - rows and columns
        flat = scores.reshape(-1, *scores.shape[-2:]).sum(0)
        image = _image(given, tuple(scores.shape))
        return {"kind": "pixels"}, {
            "scores": Packed(flat.numpy()),
            **({} if image is None else {"image": Packed(image)}),
        }
    scores = scores.reshape(-1)
    labels = list(names) if len(names) == len(scores) else [f"column {i}" for i in range(len(scores))]
    fits = given is not None and given.numel() == len(scores)
    values = [f"{v:.4g}" for v in given.reshape(-1).tolist()] if given is not None and fits else []
    return {"kind": "columns", "unit": "column", "labels": labels, "values": values}, {"scores": Packed(scores.numpy())}


def row(session: Session, rows: int) -> int:
    """Which of the rows is on show."""
    return min(session.selection.example, rows - 1)


def _given(found: Attribution, session: Session) -> Tensor | None:
    """The example of the input that was explained."""
    inputs, name = session.batch.inputs, next(iter(found.parts))
    values = inputs.get(name) if isinstance(inputs, Mapping) else inputs[0]
    return values[row(session, len(values))].detach().cpu() if isinstance(values, Tensor) else None


def _image(value: Tensor | None, shape: tuple[int, ...]) -> NDArray[np.uint8] | None:
    """The input as (rows, columns, 3), stretched to the full range, where it is a picture."""
    if value is None or tuple(value.shape) != shape or not value.is_floating_point():
        return None
    colours = value.reshape(-1, *shape[-2:])
    if len(colours) not in (1, 3):
        return None
    low, high = colours.min(), colours.max()
    grey = ((colours - low) / (high - low).clamp_min(1e-12) * 255).to(torch.uint8)
    return grey.expand(3, -1, -1).permute(1, 2, 0).contiguous().numpy()

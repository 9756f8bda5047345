"""Points: where deformable attention samples a picture, as a page draws them (Zhu et al. 2021, arXiv:2010.04159)."""

from typing import Any

import numpy as np
import torch

from workbench.panels.page.frame import Packed, companded
from workbench.panels.views._attention_asking import Asked
from workbench.panels.views._attention_layers import Layer
from workbench.panels.views._attention_planes import Span

MOST = 20_000
"""points that travel at a time; of more, those of the one query that is meant"""
REACH = 0.25
"""shares of the picture beyond its border up to which a point keeps its distance from it"""


def sampled(layer: Layer, ask: Asked, example: int, rows: Span, query: int) -> tuple[dict[str, Any], dict[str, Packed]]:
    """The points of a head, or of all heads of the layer where several are shown as one.

    Args:
        layer: The layer on show.
        ask: The head, and whether several are shown as one.
        example: Which of the batch.
        rows: The queries in sight.
        query: The one that is meant.

    Returns:
        For the page: ``points`` (first query, the one behind the last, the level of every point), and the arrays
        ``points`` (queries, points, 2), x and y from ``-REACH`` to ``1 + REACH`` as 16 bits, and ``pointed``
        (queries, points), their weights. Nothing where points mean nothing.
    """
    one = layer.maps[0]
    places, levels = one.points, one.levels
    if places is None or levels is None or ask.against or ask.over not in ("", "mean of heads", "largest of heads"):
        return {}, {}
    example = min(example, len(places) - 1)
    heads = slice(None) if ask.over else slice(ask.head, ask.head + 1)
    at, weights = places[example, heads], one.weights[example, heads].float()
    first, end = rows if (rows[1] - rows[0]) * len(at) * at.size(2) <= MOST else (query, query + 1)
    at, weights = at[:, first:end].transpose(0, 1).flatten(1, 2), weights[:, first:end].transpose(0, 1).flatten(1)
    coded = ((at.clamp(-REACH, 1 + REACH) + REACH) / (1 + 2 * REACH) * 65535).round()
    arrays = {
        "points": Packed(torch.nan_to_num(coded).numpy().astype(np.uint16)),
        "pointed": companded(weights.numpy()),
    }
    return {"points": [first, end, levels.repeat(weights.size(1) // len(levels)).tolist()]}, arrays

"""Scores as a drawing that needs no script."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.panels.page.sketch import line_chart, picture

_WIDE = 240
_LISTED = 12


def sketch(meta: Mapping[str, Any], scores: NDArray[Any]) -> str:
    """Tokens on coloured ground, a map as a picture, the strongest columns as a list."""
    top = float(np.abs(scores).max(initial=0.0)) or 1.0
    if meta["kind"] in ("pixels", "frames"):
        image = inked(scores if meta["kind"] == "pixels" else np.concatenate(list(scores), axis=1))
        return picture(image, "scores: orange for, blue against", max(1, _WIDE // max(image.shape[:2])))
    if meta["kind"] == "trace":
        steps = np.arange(scores.shape[1], dtype=np.float64)
        names = [name or "score" for name in meta["labels"]]
        return line_chart({name: (steps, row.astype(np.float64)) for name, row in zip(names, scores, strict=True)})
    if meta["kind"] == "tokens":
        inks = [f"rgba({'230,119,0' if v > 0 else '59,91,219'},{0.75 * abs(v) / top:.2f})" for v in scores.tolist()]
        words = zip(meta["labels"], inks, strict=True)
        return "".join(f'<span style="background:{ink}">{escape(word)} </span>' for word, ink in words)
    order = np.argsort(-np.abs(scores))[:_LISTED]
    return "<ul>" + "".join(f"<li>{escape(str(meta['labels'][i]))}: {scores[i]:+.3g}</li>" for i in order) + "</ul>"


def beside_each_other(maps: Sequence[NDArray[Any]]) -> NDArray[np.uint8]:
    """Maps of scores from left to right as one RGB image, on one scale, the shorter ones with paper below."""
    top = max(float(np.abs(one).max(initial=0.0)) for one in maps)
    tall = max(len(one) for one in maps)
    images = [inked(one, top) for one in maps]
    padded = [np.pad(one, ((0, tall - len(one)), (0, 1), (0, 0)), constant_values=255) for one in images]
    return np.concatenate(padded, 1)[:, :-1]


def inked(scores: NDArray[Any], top: float = 0.0) -> NDArray[np.uint8]:
    """Scores (rows, columns) as an RGB image on white, on a square-root scale that reaches to ``top`` at least."""
    most = max(float(np.abs(scores).max(initial=0.0)), top) or 1.0
    strength = np.sqrt(np.abs(scores) / most)[..., None]
    ink = np.where(scores[..., None] > 0, (194, 94, 0), (40, 70, 190))
    return np.rint(255 + (ink - 255) * strength).astype(np.uint8)

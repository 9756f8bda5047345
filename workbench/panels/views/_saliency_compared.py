"""Other methods beside the one on show: whether they rank the features alike, and what each of them drew."""

import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from workbench.core.errors import WorkbenchError
from workbench.interpret import Agreement, Explanation, Session, attributions, improving_agreement
from workbench.interpret.attributions import Method
from workbench.panels.page.frame import Packed
from workbench.panels.views._saliency_drawn import drawn, row

PATIENCE = 20.0
"""seconds after which no further method is begun"""
MOST, ENOUGH = 8, 64
"""methods that are compared, and the work after which no better estimate of one is waited for"""
SMALL = 56
"""pixels of a side of a small map"""

_FIRST = (
    "integrated_gradients", "lrp", "deeplift", "grad_cam", "input_x_gradient", "gradient", "permutation_shapley",
    "occlusion", "feature_ablation", "lime", "kernel_shap",
)  # fmt: skip
"""methods in the order in which they are compared; others follow"""
_DOUBLED = ("exact_shapley",)
"""methods that give what another one estimates, at a cost that nobody waits for"""


def comparison(found: Explanation) -> Iterator[Agreement]:
    """The agreement with one method after the other, from a first estimate of each, until it has taken long enough."""
    start = time.perf_counter()
    for agreed in improving_agreement(found, *_others(found), enough=ENOUGH):
        yield agreed
        if len(agreed.methods) >= MOST or time.perf_counter() - start > PATIENCE:
            return


def described(agreed: Agreement, session: Session, names: Sequence[str]) -> tuple[dict[str, Any], dict[str, Packed]]:
    """The matrix for the example on show, what was not compared, and a small drawing for each method.

    Args:
        agreed: What was compared.
        session: The input on show.
        names: What the positions of the input are called.
    """
    matrix = agreed.each[row(session, len(agreed.each))].numpy()
    arrays = {"agree": Packed(matrix.astype(np.float32))}
    kind = ""
    for i, found in enumerate(agreed.explanations):
        about, packed = drawn(found, session, names)
        kind = about["kind"]
        if kind in ("tokens", "pixels"):
            arrays[f"beside{i}"] = Packed(_small(packed["scores"].data))
    return {"methods": list(agreed.methods), "said": list(agreed.warnings), "kind": kind}, arrays


def _others(found: Explanation) -> list[Method]:
    """The methods that need nothing to be set, without the one on show."""
    known = attributions.names()
    ordered = [
        *(name for name in _FIRST if name in known),
        *(name for name in known if name not in (*_FIRST, *_DOUBLED)),
    ]
    listed: list[Method] = []
    for name in ordered:
        kind = attributions.load(name)
        if not isinstance(found.by, kind):
            try:
                listed.append(kind())
            except WorkbenchError:  # something about it has to be said first
                continue
    return listed


def _small(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """A map at a size at which several stand side by side."""
    if scores.ndim == 1 or max(scores.shape) <= SMALL:
        return scores
    rows, columns = (max(1, round(side * SMALL / max(scores.shape))) for side in scores.shape)
    pooled = F.adaptive_avg_pool2d(torch.from_numpy(scores.copy())[None, None], (rows, columns))
    return pooled[0, 0].numpy()

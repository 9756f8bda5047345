"""Contributions as the SHAP tab draws them: a row of features for each example, with their names and values."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.interpret import Explanation, Session
from workbench.interpret.attributions._ranked import importance, partner, swarm
from workbench.interpret.doubt.ranking import by_feature
from workbench.panels.means.nodes import edges
from workbench.panels.page.frame import Packed
from workbench.panels.views._saliency_drawn import drawn, row
from workbench.panels.views._shap_posed import Posed

MOST = 12
"""features that have a place of their own; the others are added up"""
LISTED = 256
"""features that are sent to the page"""


@dataclass(frozen=True, kw_only=True, eq=False)
class Shown:
    """What is drawn."""

    scores: NDArray[np.float64]
    """(examples, features)"""
    base: NDArray[np.float64]
    """(examples,) what they are added to"""
    values: NDArray[np.float64] | None
    """(examples, features), where features have one number each"""
    names: Sequence[str]


def shown(found: Explanation, session: Session, at: Posed, columns: Sequence[str]) -> Shown:
    """The contributions of features: of all rows of a table, else of the example on show.

    Args:
        found: An explanation whose scores are contributions.
        session: The input on show.
        at: What was explained.
        columns: What the positions of the input are called.
    """
    problem = found.source()
    scores, base = by_feature(found, problem).numpy(), found.base.double().numpy()
    if at.table:
        values = next(iter(found.features.values())).double().numpy()
        names = list(columns) if len(columns) == scores.shape[1] else [f"column {i}" for i in range(scores.shape[1])]
        return Shown(scores=scores, base=base, values=values, names=names)
    here = row(session, len(scores))
    names = _names(found, session, scores.shape[1], columns)
    return Shown(scores=scores[here : here + 1], base=base[here : here + 1], values=None, names=names)


def packed(what: Shown, feature: int, example: int) -> tuple[dict[str, Any], dict[str, Packed]]:
    """Figures for the page.

    Args:
        what: The contributions.
        feature: The one that is pointed at.
        example: The row that is pointed at.
    """
    order = importance(what.scores)
    kept = np.sort(order[:LISTED])
    other = partner(what.scores, what.values, feature) if what.values is not None and len(what.scores) > 1 else None
    swarms = np.stack([swarm(what.scores[:, c]) for c in order[:MOST]])
    arrays = {
        "scores": Packed(what.scores[:, kept].astype(np.float32)),
        "base": Packed(what.base.astype(np.float32)),
        "order": Packed(np.searchsorted(kept, order[: len(kept)]).astype(np.int32)),
        "swarm": Packed(swarms.astype(np.float32)),
    }
    if what.values is not None:
        arrays["values"] = Packed(what.values[:, kept].astype(np.float32))
    meta = {
        "names": [what.names[i] for i in kept],
        "feature": int(np.searchsorted(kept, feature)) if feature in kept else 0,
        "other": int(np.searchsorted(kept, other)) if other is not None and other in kept else -1,
        "example": example,
        "left": what.scores.shape[1] - len(kept),
    }
    return meta, arrays


def plot(found: Explanation, session: Session, columns: Sequence[str]) -> tuple[dict[str, Any], dict[str, Packed]]:
    """The input with its scores on it, where it is text or a picture; nothing else."""
    meta, arrays = drawn(found, session, columns)
    if meta["kind"] not in ("tokens", "pixels"):
        return {}, {}
    return {"kind": meta["kind"], "labels": meta.get("labels", [])}, {f"plot_{n}": one for n, one in arrays.items()}


def _names(found: Explanation, session: Session, count: int, columns: Sequence[str]) -> list[str]:
    problem = found.source()
    words = found.tokens(session.processor)
    labels = list(words[row(session, len(words))]) if words else list(columns)
    if len(labels) == count:
        return labels
    names: list[str] = []
    for leaf, lattice, group in zip(
        problem.leaves, problem.features().lattices, problem.features().groups, strict=True
    ):
        size = int(group.max()) + 1 - len(names)
        if len(lattice) > 1:
            names += [f"row {i // lattice[1]}, column {i % lattice[1]}" for i in range(size)]
        else:
            what = "node" if edges(session.batch) is not None else leaf.name
            names += [f"{what} {i}" for i in range(size)]
    return names

"""Rollout and flow: what layers of attention after one another take from each input token.

Abnar and Zuidema 2020, arXiv:2005.00928. Both average over heads and give half of each layer to the residual
connection, as the paper does; values, norms and MLPs are left out, so these are bounds on nothing.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from workbench.core.errors import DataError
from workbench.taps.layouts import Windows

if TYPE_CHECKING:
    from workbench.interpret.attending.attention_map import AttentionMap
    from workbench.interpret.attending.attention_maps import AttentionMaps

MOST_STEPS = 50_000_000
"""layers x tokens cubed, up to which flow is computed"""


def layers(maps: "AttentionMaps", modules: Sequence[str] | None) -> "list[AttentionMap]":
    """The maps of attention within one sequence or picture, in order.

    Args:
        maps: Those of one forward.
        modules: Names; None for the maps of the first one's size, or all of a picture that is looked at in windows.

    Raises:
        DataError: There are none, or one that was named looks at something else than what asks.
    """
    if modules is not None:
        chosen = [maps[name] for name in modules]
    else:
        inside = [one for one in maps if one.kind in WITHIN]
        first = next((one for one in inside if isinstance(one.layout, Windows) or square(one)), None)
        chosen = [one for one in inside if first is not None and one.step == first.step and _alike(one, first)]
    if not chosen:
        raise DataError(f"No attention within one sequence was captured. {maps.doubt}")
    for place, one in enumerate(chosen, 1):
        if one.kind in WITHIN or (one.kind == "pooled" and place == len(chosen)):
            continue
        size = f"{one.shape[-2]}x{one.shape[-1]}" if one.edges is None else f"{one.shape[0]} edges"
        raise DataError(
            f"{one.name} ({size}) is of the kind {one.kind!r}: {_WHY_NOT.get(one.kind, _WHY_NOT['cross'])}, so nothing "
            "is handed on through it: name layers within one sequence."
        )
    return chosen


WITHIN = ("self", "local", "windowed", "implied")
"""Kinds of attention in which what is looked at is what asks."""
_WHY_NOT = {
    "cross": "it looks at something else than what asks",
    "pooled": "it gives out one vector for all tokens, and is not the last",
    "deformable": "it looks at points between tokens",
    "edge": "its nodes keep nothing of themselves beside what comes over edges",
}


def square(one: "AttentionMap") -> bool:
    """Whether there are as many queries as keys."""
    return one.edges is None and one.shape[-2] == one.shape[-1]


def _alike(one: "AttentionMap", first: "AttentionMap") -> bool:
    """Whether a map is about the same picture, or has the same size."""
    if isinstance(first.layout, Windows):
        return isinstance(one.layout, Windows)
    return one.shape[-2:] == first.shape[-2:]


def level(chosen: "Sequence[AttentionMap]") -> None:
    """Refuse maps that are not all square and of one size.

    Raises:
        DataError: They are not.
    """
    sizes = {one.shape[-2:] for one in chosen}
    if len(sizes) > 1 or any(q != k for q, k in sizes):
        said = ", ".join(f"{one.name} {one.shape[-2]}x{one.shape[-1]}" for one in chosen)
        raise DataError(f"Only square maps of one size follow on each other, and these are {said}: name others.")


def mixed(weights: Tensor) -> Tensor:
    """One layer: heads averaged, half residual, rows that add up to one (equation 1 of the paper).

    Args:
        weights: (batch, heads, tokens, tokens).
    """
    step = 0.5 * weights.mean(1, dtype=torch.float32) + 0.5 * torch.eye(weights.size(-1))
    return step / step.sum(-1, keepdim=True)


def rollout(weights: Sequence[Tensor]) -> Tensor:
    """The product of all layers.

    Args:
        weights: Of each layer (batch, heads, tokens, tokens), the first layer first.

    Returns:
        (batch, tokens, tokens): a row for each token of the output, adding up to one.
    """
    steps = [mixed(one) for one in weights]
    result = steps[0]
    for step in steps[1:]:
        result = step @ result
    return result


def flow(weights: Sequence[Tensor], *, example: int = 0) -> Tensor:
    """The largest flow from every input token to every output token through the layers as capacities.

    Departs from the paper in nothing; a maximum flow is solved for every pair, so this is for short inputs.

    Args:
        weights: Of each layer (batch, heads, tokens, tokens), the first layer first.
        example: Which of the batch.

    Returns:
        (tokens, tokens): output tokens down, input tokens across.

    Raises:
        DataError: Too many tokens or layers.
    """
    import numpy as np
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import maximum_flow

    steps = torch.stack([mixed(one[example : example + 1])[0] for one in weights])
    depth, count, _ = steps.shape
    if depth * count**3 > MOST_STEPS:
        raise DataError(
            f"Flow of {count} tokens through {depth} layers takes too long: use rollout, or a shorter input."
        )
    scale = 10**6  # capacities are whole numbers in scipy
    layer, to, source = np.indices(steps.shape).reshape(3, -1)
    capacity = np.rint(steps.numpy().reshape(-1) * scale).astype(np.int32)
    graph = csr_array((capacity, (layer * count + source, (layer + 1) * count + to)), shape=((depth + 1) * count,) * 2)
    found = np.zeros((count, count))
    for i in range(count):
        for j in range(count):
            found[i, j] = maximum_flow(graph, j, depth * count + i).flow_value / scale
    return torch.from_numpy(found).float()

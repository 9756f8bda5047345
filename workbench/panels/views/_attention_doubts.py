"""What may be believed of an attention map, and what it does, in figures."""

import math

import torch
from torch import Tensor

from workbench.interpret import KnockOut
from workbench.panels.page.frame import Doubt
from workbench.panels.views._attention_layers import Layer
from workbench.panels.views._attention_planes import Dense, Edges, Plane, scores
from workbench.panels.views._attention_scene import Scene

_HELD = 1e-3
"""relative error up to which weights @ values count as the layer's own product, also in half precision"""
_NAMES = (
    ("mean entropy", " nats"),
    ("on the one before", ""),
    ("on itself", ""),
    ("on the first", ""),
    ("mean distance", ""),
    ("induction", ""),
)
"""what ``SCORES`` are called, and their units"""
_READ = 1 << 22
"""weights of a head up to which its entropy is computed at every look"""


def doubts(scene: Scene, layer: Layer, window: Tensor, *, comparing: bool) -> list[Doubt]:
    """The footer.

    Args:
        scene: What is looked at.
        layer: The layer on show.
        window: What is drawn.
        comparing: Whether that is a difference.
    """
    known = scene.maps.check()
    errors = [error for one in layer.maps if (error := known.get(one.name, one.error)) is not None]
    found: list[Doubt] = []
    if errors:
        worst = max(errors)
        text = f"{_multiplied(layer)} {_power(worst)}"
        if math.isnan(sum(errors)):
            text = "what this layer gives out is not a number"
        found.append(Doubt("good" if worst < _HELD else "bad", text))
    else:
        found.append(Doubt("warn", f"{_summed(layer)}this layer's own product could not be compared"))
    others = [error for name, error in known.items() if name not in {one.name for one in layer.maps}]
    if others and not max(others) < _HELD:
        found.append(Doubt("warn", f"in another layer only {_power(max(others))}"))
    broken = int((~torch.isfinite(window)).sum())
    if broken:
        text = f"{broken:,} of {window.numel():,} weights drawn are not a number, marked red"
        found.append(Doubt("bad", text))
    left = sum(not each.maps for each in scene.layers)
    if left:
        text = (
            f"{left} of {len(scene.layers)} layers did not fit under the byte cap (all need "
            f"{scene.maps.needed / 1e6:,.0f} MB): choose one to have it computed alone"
        )
        found.append(Doubt("warn", text))
    if comparing:
        found.append(Doubt("warn", "a difference of weights is no difference of what the model does"))
    return found


def _multiplied(layer: Layer) -> str:
    """What was compared."""
    if layer.maps[0].edge_index is None:
        return "weights \N{MULTIPLICATION SIGN} values reproduce the layer's output"
    return "weights \N{MULTIPLICATION SIGN} messages, summed at each node, reproduce the layer's own sums"


def _summed(layer: Layer) -> str:
    """That the weights into each node add up to one, where they lie on the edges of a graph and do."""
    edges, weights = layer.maps[0].edge_index, layer.maps[0].weights
    if edges is None or not len(weights):
        return ""
    into, flat = edges[1], weights.reshape(len(weights), -1)
    sums = flat.new_zeros(int(into.max()) + 1, flat.size(1)).index_add_(0, into, flat)[into.unique()]
    error = float((sums - 1).abs().max())
    return f"the weights into each node add up to one, {_power(error)}; " if error < _HELD else ""


def _power(error: float) -> str:
    """Such as "to 2e-7"."""
    return "exactly" if error == 0 else f"to {error:.0e}".replace("e-0", "e-")


def facts(
    layer: Layer, plane: Plane, head: int, *, ids: Tensor | None = None, knocked: KnockOut | None = None
) -> list[list[str]]:
    """What is on show, and what it does.

    Args:
        layer: The layer on show.
        plane: What is drawn.
        head: The head in it.
        ids: (positions,) tokens that are looked at, where there are any.
        knocked: The head switched off, where a person asked for it.

    Returns:
        Names and values: the module, the kind of attention and how it was seen, and the head's scores as far as they
        mean something here: all but the entropy need attention within one sequence, induction a token that repeats.
    """
    first = layer.maps[0]
    found = [
        ["module", layer.name or "the model itself"],
        ["kind", first.kind if (first.seen or "").startswith(first.kind) else f"{first.kind}, seen in {first.seen}"],
    ]
    if isinstance(plane, Edges):
        found.append(["edges", f"{plane.edges.size(1):,}"])
    one = Dense(plane.weights[head : head + 1]) if isinstance(plane, Dense) else plane
    values = scores(one, _READ, square=not layer.crosses, ids=ids)[0].tolist()
    found += [[name, f"{v:.2f}{unit}"] for (name, unit), v in zip(_NAMES, values, strict=True) if not math.isnan(v)]
    if math.isnan(values[-1]) and not math.isnan(values[-2]) and ids is not None and len(ids) == plane.keys:
        found.append([_NAMES[-1][0], "no token repeats"])
    if isinstance(one, Dense) and one.weights.numel() <= _READ and (blank := int((one.weights.sum(-1) == 0).sum())):
        found.append(["queries without weight", f"{blank:,} of {plane.queries:,}"])
    if knocked is not None:
        found.append(["switched off", f"output moves by up to {knocked.largest:.3g}"])
    return found

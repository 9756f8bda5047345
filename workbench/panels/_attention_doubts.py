"""What may be believed of an attention map, and what it does, in figures."""

import torch
from torch import Tensor

from workbench.panels._attention_layers import Layer
from workbench.panels._attention_planes import Dense, Plane, entropy
from workbench.panels._attention_scene import Scene
from workbench.panels._frame import Doubt

_HELD = 1e-3
"""relative error up to which weights @ values count as the layer's own product, also in half precision"""
_READ = 1 << 24
"""weights of a head up to which its entropy is computed at every look"""


def doubts(scene: Scene, layer: Layer, window: Tensor, *, comparing: bool) -> list[Doubt]:
    """The footer.

    Args:
        scene: What is looked at.
        layer: The layer on show.
        window: What is drawn.
        comparing: Whether that is a difference.
    """
    errors = [one.error for one in layer.maps if one.error is not None]
    found: list[Doubt] = []
    if errors:
        text = f"weights × values reproduce the layer’s output to {max(errors):.0e}"
        found.append(Doubt("good" if max(errors) < _HELD else "bad", text.replace("e-0", "e-")))
    else:
        found.append(Doubt("warn", "this layer’s own product could not be compared with weights × values"))
    others = [error for name, error in scene.maps.check().items() if name != layer.name]
    if others and max(others) >= _HELD:
        found.append(Doubt("warn", f"in another layer they miss it by {max(others):.0e}".replace("e-0", "e-")))
    broken = int((~torch.isfinite(window)).sum())
    if broken:
        text = f"{broken:,} of {window.numel():,} weights drawn are not a number, marked red"
        found.append(Doubt("bad", text))
    left = sum(not each.maps for each in scene.layers)
    if left:
        cap = scene.session.max_bytes / 2e6
        text = f"{left} of {len(scene.layers)} layers did not fit under {cap:,.0f} MB: choose one to have it computed alone"
        found.append(Doubt("warn", text))
    if comparing:
        found.append(Doubt("warn", "a difference of weights is no difference of what the model does"))
    return found


def facts(layer: Layer, plane: Plane, head: int, window: Tensor | None) -> list[list[str]]:
    """What is on show, and what a head does.

    Args:
        layer: The layer on show.
        plane: What is drawn.
        head: The head in it.
        window: What is drawn of it; None for a difference, which is no distribution.

    Returns:
        Names and values: the module, how it was seen, the mean entropy of the rows in nats and, for square heads, the
        mean weight on the position before, on the position itself and on the first.
    """
    found = [["module", layer.name], ["seen in", layer.maps[0].kind]]
    if window is None or not isinstance(plane, Dense) or not all(plane.shape):
        return found
    one = plane.weights[head].float()
    if one.numel() <= _READ:
        found.append(["mean entropy", f"{float(entropy(one)):.2f} nats"])
        blank = int((one.sum(-1) == 0).sum())
        if blank:
            found.append(["queries without weight", f"{blank:,} of {plane.queries:,}"])
    if plane.queries == plane.keys > 1:
        found += [
            ["on the token before", f"{float(one.diagonal(-1).mean()):.2f}"],
            ["on itself", f"{float(one.diagonal().mean()):.2f}"],
            ["on the first", f"{float(one[:, 0].mean()):.2f}"],
        ]
    return found

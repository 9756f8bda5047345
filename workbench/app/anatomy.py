"""The layers of an architecture before it is built: shapes, parameters, FLOPs of one example, and a diagram.

A small model is built and called. A large one is called on torch's meta device, where tensors have shapes and no
numbers, unless it needs numbers on the way, as the indices of a graph are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from workbench.core import live
from workbench.core.config import Config
from workbench.interpret import trace
from workbench.taps import tap
from workbench.taps.addresses import resolve
from workbench.zoo import Architecture

MOST_ROWS = 18
"""layers that are listed; deeper ones are summed up in those above"""

_SMALL = 2_000_000
"""parameters up to which a model is simply built to be looked at: that takes milliseconds and always works"""

_LARGE = 20_000_000
"""parameters up to which it is built where the meta device does not do"""


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One module."""

    path: str
    kind: str
    depth: int
    output: str
    """shape of its output, B standing for the batch; empty where it did not run"""
    parameters: int
    """with its submodules"""
    flops: int
    """of one example, with its submodules"""


@dataclass(frozen=True, kw_only=True)
class Anatomy:
    """A model's layers, as far down as fits on a page."""

    layers: tuple[Layer, ...]
    parameters: int
    flops: int | None
    """of one example; None where the model was not called"""
    note: str = ""
    """what is missing, and why"""
    diagram: str = ""
    """the modules and tensors of one forward, drawn as SVG; empty where the model was not called"""

    def to_dict(self) -> dict[str, Any]:
        """The layers as JSON."""
        return asdict(self)


def anatomy(architecture: Architecture, config: Config, inputs: Any = None) -> Anatomy:
    """The layers that a config gives, without the weights where that can be.

    Args:
        architecture: An entry.
        config: Of the entry's class.
        inputs: One example as a batch; None where there is no data, and then only parameters are known.

    Returns:
        The layers. Generator and step lock are as before.
    """
    with live.look():
        with torch.device("meta"):
            model = architecture.build(config)
        if architecture.examples is not None:
            inputs = architecture.examples(config, 1)
        if inputs is None:
            return _listed(model, {}, None, "Shapes and FLOPs need the data.")
        size, reason = sum(p.numel() for p in model.parameters()), None
        if size > _SMALL:
            try:
                return _ran(model, _moved(inputs))
            except Exception as error:  # noqa: BLE001 - a library may refuse the meta device in any way
                reason = error
        if size > _LARGE:
            return _listed(model, {}, None, f"Shapes and FLOPs are known when it is built: {_first(reason)}")
        try:
            return _ran(architecture.initialised(config, seed=0), inputs)
        except Exception as error:  # noqa: BLE001 - the reason belongs on the page
            return _listed(model, {}, None, f"It cannot be called with this data: {_first(error)}")


def _first(error: BaseException | None) -> str:
    return str(error).partition("\n")[0][:160]


def _moved(inputs: Any) -> Any:
    return tuple(value.to("meta") for value in inputs) if isinstance(inputs, tuple) else inputs.to("meta")


def _ran(model: nn.Module, inputs: Any) -> Anatomy:
    counter = FlopCounterMode(display=False)
    with counter:
        sites = tap(model).discover(inputs)
    # Of a module that returns several tensors, or runs several times, the first one.
    shapes = {resolve(model, site.address).path: _shape(site.shape) for site in reversed(sites.modules)}
    counts = {path: sum(kinds.values()) for path, kinds in counter.get_flop_counts().items()}
    return replace(_listed(model, shapes, counts), diagram=trace(model, inputs).svg())


def _shape(size: Sequence[int]) -> str:
    return " \N{MULTIPLICATION SIGN} ".join("B" if i == 0 and n == 1 else str(n) for i, n in enumerate(size))


def _listed(model: nn.Module, shapes: Mapping[str, str], counts: Mapping[str, int] | None, note: str = "") -> Anatomy:
    rows = [(path, module) for path, module in model.named_modules() if path]
    deepest = max((path.count(".") for path, _ in rows), default=0)
    depth = next((d for d in range(deepest, 0, -1) if sum(p.count(".") <= d for p, _ in rows) <= MOST_ROWS), 0)
    top, flops = type(model).__name__, dict(counts or {})
    layers = [
        Layer(
            path=path,
            kind=type(module).__name__,
            depth=path.count("."),
            output=shapes.get(path, ""),
            parameters=sum(p.numel() for p in module.parameters()),
            flops=flops.get(f"{top}.{path}", 0),
        )
        for path, module in rows
        if path.count(".") <= depth
    ]
    left = len(layers) - MOST_ROWS
    more = f"{left} more layers are not listed." if left > 0 else ""
    total = sum(p.numel() for p in model.parameters())
    whole = flops.get("Global") if counts is not None else None
    return Anatomy(
        layers=tuple(layers[:MOST_ROWS]), parameters=total, flops=whole, note=" ".join(x for x in (note, more) if x)
    )

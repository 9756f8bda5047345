"""What was found out about running a model on a kind of input, so that it is not found out again on every call.

Remembered for as long as the model lives and nothing that could change it has changed: weights and buffers (which
tensors, how often written to), modules and their plain attributes, of which the mode is one, their hooks, autocast,
and names, shapes and types of the inputs. The model itself is only held weakly.
"""

import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from workbench.core.batch import Batch
from workbench.core.calling import Call
from workbench.core.live import modules_of
from workbench.interpret.attributions._features import Features
from workbench.interpret.attributions._pace import Pace
from workbench.interpret.moment import versions
from workbench.interpret.targets import Target, Wanted

MOST_KINDS = 16
"""kinds of input that are remembered for a model"""
_PLAIN = (int, float, bool, str)


@dataclass(eq=False)
class Findings:
    """What was found out; None where it was not looked at yet."""

    stacking: str | None = None
    """how the scores of stacked inputs are read; empty where inputs must not be stacked"""
    channels_last: bool = False
    """whether pictures are laid out with their channels side by side"""
    apart: float | None = None
    """how far apart two scores of one input were"""
    stateful: bool | None = None
    """whether a forward leaves something behind in the model"""
    seconds: float | None = None
    """what a point took, one of the last ones"""
    pace: Pace | None = None
    """how many points go into one forward"""
    forward_bytes: int | None = None
    """memory of one point in a forward"""
    gradient_bytes: int | None = None
    """memory of one point in a forward and the way back"""
    most: int | None = None
    """points at once for which memory was seen not to suffice"""
    features: dict[object, Features] = field(default_factory=dict[object, Features])
    """by the number of patches and what the leaves are"""


@dataclass(eq=False)
class _Model:
    marks: object
    kinds: dict[object, Findings] = field(default_factory=dict[object, Findings])


_models: "weakref.WeakKeyDictionary[nn.Module, _Model]" = weakref.WeakKeyDictionary()


def findings(model: nn.Module, batch: Batch, wanted: Wanted | Target, how: Call | None) -> Findings:
    """What is known about running a model on this kind of input; empty where it is new or something has changed.

    Args:
        model: Any module.
        batch: Its inputs.
        wanted: What is explained.
        how: How the model is called.
    """
    try:
        kind = (_signature(batch.inputs), _subject(wanted), None if how is None else _weak(how))
        marks = _marks(model)
        known = _models.get(model)
        if known is None or known.marks != marks:
            known = _models[model] = _Model(marks)
        if kind not in known.kinds:
            while len(known.kinds) >= MOST_KINDS:
                del known.kinds[next(iter(known.kinds))]
            known.kinds[kind] = Findings()
        return known.kinds[kind]
    except TypeError:  # inputs, a callable or a model that cannot be hashed or held weakly
        return Findings()


def _marks(model: nn.Module) -> object:
    """Equal as long as nothing has changed that could change what a forward does."""
    modules = tuple(
        (
            weakref.ref(module),
            tuple(value for value in vars(module).values() if type(value) in _PLAIN),
            len(module._forward_hooks) + len(module._forward_pre_hooks),  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - no public way to count
        )
        for module in modules_of(model)
    )
    return versions(model), modules, torch.is_autocast_enabled("cpu"), torch.is_autocast_enabled("cuda")


def _signature(value: Any) -> object:
    """Names, types and shapes of inputs, and the values of what is neither a tensor nor holds any.

    Raises:
        TypeError: Something in them cannot be told apart by that, such as a graph.
    """
    if isinstance(value, Tensor):
        return value.shape, value.dtype, value.device, value.layout
    if isinstance(value, Mapping):
        return tuple((str(name), _signature(part)) for name, part in value.items())
    if isinstance(value, tuple | list):
        return type(value), tuple(_signature(part) for part in value)
    if value is None or type(value) in _PLAIN:
        return type(value), value
    raise TypeError(f"{type(value).__name__} has no signature")


def _subject(wanted: Wanted | Target) -> object:
    if isinstance(wanted, Target):
        return _weak(wanted.pick)
    return _weak(wanted) if callable(wanted) else None


def _weak(function: Callable[..., Any]) -> object:
    return weakref.ref(function)

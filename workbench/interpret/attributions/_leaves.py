"""Leaves: the parts of a model's input that can be differentiated, found without being told.

Numbers are differentiated themselves. Integers (tokens, node types) are differentiated at the output of the
embedding that consumes them, which one probing forward finds: the first embedding whose input equals the leaf.
"""

import copy
import inspect
import weakref
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from workbench.core.batch import Batch, is_pyg
from workbench.core.calling import Call, call
from workbench.core.errors import DataError
from workbench.core.live import evaluating, look
from workbench.taps import Watch

_NO_FEATURES = ("mask", "position", "labels", "weight", "bbox", "timestep", "type_ids", "edge", "batch", "ptr", "cache")


@dataclass(frozen=True, kw_only=True, eq=False)
class Leaf:
    """One part of an input that can be differentiated."""

    name: str
    """of the input"""
    value: Tensor
    """what is differentiated: the numbers, or what the embedding made of the integers"""
    embedding: nn.Module | None = None
    """the module that consumes the integers"""
    address: str = ""
    """of its output in the forward"""
    ids: Tensor | None = None
    """the integers"""


def find_leaves(model: nn.Module, batch: Batch, how: Call | None = None) -> tuple[list[Leaf], Any]:
    """What can be differentiated, and the output of the forward that was needed to find it.

    Args:
        model: Any module.
        batch: Its inputs.
        how: How it is called, where that is not the ordinary way.

    Raises:
        DataError: There is nothing to differentiate.
    """
    named = _named(model, batch)
    integers = {name: t for name, t in named.items() if _is_index(t)}
    consumed: dict[str, Leaf] = {}
    watched = _finding(model, integers, consumed) if integers else nullcontext()
    with look(), evaluating(model), torch.no_grad(), watched:
        output = call(model, batch, call=how)
    numbers = [(name, t) for name, t in named.items() if t.is_floating_point() and t.dim() > 1]
    leaves = [*(Leaf(name=name, value=t.detach()) for name, t in numbers), *consumed.values()]
    if not leaves:
        given = ", ".join(f"{name} {str(t.dtype).removeprefix('torch.')}{list(t.shape)}" for name, t in named.items())
        raise DataError(
            f"Nothing in the input of {type(model).__name__} can be differentiated: looked for numbers with two axes "
            f"or more and for integers that an embedding consumes, found {given or 'no tensor'}."
        )
    return leaves, output


def replaced(batch: Batch, values: Mapping[str, Tensor], model: nn.Module) -> Batch:
    """The same batch with some inputs replaced, by the names that ``find_leaves`` gives."""
    if isinstance(batch.inputs, Mapping):
        return Batch({name: values.get(name, value) for name, value in batch.inputs.items()})
    if len(batch.inputs) == 1 and is_pyg(batch.inputs[0]):
        graph = copy.copy(batch.inputs[0])
        for name, value in values.items():
            graph[name] = value
        return Batch((graph,))
    names = _positional(model, len(batch.inputs))
    return Batch(tuple(values.get(name, value) for name, value in zip(names, batch.inputs, strict=True)))


def is_joint(batch: Batch, leaf: Leaf) -> bool:
    """Whether the rows of an input influence each other, as the nodes of a graph do."""
    given = batch.inputs.values() if isinstance(batch.inputs, Mapping) else batch.inputs
    edges = any(isinstance(v, Tensor) and v.dim() == 2 and len(v) == 2 and _is_index(v) for v in given)  # noqa: PLR2004 - (2, edges)
    names = set(batch.inputs) if isinstance(batch.inputs, Mapping) else set()
    return any(is_pyg(v) for v in given) or bool({"edge_index", "adj", "adj_t"} & names) or (edges and leaf.ids is None)


def _is_index(value: Tensor) -> bool:
    return not value.is_floating_point() and not value.is_complex() and value.dtype not in (torch.bool, torch.uint8)


def _named(model: nn.Module, batch: Batch) -> dict[str, Tensor]:
    if isinstance(batch.inputs, Mapping):
        items = dict(batch.inputs)
    elif len(batch.inputs) == 1 and is_pyg(batch.inputs[0]):
        items = batch.inputs[0].to_dict()
    else:
        items = dict(zip(_positional(model, len(batch.inputs)), batch.inputs, strict=True))
    return {
        str(name): value
        for name, value in items.items()
        if isinstance(value, Tensor) and not any(word in str(name) for word in _NO_FEATURES)
    }


def _positional(model: nn.Module, count: int) -> list[str]:
    """Names of positional inputs: those of the forward's parameters."""
    names = _parameters(getattr(model.forward, "__func__", model.forward), bound=hasattr(model.forward, "__func__"))
    return [names[i] if i < len(names) else f"input {i}" for i in range(count)]


_known: "weakref.WeakKeyDictionary[Callable[..., Any], list[str]]" = weakref.WeakKeyDictionary()


def _parameters(function: Callable[..., Any], *, bound: bool) -> list[str]:
    """Names of a forward's positional parameters, looked up once: asking for a signature is slow."""
    if function not in _known:
        kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        try:
            names = [n for n, p in inspect.signature(function).parameters.items() if p.kind in kinds]
        except ValueError:  # a script of torch.jit has none
            names = []
        _known[function] = names[1:] if bound else names
    return _known[function]


def _finding(model: nn.Module, integers: Mapping[str, Tensor], consumed: dict[str, Leaf]) -> Watch:
    """A watch that notes the first embedding whose input equals each leaf, and what it made of it."""
    calls: dict[nn.Module, int] = {}
    begun: dict[nn.Module, tuple[str, str]] = {}

    def left(module: nn.Module, output: Any) -> None:
        calls[module] = calls.get(module, 0) + 1
        name, address = begun.pop(module, ("", ""))
        if name and isinstance(output, Tensor):
            consumed[name] = Leaf(
                name=name, value=output.detach().clone(), embedding=module, address=address, ids=integers[name]
            )

    def entered(module: nn.Module, inputs: tuple[Any, ...]) -> None:
        if not (_embeds(module) and inputs and isinstance(inputs[0], Tensor)):
            return
        for name, leaf in integers.items():
            if name not in consumed and _same(inputs[0], leaf):
                count = calls.get(module, 0)
                path = watch.names[module]
                begun[module] = name, f"{path}@{count}" if count else path
                return

    watch = Watch(model, entered=entered, left=left)
    return watch


def _embeds(module: nn.Module) -> bool:
    weight = getattr(module, "weight", None)
    named = isinstance(module, nn.Embedding) or "embed" in type(module).__name__.lower()
    return named and isinstance(weight, Tensor) and weight.dim() == 2  # noqa: PLR2004 - (vocabulary, width)


def _same(given: Tensor, leaf: Tensor) -> bool:
    return given.numel() == leaf.numel() and torch.equal(given.flatten(), leaf.flatten().to(given.dtype))

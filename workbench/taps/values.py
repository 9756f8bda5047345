"""Outputs of modules as trees of tensors: counting, copying, and reaching one part of them."""

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from workbench.core.errors import AddressError


def tensors(value: Any) -> list[tuple[str, Tensor]]:
    """The tensors of an output with the suffix under which each is addressed: ``""``, ``"[0]"``, ``"[logits]"``."""
    if isinstance(value, Tensor):
        return [("", value)]
    items: Any = ()
    if isinstance(value, Mapping):
        items = value.items()
    elif isinstance(value, tuple | list):
        items = enumerate(value)
    return [(f"[{key}]{rest}", tensor) for key, one in items for rest, tensor in tensors(one)]


def versions(value: Any) -> list[int]:
    """How often each tensor of a tree has been written to; what is made in inference mode does not count."""
    return [-1 if t.is_inference() else t._version for _, t in tensors(value)]  # noqa: SLF001 - torch's only mark of a change in place


def mapped(value: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """The same tree with every tensor changed; things that are no tensors stay as they are."""
    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, Mapping):
        return _mapping_like(value, {key: mapped(one, change) for key, one in value.items()})
    if isinstance(value, tuple | list):
        return _sequence_like(value, [mapped(one, change) for one in value])
    return value


def part(value: Any, keys: tuple[str, ...], address: str) -> Any:
    """The part of a tree behind keys.

    Raises:
        AddressError: There is no such part; the message names the parts there are.
    """
    for key in keys:
        if isinstance(value, Mapping) and key in value:
            value = value[key]
        elif isinstance(value, tuple | list) and key.isdecimal() and int(key) < len(value):
            value = value[int(key)]
        else:
            raise AddressError(f"{address!r} was computed, but has no part [{key}]; it is {described(value)}.")
    return value


def with_part(value: Any, keys: tuple[str, ...], new: Any) -> Any:
    """The same tree with the part behind keys replaced."""
    if not keys:
        return new
    key, rest = keys[0], keys[1:]
    if isinstance(value, Mapping):
        return _mapping_like(value, dict(value) | {key: with_part(value[key], rest, new)})
    items = list(value)
    items[int(key)] = with_part(items[int(key)], rest, new)
    return _sequence_like(value, items)


def described(value: Any) -> str:
    """What an output is, in a few words."""
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)}"
    if isinstance(value, Mapping):
        return f"a {type(value).__name__} with [{'], ['.join(map(str, value))}]"
    if isinstance(value, tuple | list):
        return f"a {type(value).__name__} of {len(value)}"
    return f"a {type(value).__name__}"


def _mapping_like(value: Mapping[Any, Any], items: dict[Any, Any]) -> Any:
    try:
        return type(value)(**items)  # a transformers ModelOutput takes its fields by name
    except TypeError:
        return items


def _sequence_like(value: Any, items: list[Any]) -> Any:
    if hasattr(value, "_fields"):  # a named tuple
        return type(value)(*items)
    return tuple(items) if isinstance(value, tuple) else items

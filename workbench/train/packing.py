"""Between a driver's state (tensors, JSON values, mappings and lists of them) and named tensors beside JSON."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from workbench.core.errors import CheckpointError


def pack(state: Any) -> tuple[Any, dict[str, Tensor]]:
    """JSON with references to tensors, and copies of the tensors; tied tensors are stored once.

    Raises:
        CheckpointError: Something in the state is neither a tensor nor JSON; the message has its path.
    """
    tensors: dict[str, Tensor] = {}
    return _pack(state, tensors, {}, ""), tensors


def _pack(value: Any, tensors: dict[str, Tensor], seen: dict[Any, str], path: str) -> Any:
    if isinstance(value, Tensor):
        alike = (value.data_ptr(), value.dtype, tuple(value.shape), value.stride(), value.device)
        name = seen.setdefault(alike, path) if value.numel() else path
        if name == path:
            tensors[path] = value.detach().to("cpu", copy=True).contiguous()
        return {"$tensor": name}
    if isinstance(value, Mapping):
        return {"$map": [[_key(k, path), _pack(v, tensors, seen, f"{path}/{k}")] for k, v in value.items()]}
    if isinstance(value, tuple):
        return {"$tuple": [_pack(v, tensors, seen, f"{path}/{i}") for i, v in enumerate(value)]}
    if isinstance(value, list):
        return [_pack(v, tensors, seen, f"{path}/{i}") for i, v in enumerate(value)]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise CheckpointError(
        f"The driver's state at {path or '/'} is {type(value).__name__}, which is neither a tensor nor JSON."
    )


def _key(key: Any, path: str) -> str | int:
    if isinstance(key, str | int):
        return key
    raise CheckpointError(f"The driver's state at {path or '/'} has a key of type {type(key).__name__}; use strings.")


def unpack(value: Any, tensors: Mapping[str, Tensor]) -> Any:
    """The inverse of ``pack``."""
    if isinstance(value, list):
        return [unpack(v, tensors) for v in value]
    if not isinstance(value, dict):
        return value
    if "$tensor" in value:
        return tensors[value["$tensor"]]
    if "$tuple" in value:
        return tuple(unpack(v, tensors) for v in value["$tuple"])
    return {k: unpack(v, tensors) for k, v in value["$map"]}

"""What a session holds at one moment: the selection, what one forward gave, and with which weights."""

from dataclasses import dataclass
from typing import Any

from torch import nn

from workbench.core.live import modules_of
from workbench.interpret.attending.attention_maps import AttentionMaps
from workbench.taps import Seen


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What a person points at; one panel sets it and all follow."""

    example: int = 0
    """row of the batch"""
    token: int | None = None
    """position in the example"""
    node: int | None = None
    """node of a graph; what is explained is its answer"""
    pixel: tuple[int, int] | None = None
    """row and column of a picture"""
    layer: str | None = None
    """path of a module, or name of an attention map"""
    head: int | None = None
    """head of that layer"""
    label: int | None = None
    """class or token whose score is looked at"""


@dataclass(frozen=True, kw_only=True, eq=False)
class Snapshot:
    """What one forward gave."""

    output: Any
    """detached; on the device of the model"""
    untouched: Any
    """the output without the edits of the session; the same object where there are none"""
    attention: AttentionMaps
    values: Seen
    """the values that were wanted, by address"""
    versions: tuple[tuple[int, int], ...]
    """which weights it was computed with"""


def versions(model: nn.Module) -> tuple[tuple[int, int], ...]:
    """Marks that change whenever weights do: where each tensor lies and how often it was written to."""
    # As parameters() and buffers() give them, but several times as fast; torch has no other mark of a change in place.
    tables: list[Any] = [t for m in modules_of(model) for t in (m._parameters, m._buffers)]  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
    held = [tensor for table in tables for tensor in table.values() if tensor is not None]
    return tuple((t.data_ptr(), 0 if t.is_inference() else t._version) for t in held)  # noqa: SLF001

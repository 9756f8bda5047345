"""Frame: what a view hands to the page, as JSON values and a few binary arrays, with the doubt that belongs to it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Level = Literal["good", "warn", "bad"]


@dataclass(frozen=True, slots=True)
class Doubt:
    """One sentence of the footer: what holds, and how far."""

    level: Level
    """"good" holds, "warn" needs care, "bad" must not be relied on"""
    text: str


@dataclass(frozen=True, slots=True)
class Packed:
    """An array as it travels: figures, or whole numbers and what the largest of their type stands for."""

    data: NDArray[Any]
    top: float = 1.0
    """the value that the type's largest number stands for"""
    power: float = 1.0
    """value = top * (number / largest) ** power"""

    def message(self) -> dict[str, Any]:
        """The array as a JSON mapping with one binary buffer."""
        data = np.ascontiguousarray(self.data)
        return {
            "dtype": str(data.dtype),
            "shape": list(data.shape),
            "top": self.top,
            "power": self.power,
            "data": data.tobytes(),
        }


def companded(values: NDArray[Any], *, bits: Literal[8, 16] = 8, least: float = 0.0) -> Packed:
    """Values of at least zero as whole numbers on a square-root scale, which keeps small weights visible.

    Args:
        values: Any shape; what is below zero or not finite becomes zero.
        bits: 8 for pictures, 16 where figures are read off.
        least: What the scale reaches to where all values are smaller, so that several arrays can share one.
    """
    clean = np.nan_to_num(np.asarray(values, dtype=np.float32), nan=0.0, posinf=0.0, neginf=0.0).clip(0)
    top = max(float(clean.max(initial=0.0)), least) or 1.0
    largest = 2**bits - 1
    return Packed(np.rint(np.sqrt(clean / top) * largest).astype(f"uint{bits}"), top, 2.0)


@dataclass(frozen=True, kw_only=True)
class Frame:
    """What is drawn at one time."""

    meta: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """JSON values"""
    arrays: Mapping[str, Packed] = field(default_factory=dict[str, Packed])
    doubts: Sequence[Doubt] = ()
    """the footer"""
    code: str = ""
    """the lines that compute the same figures without a panel"""
    cell: str = ""
    """the cell that shows the same screen again"""
    refused: str = ""
    """why there is nothing to show, in one sentence"""

    def message(self) -> dict[str, Any]:
        """The frame as the page receives it."""
        return {
            "meta": dict(self.meta),
            "arrays": {name: packed.message() for name, packed in self.arrays.items()},
            "doubts": [{"level": doubt.level, "text": doubt.text} for doubt in self.doubts],
            "code": self.code,
            "cell": self.cell,
            "refused": self.refused,
            "bytes": len(json.dumps(self.meta)) + sum(packed.data.nbytes for packed in self.arrays.values()),
        }


def encodable(value: Any) -> Any:
    """The same JSON values with text that UTF-8 can write: what it cannot, a lone half of a pair, becomes "?".

    Names come from anywhere, and one that cannot be written would take the whole message with it.
    """
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, Mapping):
        return {encodable(name): encodable(each) for name, each in value.items()}
    return [encodable(each) for each in value] if isinstance(value, list | tuple) else value

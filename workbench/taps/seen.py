"""Seen: the values that were read, by address, with why any of them is missing or is not quite what was computed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from workbench.core.errors import AddressError, nearest
from workbench.taps.values import tensors, versions


@dataclass(slots=True, eq=False)
class Seen(Mapping[str, Any]):
    """Values by address, filled while the model runs; those of a later forward replace the earlier ones."""

    model: str
    wishes: tuple[str, ...]
    kept: dict[str, Any] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    """address -> why its value was not kept, or what was computed instead"""
    warnings: dict[str, str] = field(default_factory=dict)
    """address -> in what its value is not simply what the model computed"""
    marks: dict[str, list[int]] = field(default_factory=dict)
    """address -> how often the model's own tensors had been written to when they were kept with their graph"""

    def __getitem__(self, address: str) -> Any:
        if address in self.kept:
            value, mark = self.kept[address], self.marks.get(address)
            if mark is not None and mark != versions(value):
                raise AddressError(
                    f"{address!r} was kept with its graph, and the model changed it in place afterwards: read it "
                    "detached, or read what changed it."
                )
            return value
        if address in self.refused:
            raise AddressError(self.refused[address])
        if address in self.wishes:
            raise AddressError(
                f"{address!r} was never computed: no forward of {self.model} has reached it"
                " (a fused kernel, a branch or another thread may pass it by); call the model inside the with block."
            )
        raise AddressError(f"{address!r} was not asked for.{nearest(address, self.wishes)}")

    @property
    def bytes(self) -> int:
        """How much the values hold."""
        return sum(t.numel() * t.element_size() for value in self.kept.values() for _, t in tensors(value))

    @property
    def dropped(self) -> dict[str, str]:
        """What was asked for and is not here, with the reason."""
        return {address: self.refused.get(address, "never computed") for address in self.wishes if address not in self}

    def __contains__(self, address: object) -> bool:
        return address in self.kept

    def __iter__(self) -> Iterator[str]:
        return iter(self.kept)

    def __len__(self) -> int:
        return len(self.kept)

    def __repr__(self) -> str:
        rows = [f"{address!r}: {described_briefly(value)}" for address, value in self.kept.items()]
        rows += [f"{address!r}: {why}" for address, why in self.dropped.items()]
        rows += [f"note: {note}" for note in self.warnings.values()]
        return f"Seen({self.model}; {'; '.join(rows) or 'nothing yet'})"


def described_briefly(value: Any) -> str:
    """Shapes and dtypes of a tree of tensors."""
    return ", ".join(f"{key}{tuple(t.shape)} {str(t.dtype).removeprefix('torch.')}" for key, t in tensors(value))

"""Sites: the list of values that a forward computes, without the values."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

import torch


@dataclass(frozen=True, slots=True)
class Site:
    """One value that a forward computed."""

    address: str
    kind: str
    """class of the module, or name of the torch function"""
    shape: tuple[int, ...]
    dtype: torch.dtype
    bytes: int
    of_function: bool = False
    """whether a torch function returned it; otherwise a module did"""


class Sites(Sequence[Site]):
    """Sites in the order in which they were computed; printed, a table."""

    def __init__(self, sites: Sequence[Site]) -> None:
        self._sites = tuple(sites)

    @overload
    def __getitem__(self, index: int) -> Site: ...
    @overload
    def __getitem__(self, index: slice) -> "Sites": ...
    def __getitem__(self, index: int | slice) -> "Site | Sites":
        return Sites(self._sites[index]) if isinstance(index, slice) else self._sites[index]

    def __len__(self) -> int:
        return len(self._sites)

    @property
    def modules(self) -> "Sites":
        """What modules return."""
        return Sites([site for site in self._sites if not site.of_function])

    @property
    def functions(self) -> "Sites":
        """What torch functions return that are called directly in a module's forward."""
        return Sites([site for site in self._sites if site.of_function])

    @property
    def bytes(self) -> int:
        """How much all values would hold together."""
        return sum(site.bytes for site in self._sites)

    def __repr__(self) -> str:
        rows = [("address", "kind", "shape", "dtype", "bytes")]
        rows += [
            (
                site.address or "''",
                site.kind,
                "x".join(map(str, site.shape)) or "scalar",
                _short(site.dtype),
                f"{site.bytes:,}",
            )
            for site in self._sites
        ]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def _short(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")

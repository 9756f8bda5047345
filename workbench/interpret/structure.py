"""Overview: the tree of any module with what each part costs and whether it is alive."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.core.errors import AddressError, nearest
from workbench.interpret._markup import amount, columns, table

HEADER = ("part", "class", "output", "parameters", "FLOPs", "time", "dead")


@dataclass(frozen=True, kw_only=True)
class Part:
    """One module of the tree."""

    path: str
    """dotted path; empty for the model itself"""
    kind: str
    """name of its class"""
    depth: int
    """0 for the model itself"""
    children: int
    """direct submodules"""
    parameters: int
    """numbers it learns, with its submodules, each counted once"""
    bytes: int
    """of parameters and buffers, with its submodules"""
    output: str = ""
    """shapes of its first output, "2×12×384"; empty when it did not run"""
    calls: int = 0
    """how often it ran in the forward"""
    flops: int = 0
    """floating-point operations of the forward, with its submodules"""
    time_share: float = 0.0
    """share of the forward's time, with its submodules"""
    dead: float | None = None
    """share of units (channels, features) that are zero on all the inputs; None where that means nothing"""
    zeros: float | None = None
    """share of activations that are exactly zero"""
    tied: tuple[str, ...] = ()
    """names elsewhere in the model of the parameters it holds itself"""

    @property
    def name(self) -> str:
        """The last word of the path."""
        return self.path.rpartition(".")[2]


@dataclass(frozen=True, kw_only=True)
class Overview(Sequence[Part]):
    """Every module, parents before their children."""

    parts: tuple[Part, ...]
    model: str
    """name of the model's class"""
    parameters: int
    """numbers, each counted once"""
    trainable: int
    """of these, those that ask for a gradient"""
    bytes: int
    """of parameters and buffers"""
    flops: int
    """of one forward on the inputs"""
    seconds: float
    """of one forward on the inputs, the fastest of several"""
    examples: int
    """in the inputs"""
    tied: tuple[tuple[str, ...], ...] = ()
    """groups of parameter names that are one tensor"""
    warnings: tuple[str, ...] = ()
    """what the figures leave out, a sentence each"""

    def __len__(self) -> int:
        return len(self.parts)

    def __iter__(self) -> Iterator[Part]:
        return iter(self.parts)

    def __getitem__(self, key: int | str | slice) -> Any:
        if not isinstance(key, str):
            return self.parts[key]
        for part in self.parts:
            if part.path == key:
                return part
        raise AddressError(f"{self.model} has no part {key!r}.{nearest(key, [p.path for p in self.parts])}")

    @property
    def doubt(self) -> str:
        """What the figures leave out, in a sentence."""
        return " ".join(self.warnings)

    @property
    def summary(self) -> str:
        """The model in one line."""
        return (
            f"{self.model}: {amount(self.parameters)} parameters, {amount(self.bytes, ('B', 'kB', 'MB', 'GB'))}, "
            f"{amount(self.flops)} FLOPs and {self.seconds * 1e3:.3g} ms for {self.examples} example(s)."
        )

    def _rows(self) -> list[tuple[object, ...]]:
        return [
            (
                "\N{NO-BREAK SPACE}\N{NO-BREAK SPACE}" * p.depth + (p.name or self.model),
                p.kind,
                p.output,
                amount(p.parameters) if p.parameters else "",
                amount(p.flops) if p.flops else "",
                f"{p.time_share:.0%}" if p.calls else "",
                "" if p.dead is None else f"{p.dead:.0%}",
            )
            for p in self.parts
        ]

    def __str__(self) -> str:
        return columns(HEADER, self._rows(), f"{self.summary} {self.doubt}".strip())

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return table(HEADER, self._rows(), f"{self.summary} {self.doubt}".strip())

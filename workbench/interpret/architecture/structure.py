"""Overview: the tree of any module with what each part costs and whether it is alive."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn

from workbench.core.calling import Call
from workbench.core.errors import AddressError, nearest
from workbench.core.markup import amount, columns, table
from workbench.interpret.architecture.measuring import Measured, Measurements, measure
from workbench.interpret.batches import as_batch

HEADER = ("part", "class", "output", "parameters", "memory", "FLOPs", "time", "dead", "saturated")
_BYTES = ("B", "kB", "MB", "GB")


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
    """shapes of its first output, "2x12x384"; empty when it did not run"""
    calls: int = 0
    """how often it ran in the forward"""
    flops: int = 0
    """floating-point operations of the forward, with its submodules"""
    time_share: float = 0.0
    """share of the forward's time, with its submodules; 0 when a fused kernel did its work"""
    dead: float | None = None
    """share of units (channels, features) that are zero on all the inputs; None where that means nothing"""
    zeros: float | None = None
    """share of activations that are exactly zero"""
    saturated: float | None = None
    """share of units that stay at a bound of their activation; None where it has none"""
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
            f"{self.model}: {amount(self.parameters)} parameters, {amount(self.bytes, _BYTES)}, "
            f"{amount(self.flops)} FLOPs and {self.seconds * 1e3:.3g} ms for {self.examples} example(s)."
        )

    def _rows(self) -> list[tuple[object, ...]]:
        return [
            (
                "\N{NO-BREAK SPACE}\N{NO-BREAK SPACE}" * p.depth + (p.name or self.model),
                p.kind,
                p.output,
                (amount(p.parameters) + (" tied" if p.tied else "")) if p.parameters else "",
                amount(p.bytes, _BYTES) if p.bytes else "",
                amount(p.flops) if p.flops else "",
                f"{p.time_share:.0%}" if p.time_share else "",
                "" if p.dead is None else f"{p.dead:.0%}",
                "" if p.saturated is None else f"{p.saturated:.0%}",
            )
            for p in self.parts
        ]

    def __str__(self) -> str:
        return columns(HEADER, self._rows(), f"{self.summary} {self.doubt}".strip())

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return table(HEADER, self._rows(), f"{self.summary} {self.doubt}".strip())


def overview(model: nn.Module, inputs: Any, call: Call | None = None) -> Overview:
    """Every part of a model with its shape, parameters, operations, time, dead and saturated units on some inputs.

    Works for any module. Runs four forwards in evaluation mode; generator, modes and weights stay as they were.

    Args:
        model: Any module.
        inputs: What it is called with.
        call: How it is called, where that is not the ordinary way.

    Returns:
        The tree, parents before their children.
    """
    found = measure(model, inputs, call)
    names = parameter_names(model)
    parts = tuple(_part(path, module, found, names) for path, module in model.named_modules())
    own = list(model.parameters())
    return Overview(
        parts=parts,
        model=type(model).__name__,
        parameters=sum(p.numel() for p in own),
        trainable=sum(p.numel() for p in own if p.requires_grad),
        bytes=sum(t.nbytes for t in (*own, *model.buffers())),
        flops=found.flops,
        seconds=found.seconds,
        examples=len(as_batch(inputs)),
        tied=tuple(group for group in names.values() if len(group) > 1),
        warnings=_warnings(model, found),
    )


def parameter_names(model: nn.Module) -> dict[int, tuple[str, ...]]:
    """The names of each parameter by its identity; several where it is tied."""
    names: dict[int, tuple[str, ...]] = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        names[id(parameter)] = (*names.get(id(parameter), ()), name)
    return names


def _part(path: str, module: nn.Module, found: Measurements, names: dict[int, tuple[str, ...]]) -> Part:
    row = found.by_module.get(module, Measured())
    own = [f"{path}.{name}" if path else name for name, _ in module.named_parameters(recurse=False)]
    tied = [n for p in module.parameters(recurse=False) for n in names[id(p)] if n not in own]
    return Part(
        path=path,
        kind=type(module).__name__,
        depth=path.count(".") + 1 if path else 0,
        children=sum(1 for _ in module.children()),
        parameters=sum(p.numel() for p in module.parameters()),
        bytes=sum(t.nbytes for t in (*module.parameters(), *module.buffers())),
        output="" if row.output is None else "x".join(map(str, row.output)),
        calls=row.calls,
        flops=row.flops,
        time_share=row.seconds / found.seconds if found.seconds else 0.0,
        dead=row.dead,
        zeros=row.zeros,
        saturated=row.saturated,
        tied=tuple(tied),
    )


def _warnings(model: nn.Module, found: Measurements) -> tuple[str, ...]:
    said: list[str] = []
    idle = [path for path, module in model.named_modules() if module not in found.by_module and path]
    silent = [p for p in idle if type(model.get_submodule(p)).forward is not nn.Module.forward]
    if silent:
        said.append(f"{len(silent)} modules did not run on these inputs, such as {silent[0]}.")
    if found.foreign:
        said.append(f"The operations of {', '.join(sorted(found.foreign))} are not counted.")
    if not found.flops:
        said.append("No matrix product or convolution was counted.")
    return tuple(said)

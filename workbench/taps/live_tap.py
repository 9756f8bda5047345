"""Tap: read and edit what the modules of any live model compute, and leave no trace.

with wb.tap(model) as tap:
    seen = tap.read("layer.2")
    wb.call(model, batch)
seen["layer.2"]
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import torch
from torch import Tensor, nn

from workbench.core.calling import Call, call
from workbench.core.errors import AddressError, ConfigError, ModelError, nearest
from workbench.core.live import evaluating, look
from workbench.taps.addresses import Address, resolve
from workbench.taps.hooks import Watch
from workbench.taps.values import mapped, part, tensors, with_part

Edit = Callable[[Any], Any]
"""value -> value, of the same shape."""

MAX_BYTES = 1 << 30


@dataclass(frozen=True, slots=True)
class Site:
    """One value that a forward computed."""

    address: str
    kind: str
    """class of the module"""
    shape: tuple[int, ...]
    dtype: torch.dtype
    bytes: int


@dataclass(slots=True)
class _Wish:
    address: Address
    attached: bool
    device: torch.device | None


@dataclass(slots=True, eq=False)
class Seen(Mapping[str, Any]):
    """Values by address, filled while the model runs; those of a later forward replace the earlier ones."""

    model: str
    wishes: tuple[str, ...]
    kept: dict[str, Any] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    """address -> why its value was not kept"""

    def __getitem__(self, address: str) -> Any:
        if address in self.kept:
            return self.kept[address]
        if address in self.refused:
            raise AddressError(self.refused[address])
        if address in self.wishes:
            raise AddressError(
                f"{address!r} was never computed: no forward of {self.model} has reached it"
                " (a fused kernel or a branch may pass it by); call the model inside the with block."
            )
        raise AddressError(f"{address!r} was not asked for.{nearest(address, self.wishes)}")

    @property
    def bytes(self) -> int:
        """How much the values hold."""
        return sum(t.numel() * t.element_size() for value in self.kept.values() for _, t in tensors(value))

    def __contains__(self, address: object) -> bool:
        return address in self.kept

    def __iter__(self) -> Iterator[str]:
        return iter(self.kept)

    def __len__(self) -> int:
        return len(self.kept)


class Tap:
    """Reads and edits module outputs of a live model in the thread that entered it.

    A value is addressed by ``module.path``, ``module.path@1`` for the module's second call in one forward, and
    ``module.path[0]`` or ``module.path[logits]`` for a part of a tuple or mapping. The empty path is the model.
    A tap sees the edits of its own and of taps that were entered before it.
    """

    def __init__(self, model: nn.Module, *, max_bytes: int = MAX_BYTES) -> None:
        """A tap that begins when it is entered.

        Args:
            model: Any module; nothing is attached to it.
            max_bytes: How much may be held by the values read; a value beyond it is not kept.

        Raises:
            ModelError: What was given is no module.
            ConfigError: ``max_bytes`` is negative.
        """
        if max_bytes < 0:
            raise ConfigError(f"max_bytes is {max_bytes}; it must be 0 or more.")
        self.model, self.max_bytes = model, max_bytes
        self._watch = Watch(model, entered=self._entered, left=self._left)
        self._calls: dict[nn.Module, int] = {}
        self._reads: list[tuple[_Wish, Seen]] = []
        self._edits: list[tuple[Address, Edit]] = []
        self._sites: list[Site] | None = None
        self._held: dict[tuple[int, str], int] = {}

    def __enter__(self) -> Self:
        self._watch.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._watch.__exit__(kind, error, trace)
        self._reads, self._edits, self._calls = [], [], {}

    def read(self, *addresses: str, attached: bool = False, device: torch.device | str | None = "cpu") -> Seen:
        """Ask for values; the mapping is filled while the model runs.

        Args:
            addresses: What to read.
            attached: Keep the model's own tensor with its graph, instead of a detached copy.
            device: Where copies are kept; None for where they were computed.

        Raises:
            AddressError: An address names nothing in this model.
        """
        resolved = [resolve(self.model, text) for text in addresses]
        place = None if attached or device is None else torch.device(device)
        seen = Seen(type(self.model).__name__, addresses)
        self._reads += [(_Wish(address, attached, place), seen) for address in resolved]
        return seen

    def edit(self, edits: Mapping[str, Edit]) -> None:
        """Replace values while the tap is open: to steer, scale, ablate or patch.

        Args:
            edits: address -> function from the value to a new value of the same shape.

        Raises:
            AddressError: An address names nothing in this model.
        """
        self._edits += [(resolve(self.model, text), change) for text, change in edits.items()]

    def discover(self, inputs: Any, *, call: Call | None = None) -> list[Site]:
        """Every address that a forward on these inputs computes, in order, without keeping a tensor.

        Args:
            inputs: What the model is called with.
            call: How the model is called, where that is not the ordinary way.
        """
        other = Tap(self.model)
        other._sites = sites = []
        with look(), evaluating(self.model), torch.no_grad(), other:
            _run(self.model, inputs, call)
        return sites

    def _entered(self, module: nn.Module, inputs: tuple[Any, ...]) -> None:  # noqa: ARG002 - told by Watch
        if module is self.model and len(self._watch.stack) == 1:  # a new forward
            self._calls.clear()
            for wish, seen in self._reads:
                self._forget(wish, seen)

    def _left(self, module: nn.Module, output: Any) -> Any:
        count = self._calls.get(module, 0)
        self._calls[module] = count + 1
        new = output
        for address, change in self._edits:
            if address.module is module and address.call == count:
                new = _edited(new, address, change)
        for wish, seen in self._reads:
            if wish.address.module is module and wish.address.call == count:
                self._keep(wish, seen, new)
        if self._sites is not None:
            name = self._watch.names[module] + (f"@{count}" if count else "")
            kind = type(module).__name__
            self._sites += [
                Site(name + suffix, kind, tuple(t.shape), t.dtype, t.numel() * t.element_size())
                for suffix, t in tensors(output)
            ]
        return None if new is output else new

    def _forget(self, wish: _Wish, seen: Seen) -> None:
        seen.kept.pop(wish.address.text, None)
        seen.refused.pop(wish.address.text, None)
        self._held.pop((id(seen), wish.address.text), None)

    def _keep(self, wish: _Wish, seen: Seen, output: Any) -> None:
        text = wish.address.text
        self._forget(wish, seen)
        try:
            value = part(output, wish.address.parts, text)
        except AddressError as error:
            seen.refused[text] = str(error)
            return
        size = sum(t.numel() * t.element_size() for _, t in tensors(value))
        left = self.max_bytes - sum(self._held.values())
        if size > left:
            seen.refused[text] = (
                f"{text!r} was computed and not kept: its {size:,} bytes are more than the {left:,} left of "
                f"max_bytes={self.max_bytes:,}; read fewer addresses or pass a larger max_bytes."
            )
            return
        self._held[id(seen), text] = size
        # A copy, because the model may go on to change its own tensor in place.
        seen.kept[text] = value if wish.attached else mapped(value, lambda t: _copied(t, wish.device))


def tap(model: nn.Module, *, max_bytes: int = MAX_BYTES) -> Tap:
    """A tap on any live model; see ``Tap``.

    Args:
        model: Any module; nothing is attached to it.
        max_bytes: How much may be held by the values read.
    """
    return Tap(model, max_bytes=max_bytes)


def _run(model: nn.Module, inputs: Any, how: Call | None) -> None:
    call(model, inputs, call=how)


def _copied(tensor: Tensor, device: torch.device | None) -> Tensor:
    return tensor.detach().to(tensor.device if device is None else device, copy=True)


def _edited(output: Any, address: Address, change: Edit) -> Any:
    old = part(output, address.parts, address.text)
    before = _versions(old)
    new = change(old)
    if _versions(old) != before:
        raise ModelError(f"The edit of {address.text!r} changed its value in place: return a new value instead.")
    shapes = [tuple(t.shape) for _, t in tensors(old)]
    given = [tuple(t.shape) for _, t in tensors(new)]
    if shapes != given:
        raise ModelError(
            f"The edit of {address.text!r} returned {given or type(new).__name__} where the model computed {shapes}: "
            "return a value of the same shape."
        )
    return with_part(output, address.parts, new)


def _versions(value: Any) -> list[int]:
    return [-1 if t.is_inference() else t._version for _, t in tensors(value)]  # noqa: SLF001 - torch's only mark of a change in place

"""What became of a value that was asked for: sentences for what is missing or not simply what was computed."""

from collections.abc import Sequence
from typing import Any

from workbench.core.errors import nearest
from workbench.taps.addresses import Address
from workbench.taps.values import tensors

_MOST = 9
"""names in a sentence"""


def too_large(address: str, value: Any, left: int, max_bytes: int) -> str:
    """A value that does not fit under the cap."""
    size = sum(t.numel() * t.element_size() for _, t in tensors(value))
    return (
        f"{address!r} was computed and not kept: its {size:,} bytes are more than the {left:,} left of "
        f"max_bytes={max_bytes:,}; read fewer addresses or pass a larger max_bytes."
    )


def not_called(address: Address, name: str, functions: Sequence[str]) -> str:
    """A torch function that a module did not call.

    Args:
        address: What was asked for.
        name: The module and its call.
        functions: What it called, ``name#i``.
    """
    instead = nearest(address.value, functions) or f" It called {', '.join(functions[:_MOST]) or 'none'}."
    return f"{address.text!r} was never computed in the last forward: {name!r} did not call it.{instead}"


def not_reached(address: Address, computed: Sequence[str]) -> str:
    """A module that was not called in a forward.

    Args:
        address: What was asked for.
        computed: The calls there were, ``path@n``.
    """
    parent = address.path.rpartition(".")[0]
    same = [name for name in computed if name.partition("@")[0] == address.path]
    beside = [name for name in computed if name and name.rpartition(".")[0] == parent]
    instead = ", ".join(map(repr, (same or beside)[:_MOST]))
    return f"{address.text!r} was never computed in the last forward, which took another path or a fused kernel" + (
        f"; it computed {instead}." if instead else "."
    )


def other_way(address: Address, name: str, before: Sequence[str], now: Sequence[str]) -> str:
    """A module that called other torch functions than in the forward before."""
    more = [one for one in now if one not in before][:3]
    less = [one for one in before if one not in now][:3]
    words = [f"with {', '.join(more)}"] * bool(more) + [f"without {', '.join(less)}"] * bool(less)
    return (
        f"{name!r} took another path than in the forward before, {' and '.join(words) or 'in another order'}: "
        f"{address.value} need not be the same value."
    )


def by_hook(address: str) -> str:
    """A value that only a hook could read."""
    return f"{address!r} is what a torch.jit module returns, read by a hook: nothing inside it can be seen."


def elsewhere(address: str) -> str:
    """A value of another thread."""
    return (
        f"{address!r} was computed in another thread and read by a hook: torch functions there are not seen, "
        "edits not applied."
    )


def not_edited(address: str) -> str:
    """An edit in another thread."""
    return f"The edit of {address!r} was not applied: the module ran in another thread than the tap's."


def ambiguous(address: str) -> str:
    """An edit of one of several calls, in a recomputation."""
    return (
        f"{address!r} is edited, computed several times in a forward, and now computed again for its gradient: which "
        "call this is cannot be known. Switch gradient checkpointing off."
    )

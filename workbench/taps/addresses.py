"""Addresses of module outputs: ``path``, ``path@n`` for the n-th call, ``path[0]`` or ``path[logits]`` for a part."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from torch import nn

from workbench.core.errors import AddressError, nearest
from workbench.taps.hooks import plain

_FORM = re.compile(r"^(?P<path>[^@\[\]]*)(?:@(?P<call>\d+))?(?P<parts>(?:\[[^\[\]]+\])*)$")


@dataclass(frozen=True, slots=True)
class Address:
    """One value that a model computes."""

    text: str
    """as it was written"""
    module: nn.Module
    call: int
    """0 for the module's first call of a forward"""
    parts: tuple[str, ...]
    """keys into a tuple or mapping"""


def resolve(model: nn.Module, text: str) -> Address:
    """What an address means in a model.

    Args:
        model: Any module.
        text: An address; the empty path is the model itself.

    Raises:
        AddressError: The form is wrong, there is no such module, or it is a list that is never called.
    """
    # A module that is used in two places has two names and both are good.
    known = {plain(name): module for name, module in model.named_modules(remove_duplicate=False)}
    if text in known:
        return Address(text, _callable(text, known[text]), 0, ())
    form = _FORM.match(text)
    if form is None:
        raise AddressError(f"{text!r} is no address: write 'path', 'path@1' for a second call, 'path[0]' for a part.")
    path = plain(form["path"])
    if path not in known:
        raise AddressError(f"{type(model).__name__} has no module {path!r}.{_suggested(path, known)}")
    parts = tuple(re.findall(r"\[([^\[\]]+)\]", form["parts"]))
    return Address(text, _callable(path, known[path]), int(form["call"] or 0), parts)


def _callable(path: str, module: nn.Module) -> nn.Module:
    if type(module).forward is nn.Module.forward and "forward" not in vars(module):
        inside = ", ".join(f"{path}.{name}" for name, _ in module.named_children())
        raise AddressError(
            f"{path!r} is a {type(module).__name__}, which is never called itself: name one of {inside or 'nothing'}."
        )
    return module


def _suggested(path: str, known: Iterable[str]) -> str:
    names = [name for name in known if name]
    ending = [name for name in names if name.endswith(f".{path}")][:3]
    return f" Did you mean {' or '.join(map(repr, ending))}?" if ending else nearest(path, names)

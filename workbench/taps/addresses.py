"""Addresses of values inside a model.

``path``            what a module returns; the empty path is the model
``path@1``          what its second call in one forward returns
``path:inputs``     what it is given
``path:softmax#1``  what the second softmax called directly in its forward returns; ``#0`` may be left out
``...[0]``          a part of a tuple or mapping: ``[0]``, ``[logits]``, ``[past][1]``
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import nn

from workbench.core.errors import AddressError, nearest
from workbench.taps.naming import paths, wraps

INPUTS = "inputs"

_FORM = re.compile(
    r"^(?P<path>[^@\[\]:#]*)(?:@(?P<call>\d+))?(?::(?P<function>\w+)(?:#(?P<index>\d+))?)?(?P<parts>(?:\[[^\[\]]+\])*)$"
)


@dataclass(frozen=True, slots=True)
class Address:
    """One value that a model computes."""

    text: str
    """as it was written"""
    path: str
    """of the module"""
    module: nn.Module
    call: int = 0
    """0 for the module's first call of a forward"""
    value: str = ""
    """"" for what the module returns, "inputs", or ``function#i``"""
    parts: tuple[str, ...] = ()
    """keys into a tuple or mapping"""

    @property
    def of_function(self) -> bool:
        """Whether it is what a torch function returns."""
        return bool(self.value) and self.value != INPUTS


def resolve(model: nn.Module, text: str, known: Mapping[str, nn.Module] | None = None) -> Address:
    """What an address means in a model.

    Args:
        model: Any module.
        text: An address.
        known: What ``modules_by_path`` says of it, where many addresses are resolved.

    Raises:
        AddressError: The form is wrong, there is no such module, it is a list that is never called, or nothing of it
            can be seen because ``torch.jit`` runs it.
    """
    known = modules_by_path(model) if known is None else known
    if text in known:
        return Address(text, text, _callable(text, known[text], known))
    form = _FORM.match(text)
    if form is None:
        raise AddressError(
            f"{text!r} is no address: write 'path', 'path@1' for a second call, 'path:softmax#0' for a torch function "
            "called in it, 'path:inputs' for what it is given, 'path[0]' for a part."
        )
    path, function = form["path"], form["function"]
    if path not in known:
        raise AddressError(f"{type(model).__name__} has no module {path!r}.{_suggested(path, known)}")
    value = f"{function}#{int(form['index'] or 0)}" if function and function != INPUTS else function or ""
    module = _callable(path, known[path], known)
    if value and isinstance(module, torch.jit.ScriptModule):
        raise AddressError(f"{path!r} is a torch.jit module, which runs without Python: only its output can be read.")
    parts = tuple(re.findall(r"\[([^\[\]]+)\]", form["parts"]))
    return Address(text, path, module, int(form["call"] or 0), value, parts)


def modules_by_path(model: nn.Module) -> dict[str, nn.Module]:
    """Modules by every name that is good: one used in two places has two, and so has one inside a wrapper."""
    return dict(model.named_modules(remove_duplicate=False)) | paths(model)


def _callable(path: str, module: nn.Module, known: Mapping[str, nn.Module]) -> nn.Module:
    while wraps(module):
        (module,) = module.children()
    names = path.split(".")
    above = [".".join(names[:i]) for i in range(len(names))] if path else []
    outer = next((name for name in above if isinstance(known.get(name), torch.jit.ScriptModule)), None)
    if outer is not None:
        raise AddressError(
            f"{path!r} lies inside the torch.jit module {outer!r}, which runs without Python: only what "
            f"{outer!r} returns can be read."
        )
    if isinstance(module, torch.jit.ScriptModule):
        return module
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

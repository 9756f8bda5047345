"""Paths of modules, without the layers that ``torch.compile`` and data parallelism put around a model."""

from collections.abc import Mapping

from torch import nn
from torch.nn.parallel import DataParallel, DistributedDataParallel


def is_compiled(module: nn.Module) -> bool:
    """Whether it is what ``torch.compile`` puts around a module."""
    return "_orig_mod" in module._modules  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - asked of every module of every model


def wraps(module: nn.Module) -> bool:
    """Whether a module only hands on to the one inside it."""
    return is_compiled(module) or isinstance(module, DataParallel | DistributedDataParallel)


def unwrapped(model: nn.Module) -> nn.Module:
    """The model that a person wrote."""
    while wraps(model):
        (model,) = model.children()
    return model


def paths(model: nn.Module) -> dict[str, nn.Module]:
    """Modules by path; one that is used in two places has two, and a wrapper's path is its content's."""
    named = dict(model.named_modules(remove_duplicate=False))
    wrappers = {name for name, module in named.items() if wraps(module)}
    return {_without(name, wrappers): module for name, module in named.items()}


def module_names(model: nn.Module) -> Mapping[nn.Module, str]:
    """The path of every submodule."""
    named = dict(model.named_modules())
    wrappers = {name for name, module in named.items() if wraps(module)}
    return {module: _without(name, wrappers) for name, module in named.items()}


def _without(name: str, wrappers: set[str]) -> str:
    parts = name.split(".") if name else []
    return ".".join(part for i, part in enumerate(parts) if ".".join(parts[:i]) not in wrappers)

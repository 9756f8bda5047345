"""What a panel's header says of a model."""

from typing import TYPE_CHECKING

from torch import nn

from workbench.core import device as devices
from workbench.core.variables import name_of, notebook

if TYPE_CHECKING:
    from workbench.interpret import Session


def title(model: nn.Module) -> str:
    """What a person calls a model: the last part of its pretrained name, else its class."""
    config = getattr(model, "config", None)
    given = getattr(config, "_name_or_path", "") or getattr(config, "name_or_path", "")
    parts = [part for part in str(given).split("/") if part not in ("", "model", "weights")]
    return parts[-1] if parts else type(model).__name__


def called(model: nn.Module) -> str:
    """What a person calls one of several models: the variable that holds it, else its title."""
    return name_of(notebook(), model) or title(model)


def size(model: nn.Module) -> str:
    """Class and number of parameters."""
    count = sum(parameter.numel() for parameter in model.parameters())
    short = f"{count / 1e6:.1f} M" if count >= 1e6 else f"{count:,}"  # noqa: PLR2004 - a million
    return f"{type(model).__name__} · {short} parameters"


def facts(model: nn.Module) -> str:
    """Class, size, device and mode in one line; figures are those of evaluation mode, whatever mode the model is in."""
    mode = "evaluated in eval mode; the model is in train mode" if model.training else "eval"
    return f"{size(model)} · {devices.of(model)} · {mode}"


def sides(first: "Session", second: "Session") -> tuple[str, str]:
    """What the two sides of a comparison are called."""
    if first.model is second.model:
        return "first input", "second input"
    names = called(first.model), called(second.model)
    return names if names[0] != names[1] else ("first model", "second model")

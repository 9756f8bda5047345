"""What a panel's header says of a model."""

from torch import nn

from workbench.core import device as devices


def title(model: nn.Module) -> str:
    """What a person calls a model: the last part of its pretrained name, else its class."""
    config = getattr(model, "config", None)
    given = getattr(config, "_name_or_path", "") or getattr(config, "name_or_path", "")
    parts = [part for part in str(given).split("/") if part not in ("", "model", "weights")]
    return parts[-1] if parts else type(model).__name__


def facts(model: nn.Module) -> str:
    """Class, size, device and mode in one line."""
    count = sum(parameter.numel() for parameter in model.parameters())
    size = f"{count / 1e6:.1f} M" if count >= 1e6 else f"{count:,}"  # noqa: PLR2004 - a million
    mode = "train" if model.training else "eval"
    return f"{type(model).__name__} · {size} parameters · {devices.of(model)} · {mode}"

"""Where a model computes: ``"auto"`` is a GPU where there is one, else the CPU."""

import torch
from torch import nn

from workbench.core.errors import ConfigError


def pick(device: str | torch.device = "auto") -> torch.device:
    """The device meant by a name.

    Raises:
        ConfigError: The name is no device, or there is no such device on this machine.
    """
    if isinstance(device, torch.device):
        return device
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        picked = torch.device(device)
    except RuntimeError:
        raise ConfigError(f"{device!r} is no device: use 'auto', 'cpu' or 'cuda'.") from None
    if picked.type == "cuda" and not torch.cuda.is_available():
        raise ConfigError(f"{device!r} was asked for, and torch sees no CUDA device here: use 'auto' or 'cpu'.")
    return picked


def of(model: nn.Module) -> torch.device:
    """Where a model's first parameter or buffer is; the CPU for a model that has neither."""
    for tensor in (*model.parameters(), *model.buffers()):
        return tensor.device
    return torch.device("cpu")

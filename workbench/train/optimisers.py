"""From an optimiser's config to torch's optimiser for some parameters."""

from collections.abc import Mapping, Sequence
from functools import singledispatch
from typing import Any, Protocol

import torch
from torch import nn

from workbench.core.errors import CheckpointError, ConfigError
from workbench.train.settings import SGD, AdamW, Muon, Optimiser


class Stepper(Protocol):
    """What the loop needs of an optimiser."""

    param_groups: list[dict[str, Any]]

    def step(self) -> Any:
        """Move the parameters along their gradients."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """Everything the next step depends on."""
        ...

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue from such a state."""
        ...


def stepper(config: Optimiser, module: nn.Module) -> tuple[Stepper, list[nn.Parameter]]:
    """The optimiser of a module's trainable parameters, and these parameters.

    Args:
        config: ``AdamW``, ``SGD`` or ``Muon``.
        module: Whose parameters move.

    Returns:
        The optimiser, each of whose groups has an ``initial_lr``, and the parameters in order.

    Raises:
        ConfigError: The config is of a class for which no optimiser is known.
    """
    params = [p for p in module.parameters() if p.requires_grad]
    made = _make(config, module, params)
    for group in made.param_groups:
        group["initial_lr"] = group["lr"]
    return made, params


def bring_back(optimiser: Stepper, state: dict[str, Any]) -> None:
    """Load an optimiser's memory, and keep the step length and the like of its own config.

    Raises:
        CheckpointError: The memory is of an optimiser of another class or of other parameters.
    """
    own = [{name: value for name, value in group.items() if name != "params"} for group in optimiser.param_groups]
    try:
        optimiser.load_state_dict(state)
    except (ValueError, KeyError) as error:
        raise CheckpointError(f"The checkpoint is of another optimiser: {error}") from None
    for group, values in zip(optimiser.param_groups, own, strict=True):
        group.update(values)


@singledispatch
def _make(config: Optimiser, _module: nn.Module, _params: Sequence[nn.Parameter]) -> Stepper:
    raise ConfigError(f"No optimiser is known for {type(config).__name__}: use AdamW, SGD or Muon.")


@_make.register
def _adamw(config: AdamW, _module: nn.Module, params: Sequence[nn.Parameter]) -> Stepper:
    return torch.optim.AdamW(
        params,
        lr=config.lr,
        betas=(config.beta1, config.beta2),
        weight_decay=config.weight_decay,
        fused=config.fused,
    )


@_make.register
def _sgd(config: SGD, _module: nn.Module, params: Sequence[nn.Parameter]) -> Stepper:
    nesterov = config.momentum > 0
    return torch.optim.SGD(
        params, lr=config.lr, momentum=config.momentum, weight_decay=config.weight_decay, nesterov=nesterov
    )


@_make.register
def _muon(config: Muon, module: nn.Module, params: Sequence[nn.Parameter]) -> Stepper:
    tables = {id(p) for m in module.modules() if isinstance(m, nn.Embedding) for p in m.parameters()}
    matrices = [p for p in params if p.dim() == 2 and id(p) not in tables]  # noqa: PLR2004 - a matrix
    chosen = {id(p) for p in matrices}
    others = [p for p in params if id(p) not in chosen]
    parts: list[Stepper] = []
    if matrices:
        parts.append(
            torch.optim.Muon(matrices, lr=config.lr, weight_decay=config.weight_decay, momentum=config.momentum)
        )
    if others:
        parts.append(_adamw(config.others, module, others))
    return Together(parts)


class Together:
    """Several optimisers, each with its own parameters, stepped as one."""

    def __init__(self, parts: Sequence[Stepper]) -> None:
        """Join optimisers.

        Args:
            parts: The optimisers.
        """
        self.parts = list(parts)
        self.param_groups = [group for part in self.parts for group in part.param_groups]

    def step(self) -> None:
        """Step each."""
        for part in self.parts:
            part.step()

    def state_dict(self) -> dict[str, Any]:
        """The states of all."""
        return {"parts": [part.state_dict() for part in self.parts]}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Continue all."""
        for part, state in zip(self.parts, state_dict["parts"], strict=True):
            part.load_state_dict(state)
        self.param_groups = [group for part in self.parts for group in part.param_groups]

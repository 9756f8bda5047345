"""An exponential moving average of a model's weights, kept beside the model.

Polyak and Juditsky 1992, doi:10.1137/0330046, in the exponential form of Tarvainen and Valpola 2017,
arXiv:1703.01780, equation 1: a' = decay a + (1 - decay) w after every step. Buffers are copied, not averaged.
"""

import copy
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn


class Average:
    """The averaged weights of one model."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        """Begin with the model's present weights.

        Args:
            model: Whose weights are followed.
            decay: Memory, between 0 and 1.
        """
        self._model = model
        self._live = [p.detach() for p in model.parameters() if p.is_floating_point()]
        self._kept = [p.clone() for p in self._live]
        self._follow = get_ema_multi_avg_fn(decay)

    @torch.no_grad()
    def update(self) -> None:
        """Follow the weights by one step."""
        self._follow(self._kept, self._live, 0)

    def module(self) -> nn.Module:
        """A copy of the model with the averaged weights."""
        made = copy.deepcopy(self._model)
        with torch.no_grad():
            for param, kept in zip((p for p in made.parameters() if p.is_floating_point()), self._kept, strict=True):
                param.copy_(kept)
        return made

    def state(self) -> dict[str, Tensor]:
        """The averaged weights by number."""
        return {str(i): kept for i, kept in enumerate(self._kept)}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Continue from such weights."""
        for i, kept in enumerate(self._kept):
            kept.copy_(state[str(i)])

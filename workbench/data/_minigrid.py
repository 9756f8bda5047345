# pyright: reportMissingTypeArgument=false, reportIncompatibleMethodOverride=false, reportUnknownVariableType=false
# (gymnasium's wrappers are generic in ways that MiniGrid's own classes do not fill in)
"""What an agent of MiniGrid sees, as numbers: one-hot things in a square before it, and only the actions it needs."""

from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np

from workbench.data.door_key import SIDE, THINGS

_CODES = {(0, 0): 0, (1, 0): 1, (2, 0): 2, (4, 0): 3, (4, 1): 4, (4, 2): 5, (5, 0): 6, (8, 0): 7}
"""MiniGrid's (object, state) -> position in THINGS"""


class Seen(gymnasium.ObservationWrapper):
    """The agent's view as (columns x rows x things) ones and zeros; it stands at the middle of the last row."""

    def __init__(self, env: Any) -> None:
        """Look at an environment.

        Args:
            env: A MiniGrid environment without balls, boxes or lava.
        """
        super().__init__(env)
        self._number = np.zeros((11, 3), dtype=np.int64)
        for (thing, state), number in _CODES.items():
            self._number[thing, state] = number
        self._hot = np.eye(len(THINGS), dtype=np.float32)
        self.observation_space = gymnasium.spaces.Box(0, 1, (SIDE * SIDE * len(THINGS),), np.float32)

    def observation(self, observation: Any) -> Any:
        """Numbers (392,)."""
        view = observation["image"]
        return self._hot[self._number[view[..., 0], view[..., 2]]].reshape(-1)


class Only(gymnasium.ActionWrapper):
    """The actions that a task needs, numbered from 0."""

    def __init__(self, env: Any, kept: Sequence[int]) -> None:
        """Keep some actions.

        Args:
            env: An environment with numbered actions.
            kept: Their numbers, in the new order.
        """
        super().__init__(env)
        self._kept = tuple(kept)
        self.action_space = gymnasium.spaces.Discrete(len(kept))

    def action(self, action: Any) -> int:
        """The environment's own number."""
        return self._kept[int(action)]

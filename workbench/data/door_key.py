"""MiniGrid-DoorKey-5x5-v0: find the key, unlock the door, walk to the goal, seeing only what is in front."""

from typing import Any

from workbench.core.optional import need
from workbench.data._environment import Environment
from workbench.data.contract import Card

SIDE = 7
"""cells along an edge of the square that an agent sees"""

THINGS = ("hidden", "free", "wall", "open door", "closed door", "locked door", "key", "goal")
"""what a cell can show"""

_ACTIONS = {"turn left": 0, "turn right": 1, "step": 2, "pick up": 3, "use": 5}

CARD = Card(
    title="Fetch a key, unlock a door, reach the goal in a room of 5 x 5 cells",
    source="M. Chevalier-Boisvert and others, Minigrid and Miniworld, 2023, arXiv:2306.13831",
    licence="Apache-2.0",
    package="minigrid (PyPI)",
    caution="The agent sees 7 x 7 cells before it and nothing behind; dropping things is left out of its actions.",
)


class DoorKey(Environment):
    """The room with MiniGrid's view made flat."""

    def make(self, **options: Any) -> Any:
        """A new environment; reset it with a seed of your own, which decides walls, key and start.

        Args:
            **options: Passed to ``gymnasium.make``, ``render_mode`` for example.
        """
        need("minigrid", extra="agents", purpose="for door_key")
        gymnasium = need("gymnasium", extra="agents", purpose="for door_key")
        from workbench.data import _minigrid

        made = gymnasium.make(self.id, **(self.options | options))
        return _minigrid.Seen(_minigrid.Only(made, list(_ACTIONS.values())))


def load() -> DoorKey:
    """The environment: 1 - 0.9 x (steps taken / 250) at the goal, nothing else; at most 250 steps."""
    need("minigrid", extra="agents", purpose="for door_key")
    cells = [(column, row) for column in range(SIDE) for row in range(SIDE)]
    return DoorKey(
        name="door_key",
        id="MiniGrid-DoorKey-5x5-v0",
        card=CARD,
        observations=[
            f"{thing}, {SIDE - 1 - row} ahead, {column - SIDE // 2} right" for column, row in cells for thing in THINGS
        ],
        actions=list(_ACTIONS),
        library="minigrid",
    )

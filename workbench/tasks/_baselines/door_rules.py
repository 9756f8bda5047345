"""Rules of two lines for the room with the key, such as a person writes before learning anything."""

from collections.abc import Callable
from typing import Any

import numpy as np

TEST = 10_000
"""seed of the first test episode, as in ``mean_return``"""

_LEFT, _RIGHT, _STEP, _TAKE, _USE = range(5)
_FREE, _OPEN, _CLOSED, _LOCKED, _KEY, _GOAL = 1, 3, 4, 5, 6, 7
_SHAPE = (7, 7, 8)
_FRONT = (3, 5)
"""the cell before the agent"""

Rule = Callable[[Any, np.random.Generator], int]


def wander(seen: Any, source: np.random.Generator) -> int:
    """Take a key, use a door; else step on, or turn at random at a wall and now and then."""
    thing = int(seen.reshape(_SHAPE)[_FRONT].argmax())
    useful = {_KEY: _TAKE, _LOCKED: _USE, _CLOSED: _USE}
    may_step = thing in (_FREE, _OPEN, _GOAL) and source.random() > 0.2  # noqa: PLR2004 - a turn every fifth step
    return useful.get(thing, _STEP if may_step else int(source.integers(_LEFT, _STEP)))


def seek(seen: Any, source: np.random.Generator) -> int:
    """Step or turn towards the goal where it is seen and the way is free; else wander."""
    view = seen.reshape(_SHAPE)
    (columns, rows) = view[..., _GOAL].nonzero()
    if not len(columns) or int(view[_FRONT].argmax()) not in (_FREE, _GOAL):
        return wander(seen, source)
    return _STEP if rows[0] < _SHAPE[1] - 1 else _LEFT if columns[0] < _FRONT[0] else _RIGHT


def wandering(data: Any) -> float:
    """Mean return of ``wander`` over 100 episodes."""
    return _mean_return(data, wander)


def seeking(data: Any) -> float:
    """Mean return of ``seek`` over 100 episodes."""
    return _mean_return(data, seek)


def _mean_return(data: Any, rule: Rule) -> float:
    env, source, total = data.make(), np.random.default_rng(0), 0.0
    for episode in range(100):
        seen, _ = env.reset(seed=TEST + episode)
        done = False
        while not done:
            seen, reward, ended, cut, _ = env.step(rule(seen, source))
            total, done = total + float(reward), ended or cut
    return total / 100

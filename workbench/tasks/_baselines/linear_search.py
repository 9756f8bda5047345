"""The best linear policy by random search: Mania, Guy and Recht 2018, arXiv:1803.07055, in its simplest form."""

from typing import Any

import numpy as np

STEPS = 100_000
"""of the environment, as many as an agent may take to learn"""

TEST = 10_000
"""seed of the first test episode, as in ``mean_return``"""


def linear_search(data: Any, steps: int = STEPS, scales: tuple[float, ...] = (0.003, 0.01, 0.03, 0.1, 0.3)) -> float:
    """Mean return over 100 episodes of softmax(W s), W found by trying.

    Half of the steps try matrices of independent normal numbers, each of a random scale; the rest try changes of the
    best so far. Six episodes judge each.

    Args:
        data: An environment.
        steps: How many may be taken in all.
        scales: Standard deviations to draw from.
    """
    env, source = data.make(), np.random.default_rng(0)
    shape = (data.sizes["observations"] + 1, data.sizes["actions"])
    best, best_return, taken = np.zeros(shape), -np.inf, 0
    while taken < steps:
        start = best if taken > steps / 2 else np.zeros(shape)
        tried = start + source.normal(size=shape) * source.choice(scales)
        rows = [_episode(env, tried, int(source.integers(TEST)), source) for _ in range(6)]
        taken += sum(length for _, length in rows)
        if (mean := sum(total for total, _ in rows) / len(rows)) > best_return:
            best, best_return = tried, mean
    return sum(_episode(env, best, TEST + i, source)[0] for i in range(100)) / 100


def _episode(env: Any, weights: Any, seed: int, source: np.random.Generator) -> tuple[float, int]:
    """Return and length of one episode; adding Gumbel noise before the maximum draws from the softmax."""
    seen, _ = env.reset(seed=seed)
    total, length, done = 0.0, 0, False
    while not done:
        scores = seen @ weights[:-1] + weights[-1]
        seen, reward, ended, cut, _ = env.step(int(np.argmax(scores + source.gumbel(size=len(scores)))))
        total, length, done = total + float(reward), length + 1, ended or cut
    return total, length

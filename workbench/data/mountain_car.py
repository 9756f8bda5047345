"""MountainCar-v0: an underpowered car must swing to get up a hill."""

from workbench.data._environment import Environment
from workbench.data._gymnasium import card


def load() -> Environment:
    """The environment: -1 for every step until the car is up, at most 200 steps."""
    return Environment(
        name="mountain_car",
        id="MountainCar-v0",
        card=card(
            "mountain_car",
            "Swing an underpowered car up a hill",
            "A. Moore, Efficient Memory-Based Learning for Robot Control, 1990",
        ),
        observations=("position", "velocity"),
        actions=("push left", "no push", "push right"),
    )

"""CartPole-v1: keep a pole upright on a cart; a two-line rule nearly solves it."""

from workbench.data._environment import Environment
from workbench.data._gymnasium import card


def load() -> Environment:
    """The environment: +1 for every step that the pole stands, at most 500."""
    return Environment(
        name="cartpole",
        id="CartPole-v1",
        card=card(
            "cartpole",
            "Keep a pole upright on a cart",
            "A. G. Barto, R. S. Sutton and C. W. Anderson, Neuronlike Adaptive Elements, 1983",
        ),
        observations=("position", "velocity", "angle", "angular velocity"),
        actions=("push left", "push right"),
    )

"""Acrobot-v1: swing a two-link arm up to a line."""

from workbench.data._environment import Environment
from workbench.data._gymnasium import card


def load() -> Environment:
    """The environment: -1 for every step until the tip passes the line, at most 500 steps."""
    return Environment(
        name="acrobot",
        id="Acrobot-v1",
        card=card(
            "acrobot",
            "Swing a two-link arm up to a line",
            "R. S. Sutton, Generalization in Reinforcement Learning, NIPS 1996",
        ),
        observations=("cos θ1", "sin θ1", "cos θ2", "sin θ2", "angular velocity 1", "angular velocity 2"),
        actions=("torque -1", "no torque", "torque +1"),
    )

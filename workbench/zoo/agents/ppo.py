"""An actor and a critic for proximal policy optimisation: one network scores the actions, the other the state.

Schulman et al. 2017, equation 7: with r = π(a|s) / π_old(a|s) and an advantage estimate A, maximise

    E[min(r A, clip(r, 1 - ε, 1 + ε) A)]  -  value error  +  entropy bonus,

so that one rollout serves several passes without the policy running away from what collected it. The network is a
plain module (observations to scores and a value); the algorithm is stable-baselines3's, driven by
``workbench.paradigms.reinforcement.PPO``. Initial weights are orthogonal, as in Andrychowicz et al. 2021 (the last
layer of the actor a hundred times smaller, so that all actions begin about equally likely). Departure: two towers
instead of shared layers.
"""

from collections import OrderedDict
from itertools import pairwise

from pydantic import Field
from torch import Tensor, nn

from workbench.core.config import Config
from workbench.core.entry import Claim, Paper
from workbench.paradigms.reinforcement import PPO
from workbench.train.settings import RunSettings
from workbench.zoo._entry import Architecture, Recipe


class PpoConfig(Config):
    """Settings of both towers."""

    observations: int = Field(default=392, ge=1, le=1_000_000, json_schema_extra={"data": "observations"})
    """numbers that the agent sees"""
    actions: int = Field(default=5, ge=2, le=10_000, json_schema_extra={"data": "actions"})
    """choices that it has"""
    width: int = Field(default=64, ge=1, le=4096)
    """units of every hidden layer"""
    layers: int = Field(default=2, ge=1, le=8)
    """hidden layers of each tower"""
    gain: float = Field(default=1.414, gt=0, le=10)
    """scale of the orthogonal initial weights of the hidden layers"""


class ActorCritic(nn.Module):
    """Two towers that share nothing but what they see."""

    def __init__(self, config: PpoConfig) -> None:
        super().__init__()
        self.actor = _tower(config, config.actions, 0.01)
        self.critic = _tower(config, 1, 1.0)

    def forward(self, observations: Tensor) -> tuple[Tensor, Tensor]:
        """Observations (batch, observations) to scores (batch, actions) and values (batch,)."""
        return self.actor(observations), self.critic(observations).squeeze(-1)


def _tower(config: PpoConfig, outputs: int, last_gain: float) -> nn.Sequential:
    widths = [config.observations, *[config.width] * config.layers]
    parts: OrderedDict[str, nn.Module] = OrderedDict()
    for i, (a, b) in enumerate(pairwise(widths)):
        parts[f"hidden{i}"] = _orthogonal(a, b, config.gain)
        parts[f"tanh{i}"] = nn.Tanh()
    parts["out"] = _orthogonal(widths[-1], outputs, last_gain)
    return nn.Sequential(parts)


def _orthogonal(inputs: int, outputs: int, gain: float) -> nn.Linear:
    layer = nn.Linear(inputs, outputs)
    if not layer.weight.is_meta:  # QR needs numbers
        nn.init.orthogonal_(layer.weight, gain)
    nn.init.zeros_(layer.bias)
    return layer


ARCHITECTURE = Architecture(
    rows=("RL03",),
    config=PpoConfig,
    build=ActorCritic,
    takes=("environment",),
    paper=Paper(
        title="Proximal policy optimization algorithms",
        authors="Schulman, John and Wolski, Filip and Dhariwal, Prafulla and Radford, Alec and Klimov, Oleg",
        year=2017,
        arxiv="1707.06347",
    ),
    recipe=Recipe(
        task="door_key_opening",
        plan=PPO(lr=1e-3, decay=True, environments=8, rollout=64, minibatch=128, passes=4, entropy=0.01),
        settings=RunSettings(),
        steps=140,
    ),
    claim=Claim(
        kind="beats",
        sentence=(
            "After 72,000 steps in MiniGrid's DoorKey it reaches the goal with a mean return of 0.9; neither a "
            "two-line rule nor the best linear policy by random search comes within 0.2."
        ),
        metric="mean return",
        threshold=0.9,
        margin=0.2,
    ),
    views={"actor.tanh1": "trajectories", "critic.tanh1": "trajectories"},
    libraries=("gymnasium", "minigrid", "stable_baselines3"),
    tiny={"width": 32},
    as_published={"width": 64, "layers": 2},
)

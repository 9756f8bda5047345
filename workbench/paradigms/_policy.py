# pyright: reportArgumentType=false, reportCallIssue=false, reportAttributeAccessIssue=false, reportIncompatibleMethodOverride=false
# (stable-baselines3 is typed loosely)
"""A plain module as the policy of stable-baselines3."""

from typing import Any

import torch
from torch import Tensor, nn

from workbench.core.calling import Call
from workbench.core.calling import call as call_model
from workbench.core.errors import DataError, ModelError


def policy_of(model: nn.Module, environments: Any, lr: float, call: Call | None) -> Any:
    """The policy around a model, with an Adam of its own.

    Args:
        model: Takes observations (batch, observations) and returns the scores of the actions (batch, actions) and the
            value of the observation (batch,) or (batch, 1); or an ``ActorCriticPolicy`` of the library itself.
        environments: Vectorised environments.
        lr: Length of a step.
        call: How the model is called.

    Raises:
        DataError: The actions are not numbered, and the model is no policy of the library.
        ModelError: The model does not return scores and a value.
    """
    from gymnasium.spaces import Discrete
    from stable_baselines3.common.policies import ActorCriticPolicy

    if isinstance(model, ActorCriticPolicy):
        model.optimizer = model.optimizer_class(model.parameters(), lr=lr, **model.optimizer_kwargs)
        return model
    if not isinstance(environments.action_space, Discrete):
        raise DataError(
            f"A plain module acts by scores of numbered actions; this environment has {environments.action_space}: "
            "give an ActorCriticPolicy of stable-baselines3."
        )
    policy = _wrapped(model, environments, call)
    policy.optimizer = torch.optim.Adam(model.parameters(), lr=lr, eps=1e-5)  # epsilon as in the library
    actions = int(environments.action_space.n)
    with torch.no_grad():
        scores, _ = policy.answers(policy.obs_to_tensor(environments.reset())[0])
    if scores.shape[-1] != actions:
        raise ModelError(f"{type(model).__name__} scores {scores.shape[-1]} actions; the environment has {actions}.")
    return policy


def _wrapped(model: nn.Module, environments: Any, call: Call | None) -> Any:
    from stable_baselines3.common.policies import BasePolicy
    from torch.distributions import Categorical

    class Policy(BasePolicy):
        """Acts by the scores, judges by the value."""

        def __init__(self) -> None:
            super().__init__(environments.observation_space, environments.action_space)
            self.actor_critic = model

        def answers(self, observations: Tensor) -> tuple[Tensor, Tensor]:
            """Scores (batch, actions) and values (batch, 1)."""
            given = call_model(model, observations.float(), call=call)
            try:
                scores, values = given
                return scores, values.reshape(len(scores), 1)
            except (TypeError, ValueError, AttributeError, RuntimeError):
                raise ModelError(
                    f"{type(model).__name__} returned {type(given).__name__}; an agent's model returns a pair: "
                    "scores of shape (batch, actions) and values of shape (batch,)."
                ) from None

        def forward(self, observations: Tensor, deterministic: bool = False) -> tuple[Tensor, Tensor, Tensor]:  # noqa: FBT001, FBT002 - the library's signature
            """Actions, values and log probabilities."""
            scores, values = self.answers(observations)
            chosen = Categorical(logits=scores)
            actions = scores.argmax(-1) if deterministic else chosen.sample()
            return actions, values, chosen.log_prob(actions)

        def evaluate_actions(self, observations: Tensor, actions: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            """Values, log probabilities and entropy."""
            scores, values = self.answers(observations)
            chosen = Categorical(logits=scores)
            return values, chosen.log_prob(actions), chosen.entropy()

        def predict_values(self, observations: Tensor) -> Tensor:
            """Values (batch, 1)."""
            return self.answers(observations)[1]

        def _predict(self, observation: Tensor, deterministic: bool = False) -> Tensor:  # noqa: FBT001, FBT002 - the library's signature
            return self.forward(observation, deterministic)[0]

    return Policy().to(next(model.parameters()).device)

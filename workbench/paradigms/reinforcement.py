# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportPrivateUsage=false
# pyright: reportOptionalMemberAccess=false
# (stable-baselines3 is typed loosely, and three of its private names are what lets a run stop between two updates)
"""PPO of stable-baselines3 as a driver: one step is one rollout and the updates on it.

Schulman et al. 2017, arXiv:1707.06347, equation 7 with the advantage of equation 11, as implemented by
stable-baselines3 (Raffin et al. 2021). Departure: an environment cannot be put on disk. So before every
``renew``-th rollout the environments are made anew from (seed, step), in a run that goes on as in one that comes
back; a checkpoint taken there needs only weights, optimiser and counters, and resuming from it is exact.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from pydantic import Field
from torch import nn

from workbench.core.entry import Paper
from workbench.core.errors import CheckpointError, DataError
from workbench.core.optional import need
from workbench.paradigms._policy import policy_of
from workbench.train.contract import Driver, Event, Job, Plan

_STEPS = 100


class PPO(Plan):
    """Proximal policy optimisation in an environment."""

    papers: ClassVar[tuple[Paper, ...]] = (
        Paper(
            title="Proximal policy optimization algorithms",
            authors="Schulman, John and Wolski, Filip and Dhariwal, Prafulla and Radford, Alec and Klimov, Oleg",
            year=2017,
            arxiv="1707.06347",
        ),
        Paper(
            title="Stable-Baselines3: reliable reinforcement learning implementations",
            authors="Raffin, Antonin and Hill, Ashley and Gleave, Adam and others",
            year=2021,
            venue="Journal of Machine Learning Research 22(268)",
        ),
    )

    lr: float = Field(default=3e-4, gt=0, le=1)
    """length of a step of Adam"""
    decay: bool = False
    """let the step length fall linearly to zero over the run"""
    environments: int = Field(default=8, ge=1, le=256)
    """how many environments run side by side"""
    rollout: int = Field(default=128, ge=2, le=65536)
    """steps per environment between updates"""
    minibatch: int = Field(default=256, ge=2)
    """transitions in one gradient step"""
    passes: int = Field(default=10, ge=1, le=100)
    """epochs over a rollout"""
    discount: float = Field(default=0.99, gt=0, le=1)
    """worth of a reward one step later"""
    trace: float = Field(default=0.95, ge=0, le=1)
    """lambda of the generalised advantage estimate"""
    clip: float = Field(default=0.2, gt=0, lt=1)
    """how far the ratio of new to old probability may pay"""
    entropy: float = Field(default=0.0, ge=0, le=1)
    """weight of the entropy bonus"""
    value: float = Field(default=0.5, ge=0, le=10)
    """weight of the value loss"""
    largest_gradient: float = Field(default=0.5, gt=0)
    """norm to which gradients are clipped"""
    renew: int = Field(default=20, ge=1)
    """rollouts between fresh environments; only there a checkpoint is taken"""

    def driver(self, job: Job) -> Driver:
        """Stable-baselines3's own rollout and update around our module.

        Raises:
            DataError: The data is no environment, or its actions are not what the model gives.
            MissingExtraError: stable-baselines3 is not installed.
        """
        need("stable_baselines3", extra="agents", purpose="for reinforcement learning")
        if not callable(getattr(job.data, "make", None)):
            name = getattr(job.data, "name", type(job.data).__name__)
            raise DataError(f"PPO acts in an environment, and {name} is none: give data of kind 'environment'.")
        if self.environments * self.rollout < self.minibatch:
            raise DataError(
                f"A rollout has {self.environments} x {self.rollout} transitions, "
                f"fewer than minibatch={self.minibatch}: give a smaller minibatch."
            )
        return Actor(self, job)


class Actor:
    """Calls the parts of ``learn`` one at a time, so that control comes back between rollouts."""

    inexact = ""

    def __init__(self, plan: PPO, job: Job) -> None:
        """Set up the library around the model.

        Args:
            plan: How.
            job: Model, environment, and how many rollouts.
        """
        from stable_baselines3 import ppo as library
        from stable_baselines3.common.logger import Logger

        self.plan, self.model, self.step = plan, job.model.to(job.device), 0
        self.total = job.steps or _STEPS
        self.promise = f"checkpoints are taken before every {plan.renew}-th rollout, where environments are made anew"
        self._make, self._seed, self._fresh = job.data.make, job.seed, False
        environments = self._environments(0)
        self._policy = policy_of(self.model, environments, plan.lr, job.call)
        self._library = library.PPO(
            _made(self._policy),
            environments,
            learning_rate=(lambda left: plan.lr * left) if plan.decay else plan.lr,
            n_steps=plan.rollout,
            batch_size=plan.minibatch,
            n_epochs=plan.passes,
            gamma=plan.discount,
            gae_lambda=plan.trace,
            clip_range=plan.clip,
            ent_coef=plan.entropy,
            vf_coef=plan.value,
            max_grad_norm=plan.largest_gradient,
            device=job.device,
        )
        self._library.set_logger(Logger(None, []))  # its own would leave a folder among the temporary files
        self._transitions = self.total * plan.rollout * plan.environments
        _, self._callback = self._library._setup_learn(self._transitions, None)  # noqa: SLF001 - see the file's head

    def advance(self) -> Sequence[Event]:
        """One rollout and the updates on it."""
        if self.step >= self.total:
            return ()
        kept = np.random.get_state()  # noqa: NPY002 - the library shuffles with numpy's global generator
        np.random.seed((self._seed * 1_000_003 + self.step) % 2**32)  # noqa: NPY002 - likewise
        try:
            if not self._fresh or self.resumable():
                self._renew()
            library, plan = self._library, self.plan
            library.collect_rollouts(library.env, self._callback, library.rollout_buffer, plan.rollout)
            library._update_current_progress_remaining(library.num_timesteps, self._transitions)  # noqa: SLF001
            library.train()
        finally:
            np.random.set_state(kept)  # noqa: NPY002 - likewise
        self.step += 1
        return [Event(self.step, "update", self._figures())]

    def resumable(self) -> bool:
        """Only where the environments are about to be made anew."""
        return self.step % self.plan.renew == 0

    def state(self) -> dict[str, Any]:
        """Policy, optimiser and counters."""
        return {
            "step": self.step,
            "model": self.model.state_dict(),
            "optimiser": self._policy.optimizer.state_dict(),
            "updates": self._library._n_updates,  # noqa: SLF001 - see the file's head
            "episodes": [[float(episode["r"]), int(episode["l"])] for episode in self._library.ep_info_buffer or ()],
            "shape": [self.plan.environments, self.plan.rollout, self.plan.renew],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from such a state.

        Raises:
            CheckpointError: It is of another model or plan.
        """
        own = [self.plan.environments, self.plan.rollout, self.plan.renew]
        if state["shape"] != own:
            raise CheckpointError(
                f"The run had environments, rollout and renew {state['shape']}, and this plan has {own}: "
                "resume with the plan of the run."
            )
        try:
            self.model.load_state_dict(state["model"])
            self._policy.optimizer.load_state_dict(state["optimiser"])
        except (RuntimeError, ValueError) as error:
            raise CheckpointError(f"The checkpoint is of another model: {error}") from None
        self.step, self._fresh = state["step"], False
        self._library._n_updates = state["updates"]  # noqa: SLF001 - see the file's head
        self._library.ep_info_buffer.extend({"r": r, "l": length} for r, length in state["episodes"])
        self._library.num_timesteps = self.step * self.plan.rollout * self.plan.environments

    def _environments(self, step: int) -> Any:
        from stable_baselines3.common.env_util import make_vec_env

        seed = (self._seed * 10_007 + step * 101) % 2**31
        return make_vec_env(self._make, self.plan.environments, seed=seed)

    def _renew(self) -> None:
        """Make everything anew that cannot be put on disk."""
        library, old = self._library, self._library.env
        library.set_env(self._environments(self.step))
        if old is not None:
            old.close()
        library._last_obs = library.env.reset()  # noqa: SLF001 - see the file's head
        library._last_episode_starts = np.ones(self.plan.environments, dtype=bool)  # noqa: SLF001 - likewise
        self._fresh = True

    def _figures(self) -> dict[str, float]:
        """What the library logged of the update, and the mean return of the episodes that ended."""
        logged = self._library.logger.name_to_value
        figures = {name.removeprefix("train/"): float(value) for name, value in logged.items() if name[:6] == "train/"}
        ended = list(self._library.ep_info_buffer)
        if ended:
            figures["return"] = float(np.mean([episode["r"] for episode in ended]))
            figures["length"] = float(np.mean([episode["l"] for episode in ended]))
        return figures


def _made(policy: nn.Module) -> Callable[..., nn.Module]:
    """The library wants to make its policy itself."""
    return lambda *_, **__: policy

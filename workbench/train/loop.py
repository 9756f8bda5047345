"""The loop for every objective that has phases: no special cases.

The order of an epoch is a function of (seed, epoch), the length of a step a function of the step, and the random
numbers of a step follow from (seed, step) (``core.live.Step``). So weights, optimisers and a few counters are
everything that the next step depends on.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from workbench.core import live
from workbench.core.errors import CheckpointError, ConfigError, DataError
from workbench.train.average import Average
from workbench.train.contract import Event, Job, Measure, Phase
from workbench.train.mover import Mover
from workbench.train.optimisers import bring_back
from workbench.train.order import Order
from workbench.train.patience import Patience
from workbench.train.settings import Settings

_VALIDATIONS = 100
"""how often is often enough when nobody says when to validate"""


class Loop:
    """Steps through indexed batches; one optimiser a phase."""

    def __init__(self, phases: Sequence[Phase], measure: Measure, job: Job) -> None:
        """Check that the model, the data and the settings go together.

        Args:
            phases: The losses of one step, in order.
            measure: Figures on a held-out batch, each a mean over examples.
            job: Model, data, settings (of class ``Settings``) and how long.

        Raises:
            ConfigError: The settings are of another class, or the model does not offer what they ask for.
            DataError: A split that is needed is empty.
            ModelError: A phase has nothing to move.
        """
        settings = job.settings
        if not isinstance(settings, Settings):
            raise ConfigError(f"The ordinary loop honours Settings; got {type(settings).__name__}.")
        if not phases:
            raise ConfigError("The objective has no phases: there is nothing to minimise.")
        self.model, self.data, self.settings, self.measure = job.model.to(job.device), job.data, settings, measure
        self.step, self.inexact, self._device = 0, "", job.device
        if settings.checkpoint_activations:
            _recompute(self.model)
        orders = {key: Order(job, *key) for key in {(phase.split, phase.every): None for phase in phases}}
        self._movers = [
            Mover(phase, self.model, settings, orders[phase.split, phase.every], job.device) for phase in phases
        ]
        self._order = next((order for order in orders.values() if order.split == "train"), self._movers[0].order)
        if job.steps is None:
            self._order.end = (job.epochs or 1) * self._order.per_epoch
        self.total = job.steps or self._order.steps(job.epochs or 1)
        self._stride = -(-self._order.epochs(self.total) // _VALIDATIONS) or 1
        self._varies = settings.warmup > 0 or settings.schedule != "constant"
        self._scaler = torch.amp.GradScaler(job.device.type) if settings.precision == "float16" else None
        self.average = Average(self.model, settings.ema) if settings.ema is not None else None
        self._patience = Patience(settings.patience)
        self._validates = "validation" in self.data.splits and self.data.size("validation") > 0
        if settings.patience is not None and not self._validates:
            raise DataError("patience= needs a validation split, and the data has none: leave patience out.")

    def advance(self) -> Sequence[Event]:
        """Take one step of every phase that is due.

        Raises:
            NotFiniteError: A loss is infinite or not a number; its phase has moved nothing.
            ModelError: A phase gave no gradient, or the model failed on a batch.
        """
        step = self.step
        if step >= self.total or self._patience.over:
            return ()
        if not self.model.training:  # walking all modules every step would cost more than the step lock
            self.model.train()
        rate = self._rate(step) if self._varies else None
        scaler = self._scaler
        events = [mover.move(step, rate, scaler) for mover in self._movers if (step + 1) % mover.every == 0]
        if self.average is not None:
            self.average.update()
        self.step = step = step + 1
        if self._validates and self._validation_due(step):
            events.append(self._validation())
        return events or (Event(step, "idle", {}),)

    def _rate(self, step: int) -> float:
        """Linear warmup, then constant or half a cosine that ends at zero after the last step."""
        s = self.settings
        if step < s.warmup:
            return (step + 1) / s.warmup
        if s.schedule == "constant":
            return 1.0
        return 0.5 * (1 + math.cos(math.pi * (step - s.warmup) / max(1, self.total - s.warmup)))

    def _validation_due(self, step: int) -> bool:
        """A function of the step, not of the clock, so that a resumed run validates where the first would have."""
        if step == self.total:
            return True
        if self.settings.validate_every is not None:
            return step % self.settings.validate_every == 0
        return self._order.epochs(step) // self._stride > self._order.epochs(step - 1) // self._stride

    def _validation(self) -> Event:
        examples = self.data.size("validation")
        sums: dict[str, float] = {}
        size = max(self.settings.batch_size, 256)
        dtype = getattr(torch, self.settings.precision)
        autocast = torch.autocast(self._device.type, dtype, enabled=dtype != torch.float32)
        with live.evaluating(self.model), torch.no_grad(), autocast:
            for index in torch.arange(examples, device="cpu").split(size):
                batch = self.data.batch("validation", index).to(self._device)
                for name, value in self.measure(self.model, batch).items():
                    sums[name] = sums.get(name, 0.0) + float(value) * len(index)
        figures = {name: value / examples for name, value in sums.items()}
        self._patience.see(figures)
        return Event(self.step, "validation", figures)

    def resumable(self) -> bool:
        """Always: the state between any two steps is the whole state."""
        return True

    def state(self) -> dict[str, Any]:
        """Weights, optimisers and counters; order and noise follow from the seed."""
        return {
            "step": self.step,
            "model": self.model.state_dict(),
            "optimisers": {mover.name: mover.optimiser.state_dict() for mover in self._movers},
            "scaler": self._scaler.state_dict() if self._scaler else None,
            "ema": self.average.state() if self.average else None,
            "patience": self._patience.state(),
            "examples": {mover.order.split: mover.order.examples for mover in self._movers},
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from such a state.

        Raises:
            CheckpointError: The state is of another model, objective, optimiser or data.
        """
        _fits(self.model, state["model"])
        self._check_same(state)
        for mover in self._movers:
            bring_back(mover.optimiser, state["optimisers"][mover.name])
        self.model.load_state_dict(state["model"])
        if self._scaler is not None and state["scaler"] is not None:
            self._scaler.load_state_dict(state["scaler"])
        if self.average is not None and state["ema"] is not None:
            self.average.restore(state["ema"])
        self._patience.restore(state["patience"])
        self.step = state["step"]

    def _check_same(self, state: Mapping[str, Any]) -> None:
        saved, own = list(state["optimisers"]), [mover.name for mover in self._movers]
        if saved != own:
            raise CheckpointError(
                f"The checkpoint has the phases {', '.join(saved)}, and this objective has {', '.join(own)}: "
                "resume with the objective of the run."
            )
        for order in (mover.order for mover in self._movers):
            before = state["examples"].get(order.split)
            if before != order.examples:
                raise CheckpointError(
                    f"The run had {before} examples in its {order.split} split, and this data has {order.examples}: "
                    "resume with the data of the run."
                )


def _recompute(model: nn.Module) -> None:
    enable = getattr(model, "gradient_checkpointing_enable", None)
    try:
        if callable(enable):
            enable(gradient_checkpointing_kwargs={"use_reentrant": False})
            return
    except ValueError as error:  # transformers: this architecture does not support it
        raise ConfigError(f"checkpoint_activations is set, and {type(model).__name__} refuses: {error}") from None
    raise ConfigError(
        f"checkpoint_activations is set, and {type(model).__name__} offers no gradient_checkpointing_enable(): "
        "leave the setting out."
    )


def _fits(model: nn.Module, saved: Mapping[str, Tensor]) -> None:
    """Raises CheckpointError with the first difference between a model and saved weights."""
    own = model.state_dict()
    for name in own.keys() | saved.keys():
        mine = tuple(own[name].shape) if name in own else None
        theirs = tuple(saved[name].shape) if name in saved else None
        if mine != theirs:
            raise CheckpointError(
                f"The checkpoint is of another model: {name} is {theirs or 'absent'} in it "
                f"and {mine or 'absent'} in {type(model).__name__}."
            )

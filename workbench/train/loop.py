"""The loop for every objective that has phases: no special cases.

The order of an epoch is a function of (seed, epoch), the length of a step a function of the step, and the random
numbers of a step follow from (seed, step) (``core.live.Step``). So weights, optimisers and a few counters are
everything that the next step depends on.
"""

import math
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from workbench.core import live
from workbench.core.errors import CheckpointError, ConfigError, DataError, ModelError, NotFiniteError
from workbench.train.average import Average
from workbench.train.contract import Event, Job, Measure, Phase
from workbench.train.optimisers import bring_back, stepper
from workbench.train.order import Order
from workbench.train.patience import Patience
from workbench.train.settings import Settings

_VALIDATIONS = 100


class _Row:
    """A phase with what it moves and where its batches come from."""

    __slots__ = ("checked", "every", "loss", "moved", "name", "optimiser", "order", "params")

    def __init__(self, phase: Phase, model: nn.Module, settings: Settings, order: Order) -> None:
        part = model.get_submodule(phase.part)
        self.name, self.loss, self.every, self.order = phase.name, phase.loss, phase.every, order
        self.optimiser, self.params = stepper(phase.optimiser or settings.optimiser, part)
        self.moved = self.params if phase.part else None
        self.checked = False
        if not self.params:
            where = f"{phase.part!r}" if phase.part else type(model).__name__
            raise ModelError(f"Phase {phase.name!r} has nothing to move: {where} has no trainable parameter.")


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
        self.step, self.inexact, self.device = 0, "", job.device
        if settings.checkpoint_activations:
            _recompute(self.model)
        orders: dict[tuple[str, int], Order] = {}
        for phase in phases:
            key = (phase.split, phase.every)
            orders.setdefault(key, Order(job, *key))
        self._rows = [_Row(phase, self.model, settings, orders[phase.split, phase.every]) for phase in phases]
        first = next((row for row in self._rows if row.order.split == "train"), self._rows[0])
        self._order = first.order
        if job.steps is None:
            first.order.end = (job.epochs or 1) * first.order.per_epoch
        self.total = job.steps or first.order.steps(job.epochs or 1)
        self._stride = -(-first.order.epochs(self.total) // _VALIDATIONS) or 1
        self._varies = settings.warmup > 0 or settings.schedule != "constant"
        self._cpu = job.device.type == "cpu"
        self._plain = settings.accumulate == 1 and settings.clip is None and settings.precision == "float32"
        self._autocast = _autocast(settings, job.device)
        self._scaler = torch.amp.GradScaler(job.device.type) if settings.precision == "float16" else None
        self.average = Average(self.model, settings.ema) if settings.ema is not None else None
        self._patience = Patience(settings.patience)
        self._validates = "validation" in self.data.splits and self.data.size("validation") > 0
        if settings.patience is not None and not self._validates:
            raise DataError("patience= needs a validation split, and the data has none: leave patience out.")

    def advance(self) -> Sequence[Event]:
        """Take one step of every phase that is due.

        Raises:
            NotFiniteError: A loss is infinite or not a number; the phase has moved nothing.
            ModelError: A phase gave no gradient.
        """
        if self.step >= self.total or self._patience.over:
            return ()
        if not self.model.training:  # walking all modules every step would cost more than the step lock
            self.model.train()
        step = self.step
        rate = self._rate(step) if self._varies else None
        events = [self._phase(row, step, rate) for row in self._rows if (step + 1) % row.every == 0]
        if self.average is not None:
            self.average.update()
        self.step = step = step + 1
        if self._validates and self._validation_due(step):
            events.append(self._validation())
        return events or (Event(step, "idle", {}),)

    def _phase(self, row: _Row, step: int, rate: float | None) -> Event:
        if rate is not None:
            for group in row.optimiser.param_groups:
                group["lr"] = group["initial_lr"] * rate
        for param in row.params:
            param.grad = None
        if self._plain:
            batch = row.order.one(step)
            loss, figures = row.loss(self.model, batch)
            # On the CPU a number is free and keeps no tensor alive; elsewhere reading it would wait for the device.
            value = loss.item() if self._cpu else loss.detach()
            if self._cpu and not math.isfinite(value):
                raise self._not_finite(row, float(value), step, 0)
            if not row.checked:
                self._check_loss(row, loss)
            # A part's loss leaves nothing in the other parts. None for the whole model, because reentrant
            # checkpointing silently gives no gradient when inputs are named.
            loss.backward(inputs=row.moved)
        else:
            value, figures = self._accumulate(row, step)
        if not row.checked:
            self._check_gradient(row)
        self._move(row)
        return Event(step + 1, row.name, {"loss": value, **figures} if figures else {"loss": value})

    def _accumulate(self, row: _Row, step: int) -> tuple[Tensor | float, Mapping[str, Tensor | float]]:
        batches = row.order.several(step)
        counts = [len(batch) for batch in batches]
        total, figures = 0.0, {}
        for i, (batch, count) in enumerate(zip(batches, counts, strict=True)):
            with self._autocast:
                loss, figures = row.loss(self.model, batch)
            value = loss.item() if self._cpu else loss.detach()
            if self._cpu and not math.isfinite(value):
                raise self._not_finite(row, float(value), step, i)
            if not row.checked:
                self._check_loss(row, loss)
            share = count / sum(counts)
            scaled = loss if share == 1.0 else loss * share
            (self._scaler.scale(scaled) if self._scaler else scaled).backward(inputs=row.moved)
            total = total + value * share
        return total, figures

    def _move(self, row: _Row) -> None:
        optimiser, scaler = row.optimiser, self._scaler
        if scaler is not None:
            scaler.unscale_(optimiser)  # pyright: ignore[reportArgumentType] - duck-typed: it reads param_groups
        if self.settings.clip is not None:
            nn.utils.clip_grad_norm_(row.params, self.settings.clip)
        if scaler is not None:
            scaler.step(optimiser)  # pyright: ignore[reportArgumentType] - duck-typed: it calls step
            scaler.update()
        else:
            optimiser.step()

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
        with live.evaluating(self.model), torch.no_grad(), self._autocast:
            for index in torch.arange(examples, device="cpu").split(size):
                batch = self.data.batch("validation", index).to(self.device)
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
            "optimisers": {row.name: row.optimiser.state_dict() for row in self._rows},
            "scaler": self._scaler.state_dict() if self._scaler else None,
            "ema": self.average.state() if self.average else None,
            "patience": self._patience.state(),
            "examples": {row.order.split: row.order.examples for row in self._rows},
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from such a state.

        Raises:
            CheckpointError: The state is of another model or of other settings; the model is as it was.
        """
        _fits(self.model, state["model"])
        self._check_same(state)
        for row in self._rows:
            bring_back(row.optimiser, state["optimisers"][row.name])
        self.model.load_state_dict(state["model"])
        if self._scaler is not None and state["scaler"] is not None:
            self._scaler.load_state_dict(state["scaler"])
        if self.average is not None and state["ema"] is not None:
            self.average.restore(state["ema"])
        self._patience.restore(state["patience"])
        self.step = state["step"]

    def _check_same(self, state: Mapping[str, Any]) -> None:
        saved, own = list(state["optimisers"]), [row.name for row in self._rows]
        if saved != own:
            raise CheckpointError(
                f"The checkpoint has the phases {', '.join(saved)}, and this objective has {', '.join(own)}: "
                "resume with the objective of the run."
            )
        for row in self._rows:
            before = state["examples"].get(row.order.split)
            if before != row.order.examples:
                raise CheckpointError(
                    f"The run had {before} examples in its {row.order.split} split, and this data has "
                    f"{row.order.examples}: resume with the data of the run."
                )

    def _check_loss(self, row: _Row, loss: Tensor) -> None:
        if loss.dim():
            raise ModelError(f"Phase {row.name!r} gave a loss of shape {tuple(loss.shape)}; a scalar is needed.")
        if not loss.requires_grad:
            raise ModelError(
                f"Phase {row.name!r} gives no gradient: its loss does not depend on any trainable parameter "
                "(was the output detached, or computed under no_grad?)."
            )

    def _check_gradient(self, row: _Row) -> None:
        if all(param.grad is None for param in row.params):
            raise ModelError(
                f"Phase {row.name!r} gives no gradient to the parameters it moves: "
                "its loss depends on other parameters only."
            )
        row.checked = True

    def _not_finite(self, row: _Row, value: float, step: int, i: int) -> NotFiniteError:
        epoch, position = row.order.place(step, i)
        return NotFiniteError(
            f"The loss of phase {row.name!r} is {value} at step {step + 1} "
            f"(batch {position + 1} of {row.order.per_epoch} in epoch {epoch + 1}); this phase has not moved. "
            "Try a smaller lr, clip=1.0, or look for values that are not finite in the data."
        )


def _autocast(settings: Settings, device: torch.device) -> Any:
    if settings.precision == "float32":
        return nullcontext()
    dtype = torch.bfloat16 if settings.precision == "bfloat16" else torch.float16
    return torch.autocast(device.type, dtype)


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

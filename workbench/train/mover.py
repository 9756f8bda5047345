"""Mover: takes one step of one phase. Loss, gradient, and what is refused about them."""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from workbench.core.batch import Batch
from workbench.core.errors import ModelError, NotFiniteError, WorkbenchError, nearest
from workbench.train.contract import Event, Losses, Phase
from workbench.train.optimisers import stepper
from workbench.train.order import Order
from workbench.train.settings import Settings


class Mover:
    """A phase with what it moves and where its batches come from."""

    def __init__(self, phase: Phase, model: nn.Module, settings: Settings, order: Order, device: torch.device) -> None:
        """Find the part and make its optimiser.

        Args:
            phase: Loss and part.
            model: On its device already.
            settings: How the loss becomes a step.
            order: Where its batches come from.
            device: Where the model computes.

        Raises:
            ModelError: There is no such part, or nothing in it can move.
        """
        part = _part(model, phase)
        self.name, self.every, self.order = phase.name, phase.every, order
        self.optimiser, self._params = stepper(phase.optimiser or settings.optimiser, part)
        self._model, self._loss, self._clip = model, phase.loss, settings.clip
        # A part's loss leaves nothing in the other parts. None for the whole model, because reentrant checkpointing
        # silently gives no gradient when inputs are named.
        self._named = self._params if phase.part else None
        self._checked, self._cpu = False, device.type == "cpu"
        self._plain = settings.accumulate == 1 and settings.precision == "float32" and settings.clip is None
        self._device, self._dtype = device.type, getattr(torch, settings.precision)

    def move(self, step: int, rate: float | None, scaler: "torch.amp.GradScaler | None") -> Event:
        """Move along the gradient of the batches of a step.

        Args:
            step: Steps taken before this one.
            rate: Share of the full step length; None where it never changes.
            scaler: Scales the loss in float16.
        """
        if rate is not None:
            for group in self.optimiser.param_groups:
                group["lr"] = group["initial_lr"] * rate
        for param in self._params:
            param.grad = None
        if self._plain:
            loss, figures = self._evaluate(self.order.one(step), step)
            value = self._number(loss, step, 0)
            loss.backward(inputs=self._named)
        else:
            value, figures = self._accumulate(step, scaler)
        if not self._checked:
            self._check_gradient()
        if scaler is None and self._clip is None:
            self.optimiser.step()
        else:
            self._step_carefully(scaler)
        return Event(step + 1, self.name, {"loss": value, **figures} if figures else {"loss": value})

    def _evaluate(self, batch: Batch, step: int) -> Losses:
        try:
            losses = self._loss(self._model, batch)
        except WorkbenchError:
            raise
        except Exception as error:
            first = str(error).partition("\n")[0]
            given = ", ".join(f"{str(t.dtype).removeprefix('torch.')} {tuple(t.shape)}" for t in batch.tensors())
            raise ModelError(
                f"Phase {self.name!r} failed at step {step + 1} on {type(self._model).__name__} "
                f"with a batch of {given}: {type(error).__name__}: {first}"
            ) from error
        if not self._checked:
            self._check_loss(losses[0])
        return losses

    def _accumulate(
        self, step: int, scaler: "torch.amp.GradScaler | None"
    ) -> tuple[Tensor | float, Mapping[str, Tensor | float]]:
        batches = self.order.several(step)
        counts = [len(batch) for batch in batches]
        total: Tensor | float = 0.0
        sums: dict[str, Any] = {}
        for i, (batch, count) in enumerate(zip(batches, counts, strict=True)):
            with torch.autocast(self._device, self._dtype, enabled=self._dtype != torch.float32):
                loss, figures = self._evaluate(batch, step)
            share = count / sum(counts)  # so that the gradient is that of one batch of all these examples
            total = total + self._number(loss, step, i) * share
            for name, value in figures.items():
                sums[name] = sums.get(name, 0.0) + (value.detach() if isinstance(value, Tensor) else value) * share
            shared = loss if share == 1.0 else loss * share
            (shared if scaler is None else scaler.scale(shared)).backward(inputs=self._named)
        return total, sums

    def _number(self, loss: Tensor, step: int, i: int) -> Tensor | float:
        """The loss as it is reported, checked where reading it is free: elsewhere it would wait for the device."""
        if not self._cpu:
            return loss.detach()
        value = float(loss.item())
        if math.isfinite(value):
            return value
        epoch, position = self.order.place(step, i)
        raise NotFiniteError(
            f"The loss of phase {self.name!r} is {value} at step {step + 1} "
            f"(batch {position + 1} of {self.order.per_epoch} in epoch {epoch + 1}); this phase has not moved. "
            "Try a smaller lr, clip=1.0, or look for values that are not finite in the data."
        )

    def _step_carefully(self, scaler: "torch.amp.GradScaler | None") -> None:
        if scaler is not None:
            scaler.unscale_(self.optimiser)  # pyright: ignore[reportArgumentType] - it reads param_groups only
        if self._clip is not None:
            nn.utils.clip_grad_norm_(self._params, self._clip)
        if scaler is None:
            self.optimiser.step()
        else:
            scaler.step(self.optimiser)  # pyright: ignore[reportArgumentType] - it calls step only
            scaler.update()

    def _check_loss(self, loss: Tensor) -> None:
        if loss.dim():
            raise ModelError(f"Phase {self.name!r} gave a loss of shape {tuple(loss.shape)}; a scalar is needed.")
        if not loss.requires_grad:
            raise ModelError(
                f"Phase {self.name!r} gives no gradient: its loss does not depend on any trainable parameter "
                "(was the output detached, or computed under no_grad?)."
            )

    def _check_gradient(self) -> None:
        if all(param.grad is None for param in self._params):
            raise ModelError(
                f"Phase {self.name!r} gives no gradient to the parameters it moves: "
                "its loss depends on other parameters only."
            )
        self._checked = True


def _part(model: nn.Module, phase: Phase) -> nn.Module:
    try:
        part = model.get_submodule(phase.part)
    except AttributeError:
        known = nearest(phase.part, (name for name, _ in model.named_modules() if name))
        raise ModelError(
            f"Phase {phase.name!r} moves {phase.part!r}, which {type(model).__name__} does not have.{known}"
        ) from None
    if not any(param.requires_grad for param in part.parameters()):
        where = repr(phase.part) if phase.part else type(model).__name__
        raise ModelError(f"Phase {phase.name!r} has nothing to move: {where} has no trainable parameter.")
    return part

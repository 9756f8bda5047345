"""Cross entropy or squared error between a model's scores and the target, where the mask counts.

Serves classes of examples, of nodes (masked) and of the next token alike: the class axis is last, and the
target's axes are the score's axes without it. A floating-point target is a number to predict.
"""

from collections.abc import Mapping, Sequence

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from workbench.core.batch import Batch
from workbench.core.calling import Call, scores
from workbench.core.calling import call as call_model
from workbench.core.errors import DataError
from workbench.train.contract import Losses, Objective, Phase


class Supervised(Objective):
    """Learn the target from the inputs."""

    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    """share of the target's weight spread evenly over all classes"""

    def phases(self, call: Call | None = None) -> Sequence[Phase]:
        """One phase over the whole model."""

        def loss(model: nn.Module, batch: Batch) -> Losses:
            output, target = _counted(model, batch, call)
            return self._loss(output, target), {}

        return (Phase("train", loss),)

    def measure(self, model: nn.Module, batch: Batch, call: Call | None = None) -> Mapping[str, Tensor | float]:
        """The loss and, for classes, the accuracy; each a mean over what the mask counts."""
        output, target = _counted(model, batch, call)
        loss = self._loss(output, target)
        if target.is_floating_point():
            return {"loss": loss}
        return {"loss": loss, "accuracy": (output.argmax(-1) == target).float().mean()}

    def predict(self, model: nn.Module, batch: Batch, call: Call | None = None) -> Tensor:
        """The model's scores, classes (or the value) on the last axis."""
        return scores(call_model(model, batch, call=call))

    def _loss(self, output: Tensor, target: Tensor) -> Tensor:
        if target.is_floating_point():
            return F.mse_loss(output, target)
        try:
            return F.cross_entropy(output.flatten(0, -2), target.flatten(), label_smoothing=self.label_smoothing)
        except IndexError:
            raise DataError(_out_of_range(target, output.shape[-1])) from None


def _counted(model: nn.Module, batch: Batch, call: Call | None) -> tuple[Tensor, Tensor]:
    """Scores and targets where the mask counts, of shapes (..., classes) and (...), or both (...) for numbers."""
    output = scores(call_model(model, batch, call=call))
    target = batch.target
    if target is None:
        raise DataError("The data has no target to learn from: pass objective=... for learning without one.")
    if target.is_floating_point() and output.dim() == target.dim() + 1 and output.shape[-1] == 1:
        output = output.squeeze(-1)
    axes = output.shape if target.is_floating_point() else output.shape[:-1]
    if axes != target.shape:
        expected = "its own shape" if target.is_floating_point() else "its shape and the classes last"
        raise DataError(
            f"The model gives scores of shape {tuple(output.shape)}; "
            f"the target of shape {tuple(target.shape)} needs scores of {expected}."
        )
    return (output, target) if batch.mask is None else (output[batch.mask], target[batch.mask])


def _out_of_range(target: Tensor, classes: int) -> str:
    low, high = (int(end) for end in torch.aminmax(target))
    return (
        f"The data has labels from {low} to {high}; "
        f"the model has {classes} classes, so labels go from 0 to {classes - 1}."
    )

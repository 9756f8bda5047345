"""One pass of a model over a split: in evaluation mode, without gradients, where the mask counts, leaving no trace."""

from collections.abc import Iterator
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from workbench.core.calling import Call, call, scores
from workbench.core.device import of as device_of
from workbench.core.errors import DataError
from workbench.core.live import evaluating, look

BATCH = 256
"""examples looked at under one hold of the step lock"""


class Metric(Protocol):
    """What torchmetrics offers: take in batches, then say the figure."""

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Take in one batch."""
        ...

    def compute(self) -> Tensor:
        """The figure over all batches."""
        ...

    def to(self, device: torch.device) -> Any:
        """The metric on another device."""
        ...


def answers(model: nn.Module, data: Any, given: Call | None, split: str) -> Iterator[tuple[Tensor, Tensor]]:
    """Scores and targets of a split, batch by batch, only where the mask counts.

    A training step may come between two batches, never within one.

    Args:
        model: Any module; its mode and torch's generators are as before after each batch.
        data: A data set.
        given: How the model is called.
        split: Which split.

    Yields:
        Scores of shape (..., classes) or of the target's shape, and the targets.

    Raises:
        DataError: The split is empty or has no target.
    """
    if not data.size(split):
        raise DataError(f"{data.name} has no examples in split {split!r}; it has {', '.join(data.splits)}.")
    device = device_of(model)
    for index in torch.arange(data.size(split)).split(BATCH):
        batch = data.batch(split, index).to(device)
        if batch.target is None:
            raise DataError(f"{data.name} has no target, so there is nothing to measure.")
        with look(), evaluating(model), torch.no_grad():
            output = scores(call(model, batch, call=given))
        yield (output, batch.target) if batch.mask is None else (output[batch.mask], batch.target[batch.mask])


def classes_of(pairs: Iterator[tuple[Tensor, Tensor]]) -> Iterator[tuple[Tensor, Tensor]]:
    """The same pairs as rows: scores (rows, classes) and labels (rows,).

    Raises:
        DataError: The scores do not have the target's axes and the classes last, or a label is out of their range.
    """
    for output, target in pairs:
        if target.is_floating_point():
            raise DataError("The target is a number and no class: use an error such as mean_squared_error.")
        if output.shape[:-1] != target.shape:
            raise DataError(
                f"The model gives scores of shape {tuple(output.shape)}; the target of shape {tuple(target.shape)} "
                "needs its shape and the classes last."
            )
        if target.numel() and int(target.max()) >= output.shape[-1]:
            raise DataError(f"The data has label {int(target.max())}; the model has {output.shape[-1]} classes.")
        yield output.flatten(0, -2).float(), target.flatten()


def values_of(pairs: Iterator[tuple[Tensor, Tensor]]) -> Iterator[tuple[Tensor, Tensor]]:
    """The same pairs flat: predicted and true numbers (rows,).

    Raises:
        DataError: The target is a class, or the model predicts another number of values.
    """
    for output, target in pairs:
        if not target.is_floating_point():
            raise DataError("The target is a class and no number: use accuracy or cross_entropy.")
        if output.numel() != target.numel():
            raise DataError(
                f"The model predicts values of shape {tuple(output.shape)}; the target has shape {tuple(target.shape)}."
            )
        yield output.float().flatten(), target.flatten()


def measured(metric: Metric, pairs: Iterator[tuple[Tensor, Tensor]]) -> float:
    """The figure of a metric over all pairs, each row counted once."""
    for output, target in pairs:
        metric.to(output.device)
        metric.update(output, target)
    return float(metric.compute())

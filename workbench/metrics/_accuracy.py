"""The share of right answers."""

from typing import Any

import torch
from torch import nn

from workbench.core.calling import Call
from workbench.metrics._evaluate import answers, classes_of


def accuracy(model: nn.Module, data: Any, call: Call | None = None, *, split: str = "test") -> float:
    """The share of labels on which the highest score stands; ties go to the first class.

    Args:
        model: Gives scores with the classes on the last axis.
        data: A data set with classes or next tokens as target.
        call: How the model is called, where it is called in another way.
        split: Which split.

    Returns:
        Between 0 and 1.

    Raises:
        DataError: The data has no such split or target, or the scores do not fit it.
    """
    from torchmetrics.aggregation import MeanMetric  # takes seconds to import

    mean = MeanMetric(nan_strategy="disable")
    for output, target in classes_of(answers(model, data, call, split)):
        mean.to(output.device)
        mean.update((output.argmax(-1) == target).to(torch.float64))
    return float(mean.compute())

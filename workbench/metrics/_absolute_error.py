"""The mean absolute error."""

from typing import Any

from torch import nn

from workbench.core.calling import Call
from workbench.metrics._evaluate import answers, measured, values_of


def mean_absolute_error(model: nn.Module, data: Any, call: Call | None = None, *, split: str = "test") -> float:
    """The mean over all predicted numbers of the distance to the true ones.

    Args:
        model: Predicts as many numbers as the target has.
        data: A data set with numbers as target.
        call: How the model is called, where it is called in another way.
        split: Which split.

    Raises:
        DataError: The data has no such split or target, or the predictions do not fit it.
    """
    from torchmetrics.regression import MeanAbsoluteError  # takes seconds to import

    return measured(MeanAbsoluteError(), values_of(answers(model, data, call, split)))

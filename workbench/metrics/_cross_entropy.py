"""The mean negative log-likelihood of the right answer."""

import math
from typing import Any

from torch import nn

from workbench.core.calling import Call
from workbench.metrics._evaluate import answers, classes_of


def cross_entropy(model: nn.Module, data: Any, call: Call | None = None, *, split: str = "test") -> float:
    """The mean of minus the log-probability (nats) that the model gives to the right class or token.

    Args:
        model: Gives scores (logits) with the classes on the last axis.
        data: A data set with classes or next tokens as target.
        call: How the model is called, where it is called in another way.
        split: Which split.

    Raises:
        DataError: The data has no such split or target, or the scores do not fit it.
    """
    from torchmetrics.text import Perplexity  # takes seconds to import

    perplexity = Perplexity()
    for output, target in classes_of(answers(model, data, call, split)):
        perplexity.to(output.device)
        perplexity.update(output[None], target[None])
    return math.log(float(perplexity.compute()))

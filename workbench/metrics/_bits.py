"""Bits per token; on characters, bits per character."""

import math
from typing import Any

from torch import nn

from workbench.core.calling import Call
from workbench.metrics._cross_entropy import cross_entropy


def bits_per_token(model: nn.Module, data: Any, call: Call | None = None, *, split: str = "test") -> float:
    """How many bits a token costs in an ideal code made of the model's probabilities.

    Args:
        model: Gives scores (logits) of the next token on the last axis.
        data: A data set whose target is the next token.
        call: How the model is called, where it is called in another way.
        split: Which split.

    Raises:
        DataError: The data has no such split or target, or the scores do not fit it.
    """
    return cross_entropy(model, data, call, split=split) / math.log(2)

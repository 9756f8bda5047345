"""A split as the matrices that classical methods take."""

from typing import Any

import numpy as np
import torch


def rows(data: Any, split: str) -> tuple[np.ndarray, np.ndarray]:
    """All examples of a split, flattened.

    Args:
        data: A data set whose main input is a tensor.
        split: Which split.

    Returns:
        Inputs of shape (examples, numbers) and targets of shape (examples,) or (examples, outputs).
    """
    batch = data.batch(split, torch.arange(data.size(split)))
    return batch.inputs[0].flatten(1).numpy(), batch.target.numpy()

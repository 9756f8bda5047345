"""Tables of numbers: standardised by the train split, shown in their own units."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from workbench.core.batch import Batch
from workbench.data._arrays import Arrays
from workbench.data._looks import row
from workbench.data._splits import by_seed
from workbench.data.contract import Card, Field


def table(
    *, name: str, card: Card, columns: Sequence[str], values: np.ndarray, target: Tensor, answer: Field, seed: int
) -> Arrays:
    """A table split by seed (70 %, 15 %, 15 %), each column with mean 0 and deviation 1 over the train split.

    Args:
        name: Of the data set.
        card: What a person should know about it.
        columns: Names of the columns.
        values: Numbers of shape (rows, columns).
        target: Classes (int64) of shape (rows,), or numbers (float32) of shape (rows, outputs).
        answer: Field of the target.
        seed: Of the split.
    """
    raw = torch.tensor(values, dtype=torch.float32)
    at = by_seed(len(raw), seed)
    mean, deviation = raw[at["train"]].mean(0), raw[at["train"]].std(0).clamp(min=1e-6)
    scaled = (raw - mean) / deviation
    return Arrays(
        name=name,
        card=card,
        inputs=[Field(name="row", kind="table", shape=(len(columns),), labels=tuple(columns))],
        answer=answer,
        parts={split: Batch((scaled[rows],), target[rows]) for split, rows in at.items()},
        show=lambda batch: row(batch.inputs[0][0] * deviation + mean, columns),  # type: ignore[index]
    )

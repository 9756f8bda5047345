"""Windows of a long series: the past as input, what came next as target."""

import torch
from jaxtyping import Float
from torch import Tensor

from workbench.core.batch import Batch
from workbench.core.errors import DataError
from workbench.data._arrays import Arrays
from workbench.data._splits import in_time
from workbench.data.contract import Card, Field


def forecast(
    *, name: str, card: Card, variable: str, values: Float[Tensor, " time"], length: int, horizon: int
) -> Arrays:
    """Every window of a series of one variable, split in time, scaled by the part that trains.

    The oldest 70 % of the targets train, the next 15 % validate, the newest 15 % test; a window belongs where its
    targets lie, and one whose targets reach into the next part is left out.

    Args:
        name: Of the data set.
        card: What a person should know about it.
        variable: What is measured.
        values: The series, (time,).
        length: Steps of the past in a window.
        horizon: Steps to predict.

    Raises:
        DataError: The series is too short for such windows.
    """
    ends = in_time(len(values))
    if length < 1 or horizon < 1 or length + horizon > len(ends["train"]):
        raise DataError(
            f"{name} has {len(ends['train'])} steps to train on; length {length} and horizon {horizon} must be at "
            "least 1 and fit into them together."
        )
    past = values[ends["train"]]
    scaled = (values - past.mean()) / past.std()
    windows = scaled.unfold(0, length + horizon, 1)
    first = torch.arange(len(windows)) + length
    parts = {split: windows[_within(first, at, horizon)] for split, at in ends.items()}
    return Arrays(
        name=name,
        card=card,
        inputs=[Field(name="past", kind="series", shape=(length, 1), labels=(variable,))],
        answer=Field(name=f"next {variable}", kind="value", shape=(horizon,)),
        parts={split: Batch((rows[:, :length, None],), rows[:, length:]) for split, rows in parts.items()},
    )


def _within(first: Tensor, at: Tensor, horizon: int) -> Tensor:
    """Which windows have all their targets inside one part of the time."""
    return ((first >= at[0]) & (first + horizon - 1 <= at[-1])).nonzero().flatten()

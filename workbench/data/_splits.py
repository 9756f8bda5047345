"""Splits by seed, for data whose source has none."""

import torch
from torch import Tensor

from workbench.core.errors import DataError
from workbench.core.seeds import generator


def by_seed(n: int, seed: int, *, validation: float = 0.15, test: float = 0.15) -> dict[str, Tensor]:
    """Positions of the rows of each split, in an order that follows from the seed.

    Args:
        n: How many rows there are.
        seed: Which of the possible splits.
        validation: Share of the rows for validation; none where it is zero.
        test: Share of the rows for testing; none where it is zero.

    Returns:
        Positions (int64) by split; a split that would be empty is left out.

    Raises:
        DataError: No row would be left to train on.
    """
    order = torch.randperm(n, generator=generator(seed, n))
    tested, validated = round(n * test), round(n * validation)
    trained = n - tested - validated
    if trained < 1:
        raise DataError(
            f"Of {n} rows none is left to train on when {validated} validate and {tested} test: "
            "give more rows, or smaller shares by validation= and test=."
        )
    parts = order.split([trained, validated, tested])
    return {name: part for name, part in zip(("train", "validation", "test"), parts, strict=True) if len(part)}


def in_time(n: int, *, validation: float = 0.15, test: float = 0.15) -> dict[str, Tensor]:
    """Positions of the rows of each split, oldest first: the future is never trained on.

    Args:
        n: How many rows there are, in the order of time.
        validation: Share of the rows for validation.
        test: Share of the rows for testing.
    """
    tested, validated = round(n * test), round(n * validation)
    parts = torch.arange(n).split([n - tested - validated, validated, tested])
    return dict(zip(("train", "validation", "test"), parts, strict=True))

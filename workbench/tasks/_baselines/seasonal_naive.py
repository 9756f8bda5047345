"""What was one season ago comes again: Hyndman and Athanasopoulos, Forecasting, section 5.2."""

from typing import Any

import numpy as np

from workbench.tasks._baselines._rows import rows


def seasonal_naive(data: Any, season: int) -> float:
    """Test mean squared error.

    Args:
        data: A data set of windows of one variable.
        season: Steps after which the series repeats itself, at most the length of a window.
    """
    past, target = rows(data, "test")
    steps = np.arange(target.shape[1]) % season
    return float(np.mean((past[:, past.shape[1] - season + steps] - target) ** 2))

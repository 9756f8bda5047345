"""What is now stays: the naive forecast."""

from typing import Any

import numpy as np

from workbench.tasks._baselines._rows import rows


def persistence(data: Any) -> float:
    """Test mean squared error of repeating the last value of a window of one variable."""
    past, target = rows(data, "test")
    return float(np.mean((past[:, -1:] - target) ** 2))

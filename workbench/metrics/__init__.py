"""Figures on held-out data: each is ``(model, data, call=None, *, split="test") -> float``; torchmetrics counts.

``mean_return`` has episodes in the place of a split: an agent makes its own examples.
"""

from workbench.metrics._absolute_error import mean_absolute_error as mean_absolute_error
from workbench.metrics._accuracy import accuracy as accuracy
from workbench.metrics._bits import bits_per_token as bits_per_token
from workbench.metrics._cross_entropy import cross_entropy as cross_entropy
from workbench.metrics._mean_return import mean_return as mean_return
from workbench.metrics._squared_error import mean_squared_error as mean_squared_error

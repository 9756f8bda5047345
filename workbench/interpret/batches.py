"""What a person passes as inputs, as the batch that methods work on."""

from typing import Any

from torch import Tensor

from workbench.core.batch import Batch, is_pyg
from workbench.core.errors import DataError


def as_batch(inputs: Any) -> Batch:
    """Inputs as a batch: a tensor or graph stands alone in a tuple.

    Raises:
        DataError: There is nothing in them.
    """
    if isinstance(inputs, Batch):
        return inputs
    if isinstance(inputs, Tensor) or is_pyg(inputs):
        return Batch((inputs,))
    if isinstance(inputs, list):
        return Batch(tuple(inputs))
    if inputs is None:
        raise DataError("There is no input to look at: pass what the model is called with.")
    if hasattr(inputs, "keys") and not isinstance(inputs, dict):  # BatchEncoding of transformers
        return Batch(dict(inputs))
    return Batch(inputs if isinstance(inputs, tuple | dict) else (inputs,))

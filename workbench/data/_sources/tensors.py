"""Tensors and numpy arrays: ``x`` alone, or a pair ``(x, y)``."""

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from workbench.core.batch import Batch
from workbench.core.errors import DataError
from workbench.data._sources._columns import labelled
from workbench.data._sources._rows import Rows

if TYPE_CHECKING:
    from workbench.data._own import Own

PAIR = 2


def takes(thing: object) -> bool:
    """A tensor or array, or a pair that begins with one."""
    if isinstance(thing, tuple | list) and 0 < len(thing) <= PAIR:
        return isinstance(thing[0], Tensor | np.ndarray)
    return isinstance(thing, Tensor | np.ndarray)


def read(thing: Any, how: "Own") -> Rows:
    """The rows along the first axis.

    Raises:
        DataError: An array holds neither numbers nor, as target, words.
    """
    parts: list[Any] = list(thing) if isinstance(thing, tuple | list) else [thing]
    source = "tensors" if isinstance(parts[0], Tensor) else "numpy arrays"
    x = as_tensor(parts[0], how.name)
    if len(parts) < PAIR:
        return Rows(whole=Batch((x,)), source=source)
    given = parts[1]
    y, labels = (given, ()) if isinstance(given, Tensor) else labelled(np.asarray(given), "target", how.labels)
    return Rows(whole=Batch((x,), y), source=source, labels=labels)


def as_tensor(values: Any, name: str) -> Tensor:
    """A tensor of its own from a tensor or array of numbers.

    Raises:
        DataError: It does not hold numbers.
    """
    if isinstance(values, Tensor):
        return values.detach().cpu()
    array = np.asarray(values)
    if array.dtype.kind not in "iufb":
        raise DataError(f"{name} holds {array.dtype} where numbers are needed.")
    return torch.tensor(array.astype(array.dtype.newbyteorder("=")))

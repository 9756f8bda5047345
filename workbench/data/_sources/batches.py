"""A ``Batch``, or tensors by name: inputs are handed to the model under these names."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from torch import Tensor

from workbench.core.batch import Batch
from workbench.core.errors import DataError, nearest
from workbench.data._sources._rows import Rows
from workbench.data._sources.tensors import as_tensor

if TYPE_CHECKING:
    from workbench.data._own import Own

TARGETS = ("labels", "label", "target", "y")
"""keys read as the target where the person names none"""


def takes(thing: object) -> bool:
    """A batch, or a mapping whose values are all tensors or arrays."""
    if isinstance(thing, Mapping):
        values = cast("Mapping[Any, Any]", thing).values()
        return bool(values) and all(isinstance(value, Tensor | np.ndarray) for value in values)
    return isinstance(thing, Batch)


def read(thing: Any, how: "Own") -> Rows:
    """The examples along the first axis.

    Raises:
        DataError: There is no target of that name, or no input beside it.
    """
    if isinstance(thing, Batch):
        values = thing.inputs.values() if isinstance(thing.inputs, Mapping) else thing.inputs
        if not all(isinstance(value, Tensor) for value in values):
            raise DataError(f"The batch of {how.name} has inputs that are no tensors: give a PyG graph by itself.")
        return Rows(whole=thing.map(lambda tensor: tensor.detach().cpu()), source="a batch")
    return Rows(
        whole=by_name({str(k): as_tensor(v, how.name) for k, v in thing.items()}, how), source="tensors by name"
    )


def by_name(parts: Mapping[str, Any], how: "Own") -> Batch:
    """A batch whose inputs go to the model by name.

    Args:
        parts: Tensors by name, the target among them.
        how: Names the target; else the first of ``labels``, ``label``, ``target``, ``y`` that is there.

    Raises:
        DataError: There is no target of that name, or no input beside it.
    """
    if how.target is not None and how.target not in parts:
        raise DataError(f"{how.name} has no {how.target!r} for the target.{nearest(how.target, parts)}")
    target = how.target or next((name for name in TARGETS if name in parts), None)
    inputs = {name: value for name, value in parts.items() if name != target}
    if not inputs:
        raise DataError(f"{how.name} has nothing beside the target {target!r}: give at least one input.")
    return Batch(inputs, None if target is None else parts[target])

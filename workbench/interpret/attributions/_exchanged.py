"""Explanations as shap has them, for every plot of shap."""

from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.core.errors import DataError
from workbench.core.optional import need

if TYPE_CHECKING:
    from workbench.interpret.attributions._outcome import Explanation


def to_shap(found: "Explanation") -> Any:
    """A ``shap.Explanation`` with an axis of examples.

    Raises:
        DataError: Several inputs were explained, which one ``shap.Explanation`` cannot hold.
        MissingExtraError: shap is not installed.
    """
    if len(found.parts) != 1:
        raise DataError(
            f"shap holds one input and {', '.join(found.parts)} were explained: take .scores by name instead."
        )
    shap = need("shap", extra="explain", purpose="for its Explanation")
    name, part = next(iter(found.parts.items()))
    alone = len(found.difference) == 1 and len(part) != 1
    values, data = part.double().numpy(), found.features[name].numpy()
    labels = [f"{name} {i}" for i in range(values.shape[-1])] if values.ndim == 2 and not alone else None  # noqa: PLR2004 - a table
    return shap.Explanation(
        values=values[None] if alone else values,
        base_values=np.asarray(found.base.double()),
        data=data[None] if alone else data,
        feature_names=labels,
    )

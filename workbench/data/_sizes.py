"""Sizes follow from the fields: what sizes a model is written down once."""

from collections.abc import Mapping, Sequence
from math import prod
from typing import cast

from workbench.data.contract import Field, Kind

_AXES: Mapping[str, tuple[str, ...]] = {
    "image": ("channels", "height", "width"),
    "tokens": ("length",),
    "table": ("features",),
    "series": ("length", "channels"),
    "audio": ("length", "features"),
    "graph": ("nodes", "features"),
}


def main_kind(inputs: Sequence[Field]) -> Kind:
    """The kind of the first input."""
    return cast("Kind", inputs[0].kind)


def sizes_of(inputs: Sequence[Field], answer: Field | None) -> dict[str, int]:
    """The sizes that the fields of a data set imply; the first input wins where two imply the same.

    Args:
        inputs: Fields of the inputs.
        answer: The target's field.

    Returns:
        Numbers by names out of ``SIZES``.
    """
    sizes: dict[str, int] = {}
    for field in inputs:
        for name, size in zip(_AXES.get(field.kind, ()), field.shape, strict=False):
            if size is not None:
                sizes.setdefault(name, size)
        if field.kind == "tokens" and field.labels:
            sizes.setdefault("vocab", len(field.labels))
    if answer is not None and answer.kind == "classes":
        sizes["classes"] = len(answer.labels)
    if answer is not None and answer.kind == "value":
        sizes["outputs"] = prod(size or 1 for size in answer.shape)
    return sizes

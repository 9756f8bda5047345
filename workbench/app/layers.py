"""The layer table of a live model: every tensor it keeps, with shape, type and size."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from workbench.app.models import shown
from workbench.core.variables import model_named

MOST_ROWS = 5000
"""rows that are sent; how many more there are is said"""


def layers(namespace: Mapping[Any, Any], name: str) -> dict[str, Any]:
    """Parameters and buffers of a model in their order.

    Args:
        namespace: Variables of a person.
        name: Of a model among them.

    Returns:
        ``rows``: name, class of the module, shape, type and numbers of each tensor; ``more``: how many rows are left
        out; or ``error``: a sentence.
    """
    model = model_named(namespace, name)
    if model is None:
        return {"error": "There is no model of this name any more."}
    try:
        rows = list(_rows(model))
    except Exception as error:  # noqa: BLE001 - a foreign model may fail in any way
        return {"error": f"The layers cannot be read: {type(error).__name__}."}
    return {"rows": rows[:MOST_ROWS], "more": max(0, len(rows) - MOST_ROWS)}


def _rows(model: Any) -> Iterator[list[Any]]:
    for path, module in islice(model.named_modules(), 10 * MOST_ROWS):
        own = [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]
        for name, tensor in own:
            yield [shown(f"{path}.{name}" if path else name), shown(type(module).__name__), *_size(tensor)]


def _size(tensor: Any) -> list[Any]:
    kind = str(tensor.dtype).removeprefix("torch.")
    try:
        return [list(tensor.shape), kind, tensor.numel()]
    except (RuntimeError, ValueError):  # lazy: it gets its shape from the first input
        return [[], kind, None]

"""``wb.attach``: the Inspector on any live model, with one line."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from torch import nn

from workbench.core.calling import Call
from workbench.verbs.resolving import dataset_of

if TYPE_CHECKING:
    from workbench.panels import Inspector


def attach(
    model: nn.Module,
    inputs: Any,
    *,
    names: Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
    processor: Any = None,
    call: Call | None = None,
    target: Any = None,
) -> "Inspector":
    """Show the inside of any live model.

    Args:
        model: Any module, ours or not; it is neither changed nor copied.
        inputs: An example to look at: text (with a tokenizer as ``processor``), tensors, a ``Batch``, a data set, or
            the name of a data set or task.
        names: What the classes are called, where the data does not say; where there are not as many classes but as
            many columns, steps or nodes of the input, what those are called.
        columns: What the columns, steps or nodes of the input are called, where ``names`` are those of the classes.
        processor: A tokenizer, an image processor, or a function that turns raw inputs (text, a PIL image, an array)
            into what the model takes.
        call: ``fn(model, inputs)`` for models that are called in an unusual way.
        target: Which output is explained: a class index or name; the likeliest when not given.

    Returns:
        The Inspector. Its first tab has been computed.

    Raises:
        UnknownNameError: There is no such data set.
        ModelError: The model cannot be called with these inputs.
    """
    from workbench import panels

    given = dataset_of(inputs) if isinstance(inputs, str) and processor is None else inputs
    return panels.attach(model, given, names=names, columns=columns, processor=processor, call=call, target=target)

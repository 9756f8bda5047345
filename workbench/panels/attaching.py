"""``attach``: an Inspector on whatever a person hands over."""

from collections.abc import Sequence
from typing import Any

from torch import nn

from workbench.core.calling import Call
from workbench.interpret import Session
from workbench.panels._cell import Origin
from workbench.panels._given import given
from workbench.panels.inspector import Inspector


def attach(
    model: nn.Module,
    inputs: Any,
    *,
    names: Sequence[str] | None = None,
    processor: Any = None,
    call: Call | None = None,
    target: Any = None,
) -> Inspector:
    """Show the inside of any live model.

    Args:
        model: Any module; it is neither changed nor copied.
        inputs: An example, a ``Batch``, or a data set.
        names: Names of the classes, where a data set does not know them.
        processor: A tokenizer, or a function that turns raw inputs into what the model takes.
        call: ``fn(model, inputs)`` for models that are called in an unusual way.
        target: Which output is explained; the likeliest when not given.

    Raises:
        WorkbenchError: The model cannot be called with these inputs.
    """
    found = given(inputs, processor, names)
    session = Session(model, found.inputs, names=found.classes, processor=found.processor, call=call, target=target)
    origin = Origin(names=names, processor=processor, call=call, target=target)
    return Inspector(session, text=found.text, columns=found.columns, pool=found.pool, origin=origin)

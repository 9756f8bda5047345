"""``attach``: an Inspector on whatever a person hands over."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from torch import nn

from workbench.core.calling import Call
from workbench.interpret import Session
from workbench.panels.inspector import Inspector
from workbench.panels.means.given import given
from workbench.panels.means.naming import named
from workbench.panels.page.cell import Origin


def attach(
    model: nn.Module,
    inputs: Any,
    *,
    names: Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
    processor: Any = None,
    call: Call | None = None,
    target: Any = None,
) -> Inspector:
    """Show the inside of any live model.

    Args:
        model: Any module; it is neither changed nor copied.
        inputs: An example, a ``Batch``, or a data set.
        names: Names of the classes, where a data set does not know them; where there are not as many classes but as
            many columns, steps or nodes of the input, their names.
        columns: Names of the columns, steps or nodes of the input, where ``names`` are those of the classes.
        processor: A tokenizer; an image processor of transformers; or a function that turns raw inputs (a PIL image,
            an array, text) into what the model takes.
        call: ``fn(model, inputs)`` for models that are called in an unusual way.
        target: Which output is explained; the likeliest when not given.

    Raises:
        WorkbenchError: The model cannot be called with these inputs.
    """
    found = given(inputs, processor, names)
    session = Session(model, found.inputs, names=found.classes, processor=found.processor, call=call, target=target)
    origin = Origin(names=names, columns=columns, processor=processor, call=call, target=target)
    naming = named(session, names, columns)
    session.names = naming.classes
    found = replace(found, columns=naming.positions or found.columns)
    return Inspector(session, given=found, origin=origin, said=naming.said)

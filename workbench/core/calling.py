"""The one way to call a model, and the one way to read the main tensor of what it returns.

Training, interpretation, compression and export all call models through here; nothing else knows
how transformers, PyG, diffusers or a module typed in a cell like to be called.
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn

from workbench.core.batch import Batch, is_pyg
from workbench.core.errors import ModelError

Call = Callable[[nn.Module, Any], Any]
"""What a person passes as ``call=``: (model, inputs) -> the model's output."""


def call(model: nn.Module, inputs: Any, *, call: Call | None = None) -> Any:
    """Run a model on inputs.

    A tensor is ``model(x)``, a tuple ``model(*x)``, a mapping ``model(**x)``, PyG data goes by the
    names in the forward's signature, and anything else needs ``call=``.

    Args:
        model: Any module.
        inputs: A ``Batch``, or what would stand in ``Batch.inputs``.
        call: ``fn(model, inputs)`` for models that are called in another way.

    Returns:
        Whatever the model returns.

    Raises:
        ModelError: The inputs are of a kind that needs ``call=``.
    """
    given = inputs.inputs if isinstance(inputs, Batch) else inputs
    if call is not None:
        return call(model, given)
    if isinstance(given, Tensor):
        return model(given)
    if isinstance(given, tuple | list):
        if len(given) == 1 and is_pyg(given[0]):
            return model(**_by_signature(model, given[0]))
        return model(*given)
    if isinstance(given, Mapping):
        return model(**given)
    if is_pyg(given):
        return model(**_by_signature(model, given))
    raise ModelError(
        f"Cannot tell how to call {type(model).__name__} with {type(given).__name__}: "
        "give a tensor, a tuple, a mapping or PyG data, or pass call=lambda model, inputs: ..."
    )


def _by_signature(model: nn.Module, data: Any) -> dict[str, Any]:
    """The attributes of PyG data that the forward names, those without a default required."""
    wanted = inspect.signature(model.forward).parameters
    if list(wanted) and next(iter(wanted)) in ("data", "batch") and next(iter(wanted)) not in data:
        return {next(iter(wanted)): data}
    missing = [
        n for n, p in wanted.items() if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD and n not in data
    ]
    if missing:
        raise ModelError(
            f"{type(model).__name__}.forward takes {', '.join(missing)}, which the graph does not have "
            f"(it has {', '.join(data.keys())}): pass call=lambda model, inputs: ..."
        )
    return {name: data[name] for name in wanted if name in data}


_MAIN = ("logits", "prediction_logits", "prediction_outputs", "sample", "last_hidden_state", "prediction")


def scores(output: Any) -> Tensor:
    """The main tensor of a model's output: itself, ``.logits`` and the like, or the first of a tuple or mapping.

    Raises:
        ModelError: There is no tensor in the output.
    """
    if isinstance(output, Tensor):
        return output
    for name in _MAIN:
        value = output.get(name) if isinstance(output, Mapping) else getattr(output, name, None)
        if isinstance(value, Tensor):
            return value
    values = output.values() if isinstance(output, Mapping) else output if isinstance(output, tuple | list) else ()
    for value in values:
        if isinstance(value, Tensor):
            return value
    raise ModelError(
        f"The model returned {type(output).__name__}, in which no tensor of scores was found: "
        "pass call=lambda model, inputs: ... that returns one."
    )

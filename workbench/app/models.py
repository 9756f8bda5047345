"""The live models and runs of a namespace, as plain data that a front end can show.

Nothing is imported, evaluated or changed on the way: torch is looked up among the modules that are already
imported, and the repr of a foreign object is never taken. What cannot be read of a model is left out.
"""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from workbench.app.runs import Card, cards, runs_of
from workbench.core.variables import LONGEST, is_code, live_models, module_class

MOST_MODELS = 200
"""models that are listed; how many more there are is said"""

_MOST_PARAMETERS = 200_000
Facts = dict[str, Any]


def listing(namespace: Mapping[Any, Any]) -> Facts:
    """Live models and runs.

    Args:
        namespace: Variables of a person; it may change meanwhile, and hold anything.

    Returns:
        ``models``: a mapping for each model, with the names it has; ``runs``: a mapping for each run;
        ``more``: how many models are not listed; ``torch``: whether torch is imported.
    """
    variables = dict(namespace)
    found = live_models(variables)
    followed = cards(runs_of(variables.values()))
    models = [_facts(names, model, followed) for names, model in found[:MOST_MODELS]]
    return {
        "torch": module_class() is not None,
        "models": models,
        "runs": [card.facts for card in followed],
        "more": max(0, len(found) - MOST_MODELS),
    }


def shown(value: object) -> str:
    """Text that every encoder takes, of bounded length."""
    text = value if type(value) is str else ""
    return text[:LONGEST].encode("utf-8", "replace").decode("utf-8")


def class_name(value: object) -> str:
    """The name of a value's class."""
    return shown(type.__dict__["__name__"].__get__(type(value)))


def _facts(names: list[str], model: Any, followed: list[Card]) -> Facts:
    name = next((n for n in names if is_code(n)), names[0])
    parameters, device = _size(model)
    return {
        "name": shown(name),
        "also": [shown(other) for other in names if other is not name],
        "code": is_code(name),
        "kind": class_name(model),
        "parameters": parameters,
        "device": device,
        "training": _flag(model),
        "runs": [card.facts["id"] for card in followed if card.model is model],
        "data": next((card.facts["data"] for card in followed if card.model is model and card.facts["data"]), ""),
    }


def _size(model: Any) -> tuple[int | None, str]:
    """Numbers a model learns, and where they lie; None where they cannot be counted (lazy layers)."""
    count, places = 0, set[str]()
    try:
        for tensor in islice(_tensors(model), _MOST_PARAMETERS):
            places.add(str(tensor.device))
            count += tensor.numel()
    except Exception:  # noqa: BLE001 - a foreign model may fail in any way
        return None, shown("".join(sorted(places)[:1]))
    return count, shown(", ".join(sorted(places)))


def _tensors(model: Any) -> Iterator[Any]:
    yield from model.parameters()


def _flag(model: Any) -> bool:
    try:
        return model.training is True
    except Exception:  # noqa: BLE001 - a foreign model may fail in any way
        return False

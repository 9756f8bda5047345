"""Answers to the front end, over a comm of its own, so that nothing is executed to answer.

A comm message runs no code of a cell: it triggers none of IPython's hooks (an execute request, even a silent one,
makes inline plotting flush the figures of a cell that is still drawing), leaves the execution count, the
history and ``input()`` of a busy cell alone, and can be handled in a subshell while the main shell is busy. Each
request opens a comm, is answered on it, and the comm is forgotten; nothing is kept between requests.
"""

from collections.abc import Callable, Mapping
from typing import Any

from workbench.app import runs
from workbench.app.layers import layers
from workbench.app.models import Facts, listing

TARGET = "neural-workbench.models"
"""name under which front ends open comms"""

Answer = Callable[[Mapping[Any, Any], Mapping[str, Any]], Facts]

_ANSWERS: Mapping[str, Answer] = {
    "models": lambda namespace, _: listing(namespace),
    "layers": lambda namespace, wish: layers(namespace, str(wish.get("name"))),
    "stop": lambda _, wish: {"stopped": runs.stop(str(wish.get("run")))},
}


class Json:
    """Plain data that IPython sends as JSON."""

    def __init__(self, data: Facts) -> None:
        self._data = data

    def _repr_json_(self) -> Facts:
        return self._data

    def __repr__(self) -> str:
        return "<answer of the workbench>"


def answer(namespace: Mapping[Any, Any], wish: Mapping[str, Any]) -> Facts:
    """What a front end asked for.

    Args:
        namespace: Variables of a person.
        wish: ``want`` is "models", "layers" (with ``name``) or "stop" (with ``run``).

    Returns:
        Plain data; ``error`` holds a sentence where there is no answer.
    """
    wanted = _ANSWERS.get(str(wish.get("want")))
    if wanted is None:
        return {"error": "This version of the workbench does not know what was asked for."}
    try:
        return wanted(namespace, wish)
    except Exception as error:  # noqa: BLE001 - a sentence in the sidebar, never a dead one
        return {"error": f"The models cannot be listed: {type(error).__name__}."}


def opened(namespace: Mapping[Any, Any]) -> Json:
    """Serve this namespace from now on, and give its listing at once. Calling it again does no harm."""
    from comm import get_comm_manager

    manager = get_comm_manager()

    def serve(comm: Any, message: Mapping[str, Any]) -> None:
        try:
            comm.send(answer(namespace, message["content"]["data"]))
        finally:
            manager.comm_close(None, "", {"content": {"comm_id": comm.comm_id}})  # pyright: ignore[reportArgumentType] - no stream is used

    manager.register_target(TARGET, serve)
    return Json(answer(namespace, {"want": "models"}))

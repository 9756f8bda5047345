"""A background thread that speaks for whoever started it."""

import threading
from collections.abc import Callable
from contextvars import copy_context


def background(work: Callable[..., object], *arguments: object, name: str) -> threading.Thread:
    """A daemon thread, not yet started, that works in the context of its caller.

    In a kernel the context says which cell or message is being answered. A thread without one answers whatever came
    last, from whomever, and its output and its comm messages are taken for the answer to that.

    Args:
        work: What is done.
        arguments: What it is called with.
        name: Name of the thread.
    """
    return threading.Thread(target=copy_context().run, args=(work, *arguments), name=name, daemon=True)

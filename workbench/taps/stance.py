"""Eagerly: what was compiled runs as it was written, in one thread, and nothing is compiled for it.

A compiled model has no inside to read. torch's own ``set_stance`` speaks for the whole process, so a model that
trains compiled in another thread would change its numbers; this stance answers each thread for itself.
"""

import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

_here = threading.local()
_lock = threading.Lock()
_open = 0


@contextmanager
def eagerly() -> Generator[None]:
    """A block in which compiled functions and modules run eagerly in this thread, and nothing is compiled anew."""
    frames: Any = sys.modules.get("torch._dynamo.eval_frame")
    if frames is None:  # nothing has been compiled in this process
        yield
        return
    _enter(frames)
    _here.depth = getattr(_here, "depth", 0) + 1
    try:
        yield
    finally:
        _here.depth -= 1
        _leave(frames)


def _enter(frames: Any) -> None:
    global _open  # noqa: PLW0603 - one stance for the process
    with _lock:
        _open += 1
        current = frames._stance  # noqa: SLF001 - torch offers no stance for one thread
        if not getattr(current, "of_workbench", False):
            frames._stance = _stance_over(frames, current)  # noqa: SLF001


def _leave(frames: Any) -> None:
    global _open  # noqa: PLW0603 - see above
    with _lock:
        _open -= 1
        current = frames._stance  # noqa: SLF001
        # Somebody may have set another meanwhile, who will put back what was there when he came.
        if _open == 0 and getattr(current, "of_workbench", False):
            frames._stance = current.elsewhere  # noqa: SLF001


def _stance_over(frames: Any, elsewhere: Any) -> Any:
    """A stance that is eager in the threads that asked for it, and as before in all others."""

    class ThreadStance:
        of_workbench = True
        skip_guard_eval_unsafe = property(lambda self: self.now.skip_guard_eval_unsafe)
        backend = property(lambda self: self.now.backend)
        stance = property(lambda self: self.now.stance)

        def __init__(self) -> None:
            self.elsewhere = elsewhere
            self.eager = frames.DynamoStance("force_eager")

        @property
        def now(self) -> Any:
            return self.eager if getattr(_here, "depth", 0) else self.elsewhere

    return ThreadStance()

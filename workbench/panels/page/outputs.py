"""Panels whose cell has run again: nobody sees them any more, so they are closed and let go of their models.

ipywidgets keeps every widget until it is closed. Without this, each run of a cell would leave one more Inspector, with
its model and what was captured of it, in the kernel.
"""

import sys
import threading
import weakref
from collections.abc import Iterable
from typing import Any, Protocol


class Shown(Protocol):
    """Something in the output of a cell."""

    def close(self) -> None:
        """Take it off the page; doing so again does no harm."""


class Outputs:
    """What the outputs of a notebook's cells hold."""

    def __init__(self) -> None:
        """Nothing is shown yet."""
        self._cells: dict[str, weakref.WeakSet[Shown]] = {}
        self._before: dict[str, weakref.WeakSet[Shown]] = {}

    def show(self, panel: Shown, cell: str) -> None:
        """Note that a panel is in a cell's output.

        Args:
            panel: It is not kept alive.
            cell: Identity of the cell.
        """
        self._cells.setdefault(cell, weakref.WeakSet()).add(panel)

    def begin(self, cell: str, deleted: Iterable[str] = ()) -> None:
        """A cell begins to run, and its output is cleared.

        Args:
            cell: Identity of the cell.
            deleted: Cells that are no longer in the notebook.
        """
        for gone in (cell, *deleted):
            self._before.setdefault(cell, weakref.WeakSet()).update(self._cells.pop(gone, ()))

    def end(self, cell: str) -> None:
        """A cell has run: close what it showed before and no cell shows now."""
        for panel in self._before.pop(cell, ()):
            if not any(panel in shown for shown in self._cells.values()):
                panel.close()


_OUTPUTS = Outputs()
_watched: "weakref.WeakSet[Any]" = weakref.WeakSet()


def displayed(panel: Shown) -> None:
    """Note that a panel goes into the output of the running cell, where there is a kernel whose front end names cells.

    Args:
        panel: Closed when the cell has run again and no cell shows it any more.
    """
    shell = _shell()
    # What a thread draws anew stays in the cell where it is, whichever cell runs meanwhile.
    if shell is None or threading.current_thread() is not threading.main_thread():
        return
    if shell not in _watched:
        _watched.add(shell)
        shell.events.register("pre_run_cell", lambda info: _begin(shell, info))
        shell.events.register("post_run_cell", lambda result: _end(result.info))
    if cell := _about(shell).get("cellId"):
        _OUTPUTS.show(panel, str(cell))


def _shell() -> Any:
    """The shell of this process's kernel, or None."""
    interactive = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return interactive if hasattr(interactive, "get_parent") else None


def _about(shell: Any) -> dict[str, Any]:
    """What the front end says of the cell that runs; cells are named by JupyterLab and Jupyter Notebook."""
    return (shell.get_parent() or {}).get("metadata") or {}


def _begin(shell: Any, info: Any) -> None:
    if info.cell_id:
        _OUTPUTS.begin(info.cell_id, _about(shell).get("deletedCells") or ())


def _end(info: Any) -> None:
    if info.cell_id:
        _OUTPUTS.end(info.cell_id)

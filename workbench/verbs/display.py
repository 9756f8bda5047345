"""Where a run shows itself: a live view under the cell in a notebook, a line of text elsewhere."""

import sys

from workbench.core.environment import kernel_present
from workbench.train import Run
from workbench.train.progress import Line


def show_live(run: Run) -> None:
    """Show a run that goes on in the background: a live view with buttons, where somebody can see one."""
    if kernel_present():
        from workbench import panels

        panels.follow(run)


def wait_shown(run: Run) -> Run:
    """Wait for a run and show how far it is: by the live view, or by one line of text on a terminal.

    Raises:
        WorkbenchError: The run failed.
    """
    if kernel_present():
        from workbench import panels

        panels.follow(run, waits=True)
        return run.wait()
    if not sys.stderr.isatty():
        return run.wait()
    line = Line()
    try:
        return run.wait(show=line)
    finally:
        line.close()

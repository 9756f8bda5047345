"""Where a run shows itself: a live view where there is a notebook's front end, a line of text elsewhere."""

from workbench.train import Run


def show_live(run: Run, *, blocking: bool) -> None:
    """Show a run that has just begun.

    Args:
        run: The run.
        blocking: Whether the main thread is about to wait for it, so that no button can act.
    """

"""What happens to a run's folder before its first step: it is taken, or the run in it is brought back."""

from pathlib import Path

from workbench.core.errors import CheckpointError
from workbench.train import checkpoint
from workbench.train.exact import differences
from workbench.train.folder import NAME
from workbench.train.run import Run
from workbench.train.saving import Saver


def take(run: Run) -> None:
    """Take a folder in which there is nothing worth keeping.

    Raises:
        CheckpointError: Another process is at it, or it cannot be written.
    """
    if run.folder is not None:
        run.folder.enter()
        run.reports.restore(0)


def bring_back(run: Run) -> None:
    """Bring driver, history and record to the newest sound checkpoint of the run's folder.

    Raises:
        CheckpointError: There is no run in the folder, another process is at it, it has no sound checkpoint, or the
            checkpoint is of another model.
    """
    directory, saver, folder = run.directory, run.saver, run.folder
    if directory is None or saver is None or folder is None:
        raise CheckpointError("A run without a directory has nothing to be brought back from.")
    if not (directory / NAME).exists():
        raise CheckpointError(f"There is no run in {directory}.")
    folder.enter()
    try:
        _bring_back(run, directory, saver)
    except BaseException:
        folder.leave()
        raise


def _bring_back(run: Run, directory: Path, saver: Saver) -> None:
    if not checkpoint.paths(directory):
        run.warn("The run ended before its first checkpoint, so it begins anew.")
        run.reports.restore(0)
        return
    found = checkpoint.newest(directory)
    run.driver.restore(found.state)
    saver.last = found.path
    checkpoint.set_aside(directory, after=found)
    for sentence in found.refused:
        run.warn(f"{sentence} Going on from {found.path.name}.")
    differing = differences(found.about, run.about)
    run.doubts += [*found.about.get("doubts", ()), *differing]
    if not found.about.get("boundary", True) and run.driver.step < run.driver.total:
        run.doubts.append(f"the run went on from step {found.step}, which is no exact boundary of its driver")
    for sentence in differing:
        run.warn(f"The numbers may differ from the uninterrupted run's: {sentence}.")
    if run.reports.restore(found.step) < found.step:
        run.warn(f"The record ends before step {found.step}, from which the run goes on.")

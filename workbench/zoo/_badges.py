"""The badge of an entry: what its claim's last run said, grey when the entry has changed since."""

from dataclasses import dataclass
from typing import Any, Literal

from workbench.core.errors import UnknownNameError
from workbench.zoo._facts import index
from workbench.zoo._results import key_of, results

Status = Literal["holds", "fails", "stale", "never run"]

COLOURS = {"holds": "#2e7d32", "fails": "#c62828", "stale": "#757575", "never run": "#757575"}


@dataclass(frozen=True)
class Badge:
    """The last result of a claim."""

    status: Status
    """stale: the source, the config or a library has changed since it was measured"""
    figures: tuple[float, ...] = ()
    """of the seeds"""
    result: dict[str, Any] | None = None
    """everything that was measured"""


def badge_of(name: str) -> Badge:
    """The badge of an entry.

    Raises:
        UnknownNameError: The index does not know the entry.
    """
    if name not in index():
        raise UnknownNameError(f"The index does not know {name!r}: write it by python -m workbench.zoo._index.")
    result = results().get(name)
    if result is None:
        return Badge("never run")
    figures = tuple(trial["figure"] for trial in result["trials"])
    if result["key"] != key_of(name, index()[name]["config"], index()[name]["libraries"]):
        return Badge("stale", figures, result)
    return Badge("holds" if result["holds"] else "fails", figures, result)

"""How far scores can be trusted, in the footer: the gap, the sampling error, which method was refused for which."""

import re
from collections.abc import Iterator

from workbench.interpret import Explanation
from workbench.panels.page.frame import Doubt, Level

_REPLACED = (" was refused for this model: ", " was not used: ")
SHARED = 5
"""percent of the change that features may share without having been told apart"""
_SAMPLING = 5
"""half a 95 % interval may be this many times the bound on the gap"""


def doubts(found: Explanation, at: int, *, final: bool) -> Iterator[Doubt]:
    """The sentences of the footer.

    Args:
        found: The scores.
        at: The example on show.
        final: Whether nothing better is to come without being asked for.
    """
    many = len(found.relative_gap)
    over = f"Over all {many} examples: " if many > 1 else ""
    yield gap(found, at, final=final)
    if found.complete and found.relative_error.numel():
        yield _sampling(found, at, final=final)
    for warning in found.warnings:
        if any(words in warning for words in _REPLACED):
            yield Doubt("warn", f"{warning} Used instead: {used(found)}.")
        elif final or "they should add up to by" not in warning:
            yield Doubt("warn", f"{over}{warning}")


def used(found: Explanation) -> str:
    """The title of the method that gave the scores."""
    return found.method.partition(",")[0]


def gap(found: Explanation, at: int, *, final: bool) -> Doubt:
    """By how much the scores of an example miss what they should add up to."""
    missed = float(found.relative_gap[at])
    if found.unit != "contribution":
        return Doubt("warn", f"{used(found)} gives {found.units}, which add up to nothing")
    work = found.method.partition(", ")[2] or f"{found.steps} steps"
    if not found.complete:
        text = f"{used(found)} does not promise to add up: its scores miss the change in output by {missed:,.1%}"
        return Doubt("warn", f"{text} ({work})")
    unsplit = re.search(r"(\d+)% of the change not split further", work)
    if missed <= found.bound and unsplit is not None and int(unsplit[1]) > SHARED:
        # They add up by sharing equally what was not looked into yet.
        return Doubt("warn", f"attributions add up to the change in output, not yet feature by feature ({work})")
    if missed <= found.bound:
        return Doubt("good", f"attributions add up to the change in output within {missed:,.1%} ({work})")
    worst: Level = "bad" if final else "warn"
    return Doubt(
        worst, f"attributions miss the change in output, to which they should add up, by {missed:,.1%} ({work})"
    )


def _sampling(found: Explanation, at: int, *, final: bool) -> Doubt:
    error = float(found.relative_error[at])
    known = f"scores known to {error:.1%} of the change (95 % interval)"
    if error <= _SAMPLING * found.bound:
        return Doubt("good", known)
    return Doubt("bad" if final else "warn", known)

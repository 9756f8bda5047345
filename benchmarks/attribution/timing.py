"""Contestants that take turns, and the table of what they took."""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

GOAL_OF_LIMIT = 2.0
TURN = 50.0
"""milliseconds that a turn takes at least"""
OURS = "ours"
LIMIT = "bare passes"


@dataclass(frozen=True)
class Contest:
    """One method in every hand."""

    name: str
    hands: Mapping[str, Callable[[], Any]]
    """what is timed; "ours" and "bare passes" are among them"""
    goals: Mapping[str, float] = field(default_factory=dict[str, float])
    """by hand, how many times faster we should be"""
    most_of_limit: float | None = GOAL_OF_LIMIT
    """how many times the bare passes we may take"""
    note: Callable[[], str] | None = None
    """what else there is to say after the measurement"""
    better: Mapping[str, float] = field(default_factory=dict[str, float])
    """hands of ours that should be so many times faster than the best of the others"""


def spent(run: Callable[[], Any], times: int = 1) -> float:
    """Milliseconds of processor time, the mean of so many runs one after the other."""
    before = time.process_time()
    for _ in range(times):
        run()
    return 1e3 * (time.process_time() - before) / times


def measured(contest: Contest, rounds: int) -> dict[str, list[float]]:
    """Milliseconds by hand, in turns; the first round warms up and is not counted.

    A turn is at least some milliseconds long: what is short would otherwise be measured with the caches of another.
    """
    repeats = {name: 1 + int(TURN / max(spent(run), spent(run), 1e-3)) for name, run in contest.hands.items()}
    times: dict[str, list[float]] = {name: [] for name in contest.hands}
    for i in range(rounds + 1):
        for name, run in contest.hands.items():
            took = spent(run, repeats[name])
            if i:
                times[name].append(took)
    return times


def ratio(times: Mapping[str, list[float]], above: str, below: str) -> float:
    """How many times one hand's time goes into another's, median over rounds."""
    return statistics.median(a / b for a, b in zip(times[above], times[below], strict=True))


def rows(contest: Contest, times: Mapping[str, list[float]]) -> list[str]:
    """A line of the table for every hand."""
    ours = statistics.median(times[OURS])
    lines = [f"| **{contest.name}** | ours | {ours:.2f} | | | |"]
    for name in contest.hands:
        if name == OURS:
            continue
        took = statistics.median(times[name])
        if name == LIMIT:
            found, goal = ratio(times, OURS, LIMIT), contest.most_of_limit
            said = f"ours takes {found:.1f} x", "" if goal is None else f"<= {goal:g} x"
            met = "" if goal is None else _met(found <= goal)
        elif name in contest.better:
            found, goal = min(ratio(times, rival, name) for rival in contest.goals), contest.better[name]
            said = f"{found:.1f} x faster than the best peer", f">= {goal:g} x"
            met = _met(found >= goal)
        else:
            found, goal = ratio(times, name, OURS), contest.goals.get(name)
            said = f"{found:.1f} x ours", "" if goal is None else f">= {goal:g} x"
            met = "" if goal is None else _met(found >= goal)
        lines.append(f"| | {name} | {took:.2f} | {said[0]} | {said[1]} | {met} |")
    if contest.note is not None and (note := contest.note()):
        lines.append(f"| | {note} | | | | |")
    return lines


def _met(met: bool) -> str:  # noqa: FBT001 - a word for a truth value
    return "yes" if met else "**no**"


HEADER = "| method | hand | ms CPU | ratio | goal | met |\n|---|---|---|---|---|---|"

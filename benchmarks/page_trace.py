"""What Chromium's trace says of a page: for how long its tasks ran the scripts of one source."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise
from typing import Any

CATEGORIES = ("disabled-by-default-devtools.timeline", "disabled-by-default-v8.cpu_profiler")
"""what has to be traced"""

Events = Sequence[Mapping[str, Any]]


def script_tasks(events: Events, *sources: str) -> tuple[list[float], list[float]]:
    """Milliseconds that each task of the page spent in scripts of some sources, or in what they called.

    By the clock a task is longer than it is on a free machine, because it waits for its turn. The processor time of a
    whole task is known, and bounds that of its scripts.

    Args:
        events: A trace of ``CATEGORIES``.
        sources: How the addresses of the scripts begin.

    Returns:
        By the clock, and the most of it that can have been processor time; for every task with such a script.
    """
    profile = max((event for event in events if event["name"] == "Profile"), key=lambda e: len(_chunks(events, e)))
    chunks = _chunks(events, profile)
    ours = _nodes(chunks, sources)
    samples = [sample for chunk in chunks for sample in chunk.get("cpuProfile", {}).get("samples", [])]
    deltas = (delta for chunk in chunks for delta in chunk.get("timeDeltas", []))
    times = pairwise(list(accumulate(deltas, initial=profile["ts"]))[1:])
    thread = profile["pid"], profile["tid"]
    tasks = sorted(
        (event["ts"], event.get("tdur", event["dur"]))
        for event in events
        if event["name"] == "RunTask" and (event["pid"], event["tid"]) == thread
    )
    clock: dict[int, float] = {}
    for sample, (begin, end) in zip(samples, times, strict=False):
        if sample in ours:
            task = bisect_right(tasks, (begin, float("inf"))) - 1
            clock[task] = clock.get(task, 0.0) + end - begin
    return [us / 1e3 for us in clock.values()], [min(us, tasks[task][1]) / 1e3 for task, us in clock.items()]


def _chunks(events: Events, profile: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    key = profile["pid"], profile["id"]
    return [e["args"]["data"] for e in events if e["name"] == "ProfileChunk" and (e["pid"], e["id"]) == key]


def _nodes(chunks: Sequence[Mapping[str, Any]], sources: tuple[str, ...]) -> set[int]:
    """The nodes of the call tree that belong to the sources, or were called from there."""
    found: set[int] = set()
    for chunk in chunks:
        for node in chunk.get("cpuProfile", {}).get("nodes", []):
            if node.get("parent") in found or node["callFrame"].get("url", "").startswith(sources):
                found.add(node["id"])
    return found

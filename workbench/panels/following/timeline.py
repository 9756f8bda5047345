"""Timeline: what a panel showed at earlier steps of a run, within a fixed amount of memory.

Frames are kept, not weights: a frame is exactly what was on show, costs no forward to see again, and is a thousandth
of the weights of a small transformer. What was not on show then cannot be computed afterwards; for that there are
checkpoints.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

MAX_BYTES = 32 << 20
"""that the frames of one panel may hold"""
MOST = 240
"""frames; a slider has no more places"""
SAVED_BYTES = 128 << 10
"""of these that go into a saved notebook"""


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """One frame that was on show."""

    number: int
    """under which it is asked for; never given twice"""
    tab: str
    step: int
    loss: str
    """as it is written; empty where the run reports none"""
    head: bytes
    """JSON of everything but the arrays' data"""
    data: Mapping[str, bytes]
    """of the arrays"""

    @property
    def bytes(self) -> int:
        """How much it holds."""
        return len(self.head) + sum(map(len, self.data.values()))

    def message(self) -> dict[str, Any]:
        """The frame as the page receives it."""
        whole = json.loads(self.head)
        for name, data in self.data.items():
            whole["arrays"][name]["data"] = data
        return {**whole, "number": self.number, "step": self.step, "loss": self.loss}


class Timeline(Sequence[Moment]):
    """Moments in the order of their steps. The first and the last stay; those between become even as they are thinned.

    Of the moments of a tab the one is dropped whose neighbours are closest to each other, so that no gap is much wider
    than the others, however long the run is.
    """

    def __init__(self, max_bytes: int = MAX_BYTES, most: int = MOST) -> None:
        """Begin empty.

        Args:
            max_bytes: How much all moments may hold together.
            most: How many there may be, at least 2.
        """
        self.max_bytes, self.most = max_bytes, most
        self.bytes = 0
        """held now"""
        self._moments: list[Moment] = []
        self._numbers: Iterator[int] = count(1)

    def __len__(self) -> int:
        return len(self._moments)

    def __getitem__(self, i: Any) -> Any:
        return self._moments[i]

    def keep(self, tab: str, step: int, loss: float | None, frame: Mapping[str, Any]) -> None:
        """Keep a frame; one of the same tab and step is replaced.

        Args:
            tab: Whose frame it is.
            step: Of the run.
            loss: Of the run at this step.
            frame: As the page receives it.
        """
        arrays: Mapping[str, Mapping[str, Any]] = frame.get("arrays", {})
        bare = {name: {k: v for k, v in array.items() if k != "data"} for name, array in arrays.items()}
        head = json.dumps({**frame, "arrays": bare}).encode()
        data = {name: bytes(array["data"]) for name, array in arrays.items()}
        said = "" if loss is None else f"{loss:.4g}"
        self.add(Moment(next(self._numbers), tab, step, said, head, data))

    def add(self, moment: Moment) -> None:
        """Keep a moment that was made."""
        for i, old in enumerate(self._moments):
            if (old.tab, old.step) == (moment.tab, moment.step):
                self._drop(i)
                break
        if moment.bytes > self.max_bytes:
            return
        self._moments.append(moment)
        self.bytes += moment.bytes
        while self.bytes > self.max_bytes or len(self._moments) > self.most:
            self._drop(self._least())

    def numbered(self, number: Any) -> Moment | None:
        """The moment of a number, if it is still kept."""
        return next((moment for moment in self._moments if moment.number == number), None)

    def listed(self) -> list[list[Any]]:
        """Number, tab, step and loss of every moment, for a slider."""
        return [[moment.number, moment.tab, moment.step, moment.loss] for moment in self._moments]

    def summary(self, max_bytes: int = SAVED_BYTES) -> "Timeline":
        """As many of the moments, evenly, as fit into fewer bytes."""
        small = Timeline(max_bytes, self.most)
        for moment in self._moments:
            small.add(moment)
        return small

    def _drop(self, i: int) -> None:
        self.bytes -= self._moments.pop(i).bytes

    def _least(self) -> int:
        """Where the moment is that is missed least; the oldest where none has neighbours of its tab."""
        last: dict[str, tuple[int, int]] = {}
        """tab -> position of the newest moment so far, and the step of the one before"""
        best, narrowest = 0, float("inf")
        for i, moment in enumerate(self._moments):
            if moment.tab in last:
                middle, before = last[moment.tab]
                if before >= 0 and moment.step - before < narrowest:
                    best, narrowest = middle, moment.step - before
                last[moment.tab] = i, self._moments[middle].step
            else:
                last[moment.tab] = i, -1
        return best

"""Another example of a data set or batch: the next, one at random, or one that the model gets wrong."""

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from workbench.core.batch import Batch
from workbench.core.calling import scores
from workbench.panels.means.base import Means, Progress
from workbench.panels.means.given import EXAMPLES
from workbench.panels.means.pool import Pool, misclassified, tells_right_from_wrong
from workbench.panels.page.wishes import whole_number

if TYPE_CHECKING:
    from workbench.interpret import Session

_PERIOD = 0.3
"""seconds between two reports of how far a search is"""


class Examples(Means):
    """The rows of a batch, or all examples of a split, of which some at a time are in the session."""

    keys: ClassVar[frozenset[str]] = frozenset({"example", "misclassified"})

    def __init__(self, session: "Session", pool: Pool | None) -> None:
        """Begin with the example on show.

        Args:
            session: The model and the input.
            pool: The examples, where they come from a data set.
        """
        self._pool, self._start, self._block = pool, 0, session.batch
        self.example = session.selection.example
        self.count = len(pool) if pool is not None else len(session.batch)
        self.has_answers = tells_right_from_wrong(session)
        self._away = False

    @property
    def offers(self) -> bool:
        """Whether there is more than one."""
        return self.count > 1

    def state(self) -> dict[str, Any]:
        """Which of how many, and whether the data says what is right."""
        session = self.line.session
        if session.batch is self._block:
            self.example, self._away = self._start + session.selection.example, False
        return {"example": self.example, "examples": self.count, "answers": self.has_answers, "away": self._away}

    def forget(self) -> None:
        """Something that is none of the examples is on show."""
        self._away = True

    def take(self, wish: Mapping[str, Any], progress: Progress) -> str:
        """Go to an example, or look for one that is misclassified."""
        if not wish.get("misclassified"):
            self._go(whole_number(wish, "example", self.count, self.example))
            return ""
        return self._search(progress) if self.has_answers else ""

    def calls(self) -> list[dict[str, Any]]:
        """The example."""
        return [] if self._away else [{"example": self.example}]

    def _go(self, at: int) -> None:
        start = at - at % EXAMPLES if self._pool is not None else 0
        if self._pool is not None and start != self._start:
            self._block, self._start = self._pool.block(start, EXAMPLES), start
        # Also where it is the same example, so that cells that were changed have their own values again.
        if self._block is not self.line.session.batch:
            self.line.look_at(self._block, self)
        self.example, self._away = at, False
        self.line.session.select(example=at - start)

    def _mistake(self) -> str:
        """What was said of the example on show, and what it is."""
        session = self.line.session
        names, at, target = session.names, session.selection.example, session.batch.target
        said = int(scores(session.output)[at].argmax())
        pair = [said] if target is None else [said, int(target[at])]
        words = [str(names[i]) if names and 0 <= i < len(names) else str(i) for i in pair]
        return f"predicted {words[0]}, is {words[-1]}"

    def _search(self, progress: Progress) -> str:
        last = time.monotonic()

        def seen_so_far(seen: int) -> bool:
            nonlocal last
            late = time.monotonic() - last > _PERIOD
            last = time.monotonic() if late else last
            return progress(f"looked at {seen:,} of {self.count:,}" if late else "")

        blocks = self._pool.blocks() if self._pool is not None else _only(self._block)
        found, seen = misclassified(self.line.session, blocks, -1 if self._away else self.example, seen_so_far)
        if found is not None:
            alone = "; no other is misclassified" if found == self.example and seen == self.count else ""
            self._go(found)
            return f"{self._mistake()}{alone}"
        if seen == self.count:
            return f"none of {seen:,} is misclassified"
        return f"none of the first {seen:,} is misclassified; the search was ended"


def _only(batch: Batch) -> list[tuple[int, Batch]]:
    return [(0, batch)]

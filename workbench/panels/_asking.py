"""The input row: another text, another example, one at random, or one that the model gets wrong."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from workbench.core.batch import is_pyg
from workbench.core.calling import scores
from workbench.interpret import Session
from workbench.panels._given import EXAMPLES, prepared
from workbench.panels._pool import Pool, misclassified, tells_right_from_wrong
from workbench.panels._view import whole_number

_PAST = 20
"""texts that are offered again"""
_PERIOD = 0.3
"""seconds between two reports of how far a search is"""


class InputRow:
    """What a person may look at next. Of a data set some examples at a time are in the session."""

    def __init__(self, session: Session, text: str | None, pool: Pool | None, told: Callable[[], None]) -> None:
        """Begin with what the session looks at.

        Args:
            session: The model and input on show.
            text: What was typed, where the input is text.
            pool: The examples, where they come from a data set.
            told: Called when ``state`` has changed.
        """
        rows = _rows(session)
        self._session, self._told = session, told
        self._pool = pool if rows > 1 else None
        self._start = 0
        self.text, self.example, self.said = text, session.selection.example, ""
        self.examples = len(self._pool) if self._pool is not None else rows
        self.history = [text] if text else []
        self.has_answers = self.examples > 1 and tells_right_from_wrong(session)

    def state(self) -> dict[str, Any]:
        """The row as the page draws it."""
        return {
            "text": self.text,
            "example": self.example,
            "examples": self.examples,
            "history": list(self.history),
            "answers": self.has_answers,
            "said": self.said,
        }

    def take(self, wish: Mapping[str, Any], go_on: Callable[[], bool]) -> None:
        """Look at what the page or a person wishes; what is not understood changes nothing.

        Args:
            wish: ``text``, ``example`` (a position) or ``misclassified``; not yet checked.
            go_on: Whether a long search is still wanted.
        """
        text = wish.get("text")
        self.said = ""
        if isinstance(text, str) and self.text is not None:
            self._session.use(prepared(text, self._session.processor))
            self.text = text
            self.history = [text, *(past for past in self.history if past != text)][:_PAST]
        elif wish.get("misclassified") and self.has_answers:
            self._search(go_on)
        elif "example" in wish:
            self._go(whole_number(wish, "example", self.examples, self.example))
        self._told()

    def _go(self, at: int) -> None:
        start = at - at % EXAMPLES if self._pool is not None else 0
        if self._pool is not None and start != self._start:
            self._session.use(self._pool.block(start, EXAMPLES))
            self._start = start
        self.example = at
        self._session.select(example=at - start)

    def _mistake(self) -> str:
        """What was said of the example on show, and what it is."""
        names, at, target = self._session.names, self._session.selection.example, self._session.batch.target
        said = int(scores(self._session.output)[at].argmax())
        pair = [said] if target is None else [said, int(target[at])]
        words = [str(names[i]) if names and 0 <= i < len(names) else str(i) for i in pair]
        return f"predicted {words[0]}, is {words[-1]}"

    def _search(self, go_on: Callable[[], bool]) -> None:
        last = time.monotonic()

        def progress(seen: int) -> bool:
            nonlocal last
            if time.monotonic() - last > _PERIOD:
                last = time.monotonic()
                self.said = f"looked at {seen:,} of {self.examples:,}"
                self._told()
            return go_on()

        found, seen = misclassified(self._session, self._pool, self.example, progress)
        if found is not None:
            alone = "; no other is misclassified" if found == self.example and seen == self.examples else ""
            self._go(found)
            self.said = f"{self._mistake()}{alone}"
        elif seen == self.examples:
            self.said = f"none of {seen:,} is misclassified"
        else:
            self.said = f"none of the first {seen:,} is misclassified; the search was ended"


def _rows(session: Session) -> int:
    """How many rows of the input can be looked at one by one; 1 where they are parts of one, as nodes of a graph."""
    value, inputs = scores(session.output), session.batch.inputs
    rows = len(session.batch)
    parts = inputs.values() if isinstance(inputs, Mapping) else inputs
    return rows if value.dim() and len(value) == rows and not any(map(is_pyg, parts)) else 1

"""Another text: typed, or one of those typed before."""

from collections.abc import Mapping
from typing import Any, ClassVar

from workbench.interpret._labels import token_ids
from workbench.panels.means.base import Means, Progress
from workbench.panels.means.given import prepared

_PAST = 20
"""texts that are offered again"""


class Texts(Means):
    """Text that the session's processor turns into tokens."""

    keys: ClassVar[frozenset[str]] = frozenset({"text"})

    def __init__(self, text: str) -> None:
        """Begin with what was typed."""
        self.text, self.history = text, (text,) if text else ()

    def state(self) -> dict[str, Any]:
        """The text that may be changed and those before it, the newest first."""
        return {"text": self.text, "history": list(self.history)}

    def take(self, wish: Mapping[str, Any], progress: Progress) -> str:
        """Tokenise another text."""
        del progress
        text = wish["text"]
        if isinstance(text, str):
            self.line.look_at(prepared(text, self.line.session.processor), self)
            self.text = text
            self.history = (text, *(past for past in self.history if past != text))[:_PAST]
        return ""

    def replaced(self) -> None:
        """Code has put other tokens into the session: their text, as far as the processor can write it."""
        session = self.line.session
        ids, tokenizer = token_ids(session.batch), getattr(session.processor, "tokenizer", session.processor)
        row = [] if ids is None or not len(ids) else ids[min(session.selection.example, len(ids) - 1)].tolist()
        hidden = set(getattr(tokenizer, "all_special_ids", ()) or ())
        written = getattr(tokenizer, "decode", None)
        self.text = str(written([i for i in row if i not in hidden])) if callable(written) and row else ""

    def calls(self) -> list[dict[str, Any]]:
        """The text."""
        return [{"text": self.text}] if self.text else []

"""A picture of one's own: uploaded by the page, or handed to ``look``."""

import hashlib
from collections.abc import Mapping
from typing import Any, ClassVar

from workbench.core.errors import DataError
from workbench.panels.means.base import Means, Progress
from workbench.panels.means.decoding import MOST_BYTES, decoded
from workbench.panels.means.fitting import by_processor, like_the_examples, reads_pictures
from workbench.panels.page.cell import Elsewhere

_SMALL = 1_500
"""bytes of a file that is written into the shown cell"""


class Pictures(Means):
    """A picture that the session's processor prepares, else one that is made like the examples."""

    keys: ClassVar[frozenset[str]] = frozenset({"picture"})

    def __init__(self) -> None:
        """Begin with no picture."""
        self._name, self._data = "", b""

    def state(self) -> dict[str, Any]:
        """Which file is on show, and how large one may be."""
        return {"picture": {"name": self._name, "most": MOST_BYTES}}

    def forget(self) -> None:
        """Something else is on show."""
        self._name, self._data = "", b""

    def take(self, wish: Mapping[str, Any], progress: Progress) -> str:
        """Decode the picture and make of it what the model takes."""
        del progress
        given: Any = wish["picture"]
        name = str(wish.get("name") or "picture")
        data, session = given if isinstance(given, bytes) else b"", self.line.session
        if not isinstance(given, bytes) and not hasattr(given, "convert"):
            raise DataError(f"A picture is the bytes of a file or a PIL image; got {type(given).__name__}.")
        picture = decoded(data, name) if isinstance(given, bytes) else given.convert("RGB")
        if session.processor is not None and reads_pictures(session.processor):
            batch = by_processor(picture, session.processor, session.batch)
            said = f"prepared by {type(session.processor).__name__}"
        else:
            batch, said = like_the_examples(picture, session.batch)
        self.line.look_at(batch, self)
        self._name, self._data = name, data
        return f"{picture.width} by {picture.height}: {said}"

    def calls(self) -> list[dict[str, Any]]:
        """The picture: its bytes where they are few, else a variable, with what a person must put into it."""
        if not self._name:
            return []
        if 0 < len(self._data) <= _SMALL:
            return [{"picture": self._data}]
        mark = f", SHA-256 {hashlib.sha256(self._data).hexdigest()[:12]}…" if self._data else ""
        return [{"picture": Elsewhere(f"the bytes of {self._name!r} ({len(self._data):,}{mark})")}]

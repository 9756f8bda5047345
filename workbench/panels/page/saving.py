# pyright: reportUnknownMemberType=false, reportUntypedBaseClass=false
# (anywidget and ipywidgets carry no complete types)
"""Files of a panel with tabs: a table on its way to pandas or to the page, and a picture.

The page makes its own pictures; the one made here needs no browser.
"""

import weakref
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import traitlets

from workbench.panels.page.base import Panel, failure
from workbench.panels.page.desk import DESK
from workbench.panels.page.raster import enlarged, written
from workbench.panels.page.sketch import png
from workbench.panels.page.table import Table
from workbench.panels.views._view import View


class Savable(Panel):
    """A panel whose tabs can be had as files."""

    about: Any = traitlets.Dict().tag(sync=True)
    """the header: the model's name and a line of facts"""

    @property
    def shown(self) -> str:
        """The name of the tab on show."""
        return str(self.frame.get("wish", {}).get("tab", ""))

    @abstractmethod
    def view(self, name: str) -> View:
        """A tab's view.

        Raises:
            UnknownNameError: There is no such tab.
        """

    def table(self, tab: str | None = None) -> Table:
        """The figures of a tab as rows, at full precision.

        Args:
            tab: Its name; the one on show when not given.

        Returns:
            ``.columns`` and ``.rows``; ``.csv()`` as exact text; ``.spreadsheet()`` as text that a spreadsheet may
            open; ``.dataframe()`` where pandas is installed.

        Raises:
            UnknownNameError: There is no such tab.
            DataError: The tab does not apply to this model and input.
        """
        with self._showing:
            return self.view(tab or self.shown).table()

    def snapshot(self) -> bytes:
        """The tab on show as a PNG: its map, or its text where it has none.

        Raises:
            MissingExtraError: The tab is text, and Pillow is not installed (extra ``data``).
            DataError: The tab does not apply to this model and input.
        """
        with self._showing:
            view = self.view(self.shown)
            image = view.image()
            return png(
                written(f"{self.about['name']}: {view.title}\n\n{view.text()}") if image is None else enlarged(image)
            )

    def wished(self, wish: Mapping[str, Any], seq: int) -> None:
        """Work on what the page wishes in the background; a file goes to the page that asked and into no trait."""
        if "save" not in wish:
            super().wished(wish, seq)
            return
        asker, tab = weakref.ref(self), str(wish.get("tab"))

        def job() -> None:
            if (asking := asker()) is not None and not asking.closed:
                asking.send_table(tab, seq)

        DESK.ask((id(self), "save"), job)

    def send_table(self, tab: str, seq: int) -> None:
        """Send a tab's table as CSV to the page, safe to open in a spreadsheet; an error as its sentence.

        Args:
            tab: The tab's name.
            seq: The number of the wish, by which the page knows that the file is for it.
        """
        try:
            # A byte order mark tells spreadsheets that this is UTF-8.
            buffers, error = [b"\xef\xbb\xbf" + self.table(tab).spreadsheet().encode("utf-8", "replace")], ""
        except Exception as found:  # noqa: BLE001 - whatever went wrong belongs on the page
            buffers, error = [], str(failure(found)["error"])
        self.send({"type": "file", "seq": seq, "error": error}, buffers=buffers)

# pyright: reportUnknownMemberType=false
# (ipywidgets carries no complete types)
"""A table on its way to the page, which offers it as a file. Pictures are made by the page itself."""

import weakref
from typing import TYPE_CHECKING

from workbench.panels._base import failure
from workbench.panels._desk import DESK

if TYPE_CHECKING:
    from workbench.panels.inspector import Inspector


def send_table(panel: "Inspector", tab: str, seq: int) -> None:
    """Send a tab's table as CSV to the page, in the background; an error as its sentence.

    Args:
        panel: Whose page asked.
        tab: The tab's name.
        seq: The number of the wish, by which the page knows that the file is for it.
    """
    asker = weakref.ref(panel)

    def job() -> None:
        asking = asker()
        if asking is None or asking.closed:
            return
        try:
            message = {"type": "file", "seq": seq, "error": ""}
            # A byte order mark tells spreadsheets that this is UTF-8.
            buffers = [b"\xef\xbb\xbf" + asking.table(tab).csv().encode("utf-8", "replace")]
        except Exception as error:  # noqa: BLE001 - whatever went wrong belongs on the page
            message, buffers = {"type": "file", "seq": seq, "error": failure(error)["error"]}, []
        asking.send(message, buffers=buffers)

    DESK.ask((id(panel), "save"), job)

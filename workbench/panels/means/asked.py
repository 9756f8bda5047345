# pyright: reportUntypedBaseClass=false, reportUnknownMemberType=false
# (anywidget, ipywidgets and traitlets carry no complete types)
"""A panel with an input row: what is looked at is changed by its page, or from a cell by ``look`` and ``compare``."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import traitlets
from torch import nn

from workbench.core.errors import WorkbenchError
from workbench.core.scripts import part, row
from workbench.interpret import Session
from workbench.panels.following.linked import Linked
from workbench.panels.means.asking import InputRow, row_of
from workbench.panels.means.given import Given
from workbench.panels.page.cell import Calls
from workbench.panels.page.desk import DESK


class Asked(Linked):
    """Looks at another input, or at a second one beside the first."""

    input: Any = traitlets.Dict().tag(sync=True)
    """the input row: what each means of changing the input shows; ``other`` is the second line, None without one"""

    def __init__(self, session: Session, given: Given) -> None:
        """Remember what is known of the input; the row begins with ``begin_row``.

        Args:
            session: The model and input on show.
            given: What more is known of the input.
        """
        self._given = given
        self._row: InputRow | None = None
        super().__init__(session)

    def begin_row(self, said: str = "") -> None:
        """Draw the row; the first tab has been computed.

        Args:
            said: What is said beside it.
        """
        self._row = row_of(self.session, self._given)
        self._row.drawn_by(self)
        if said:
            self._row.first.tell(said)
        self.draw_row()
        if self._row.scripts:
            self.sources = {
                **self.sources,
                "_row": row(self._row.scripts, part(Path(__file__).parent, "row")),
            }

    def draw_row(self) -> None:
        """Send the row to the page; nothing is sent where it is the same."""
        if self._row is not None and not self.closed:
            self.input = self._row.state()

    def look(
        self,
        text: str | None = None,
        *,
        example: int | None = None,
        misclassified: bool = False,
        picture: Any = None,
        cells: Mapping[str | int, float] | None = None,
        node: int | None = None,
    ) -> Self:
        """Look at another input in the tab on show.

        Args:
            text: In place of what was typed.
            example: Its position in the data set or batch.
            misclassified: Whether the first example that the model gets wrong is looked for; the next one when such
                a one is on show.
            picture: The bytes of a PNG, JPEG, WebP, GIF or BMP file, or a PIL image; it is prepared by the processor,
                else resized and scaled as the examples are.
            cells: Values by the names (or positions) of columns, in the row on show.
            node: Of the graph; its answer is what is explained.

        Raises:
            WorkbenchError: It cannot be looked at; nothing has changed.
        """
        return self._look(_wish(text, example, misclassified, picture, cells, node))

    def compare(
        self,
        text: str | None = None,
        *,
        example: int | None = None,
        misclassified: bool = False,
        picture: Any = None,
        cells: Mapping[str | int, float] | None = None,
        node: int | None = None,
        model: nn.Module | None = None,
    ) -> Self:
        """Look at a second input beside the one on show, or at what another model does with it.

        The second input begins as a copy of the first.

        Args:
            text: These are as ``look`` takes them; without any, the second is what it was.
            example: Its position in the data set or batch.
            misclassified: Whether the next example that the model gets wrong is looked for.
            picture: The bytes of a file, or a PIL image.
            cells: Values by the names (or positions) of columns.
            node: Of the graph.
            model: Another model that the second input is given to; the one before, at first that of the panel, when
                not given.

        Raises:
            WorkbenchError: It cannot be looked at.
        """
        other = _wish(text, example, misclassified, picture, cells, node)
        return self._look({"other": other} if model is None else {"other": other, "model": model})

    def alone(self) -> Self:
        """Look at the first input alone again."""
        return self._look({"compare": False})

    def _look(self, wish: Mapping[str, Any]) -> Self:
        self.show({"tab": self.shown, "input": wish, "raises": True})
        return self

    def take(self, wish: Mapping[str, Any]) -> None:
        """Look at the input of a wish, if it has one.

        What a page wishes and cannot be looked at is said beside the row, and the tab stays as it is.

        Args:
            wish: What a page or ``look`` asked for.

        Raises:
            WorkbenchError: It cannot be looked at, and a cell asked.
        """
        asked: Any = wish.get("input")
        if self._row is None or not isinstance(asked, Mapping):
            return
        asked = _with_file(asked, wish.get("file"))
        try:
            self._row.take(asked, lambda: not (self.closed or DESK.waits(id(self))))
        except WorkbenchError as error:
            if wish.get("raises"):
                raise
            self._row.refuse(asked, str(error))

    def calls(self) -> Calls:
        """What a cell calls to come to the inputs on show."""
        return self._row.calls() if self._row is not None else Calls(text=self._given.text)

    def close(self) -> None:
        """Take the panel off the page and let go of what it shows."""
        if self._row is not None:
            self._row.left_by(self)
        super().close()
        self._row = None


def _with_file(asked: Mapping[str, Any], file: Any) -> Mapping[str, Any]:
    """A wish for a picture with the bytes that came behind the message in the place of its name."""
    if isinstance(asked.get("other"), Mapping):
        return {**asked, "other": _with_file(asked["other"], file)}
    return {**asked, "picture": file, "name": asked["picture"]} if file is not None and "picture" in asked else asked


def _wish(
    text: str | None,
    example: int | None,
    misclassified: bool,  # noqa: FBT001 - as look has it
    picture: Any,
    cells: Mapping[str | int, float] | None,
    node: int | None,
) -> dict[str, Any]:
    """What was given, as a page would wish it."""
    given = {"text": text, "example": example, "picture": picture, "cells": cells, "node": node}
    wish = {key: value for key, value in given.items() if value is not None}
    return wish | {"misclassified": True} if misclassified else wish

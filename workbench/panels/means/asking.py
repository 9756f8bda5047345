"""The input row: what a person may look at next, and the second input that it is compared with."""

import weakref
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from workbench.core.errors import ConfigError
from workbench.core.variables import name_of, notebook
from workbench.interpret import Session
from workbench.panels.means.base import Line, Means, main_input
from workbench.panels.means.columns import Columns
from workbench.panels.means.examples import Examples
from workbench.panels.means.fitting import place_of_pictures
from workbench.panels.means.given import Given, measured
from workbench.panels.means.nodes import Nodes, is_graph
from workbench.panels.means.others import Others
from workbench.panels.means.pictures import Pictures
from workbench.panels.means.texts import Texts
from workbench.panels.page.base import failure
from workbench.panels.page.cell import Calls, Elsewhere, Variable
from workbench.panels.page.header import called, size

_MOST_COLUMNS = 256
"""of a table whose cells can be changed one by one"""


class Rows(Protocol):
    """A panel that draws an input row."""

    def draw_row(self) -> None:
        """Draw it as it is now."""


class InputRow:
    """One line, or two: the input on show and the one it is compared with."""

    def __init__(self, session: Session, given: Given) -> None:
        """Begin with what the session looks at.

        Args:
            session: The model and input on show.
            given: What more is known of the input.
        """
        self._listeners: weakref.WeakSet[Rows] = weakref.WeakSet()
        self._others = Others(session)
        self.first = Line(session, _means(session, given))
        self.second: Line | None = None

    @property
    def scripts(self) -> list[str]:
        """What draws the means that apply; empty where there is nothing that a person could change."""
        return [one.script for one in self.first.means if one.offers]

    def state(self) -> dict[str, Any]:
        """The row as the page draws it."""
        self._go_along()
        known, second = self.first.state(), self.second
        if second is None:
            return known | {"other": None}
        models = self._others.listed()
        model = second.session.model
        name = "" if model is self.first.session.model else called(model)
        if name and name not in [each[0] for each in models]:
            models.append([name, size(model), ""])
        change = self._change()
        return known | {"other": second.state() | {"change": change, "model": name, "models": models}}

    def drawn_by(self, panel: "Rows") -> None:
        """Have a panel draw the row again whenever it has changed; it is not kept alive."""
        self._listeners.add(panel)

    def left_by(self, panel: "Rows") -> None:
        """A panel no longer draws the row."""
        self._listeners.discard(panel)

    def _told(self) -> None:
        for panel in tuple(self._listeners):
            panel.draw_row()

    def take(self, wish: Mapping[str, Any], go_on: Callable[[], bool]) -> None:
        """Look at what the page or a person wishes; what is not understood changes nothing.

        Args:
            wish: Keys of the means (``text``, ``example``, ``misclassified``, ``picture``, ``cells``, ``reset``,
                ``node``), ``compare`` (whether there is a second input), or ``other`` (such keys for the second
                input, which begins as a copy of the first) and ``model`` (which takes it: a model, the variable that
                holds it, or "" for the one on show); not yet checked.
            go_on: Whether a long search is still wanted.

        Raises:
            WorkbenchError: It cannot be looked at; nothing has changed.
        """
        other = wish.get("other")
        if wish.get("compare") is False:
            self._close()
        elif "compare" in wish or isinstance(other, Mapping):
            second = self._open(wish.get("model"))
            if isinstance(other, Mapping):
                self._ask(second, other, go_on)
        else:
            self._ask(self.first, wish, go_on)
        self._told()

    def _ask(self, line: Line, wish: Mapping[str, Any], go_on: Callable[[], bool]) -> None:
        def progress(sentence: str) -> bool:
            if sentence:
                line.tell(sentence)
                self._told()
            return go_on()

        line.take(wish, progress)

    def refuse(self, wish: Mapping[str, Any], sentence: str) -> None:
        """Say beside the line that was asked why it could not look at what was wished."""
        line = self.second if "other" in wish and self.second is not None else self.first
        line.tell(sentence, wrong=True)
        self._told()

    def calls(self) -> Calls:
        """How to come to these inputs again."""
        self._go_along()
        first = self.first.calls()
        text = first[0].get("text") if first else None
        looks = [call for call in first if "text" not in call and call != {"example": 0}]
        return Calls(text=text, looks=looks, compares=None if self.second is None else self._compares(self.second))

    def _compares(self, second: Line) -> list[Mapping[str, Any]]:
        model = second.session.model
        if model is self.first.session.model:
            return [*second.calls()]
        name = name_of(notebook(), model)
        given = Variable(name) if name else Elsewhere("the model that is compared with")
        return [{"model": given}, *second.calls()]

    def _open(self, wanted: Any = None) -> Line:
        first, model = self.first.session, self._others.named(wanted)
        begun = self.second if self.second is not None else self.first
        if self.second is not None and model in (None, begun.session.model):
            return self.second
        other = first.compare_with(begun.session.batch, None if model is first.model else model)
        if other is None:
            raise ConfigError("A second input could not be opened.")
        other.select(example=begun.session.selection.example, node=begun.session.selection.node)
        self.second = Line(other, begun.means)
        return self.second

    def _go_along(self) -> None:
        """Code or another panel may have begun or ended the comparison."""
        other = self.first.session.other
        if other is None:
            self.second = None
        elif self.second is None or self.second.session is not other:
            self.second = Line(other, self.first.means, self.first.session.batch)

    def _close(self) -> None:
        self.first.session.compare_with(None)
        self.second = None

    def _change(self) -> dict[str, Any]:
        """How the two answers differ."""
        try:
            found = self.first.session.difference()
        except Exception as error:  # noqa: BLE001 - whatever went wrong belongs on the page
            return {"said": failure(error)["error"], "wrong": True, "classes": []}
        if found is None:
            return {"said": "", "wrong": False, "classes": []}
        classes = [[change.label, change.first, change.second] for change in found.changes]
        return {"said": found.sentence, "wrong": False, "classes": classes}


_ROWS: weakref.WeakValueDictionary[int, InputRow] = weakref.WeakValueDictionary()
"""of each session, by its identity: a row keeps its session alive, so no other session has it meanwhile"""


def row_of(session: Session, given: Given) -> InputRow:
    """The row of a session: all its panels draw the same, which lives as long as one of them.

    Args:
        session: The model and input on show.
        given: What more is known of the input, where there is no row yet.
    """
    found = _ROWS.get(id(session))
    if found is None:
        found = _ROWS[id(session)] = InputRow(session, given)
    return found


def _means(session: Session, given: Given) -> list[Means]:
    """What applies to this input."""
    if given.text is not None:
        return [Texts(given.text)]
    if is_graph(session):
        return [Nodes(given.columns)]
    found: list[Means] = [Examples(session, given.pool)]
    if place_of_pictures(session.batch) is not None:
        found.append(Pictures())
    main = main_input(session.batch)
    if main is not None and main[1].dim() == 2 and main[1].is_floating_point():  # noqa: PLR2004 - (rows, columns)
        width = main[1].size(1)
        names = given.columns if len(given.columns) == width else [f"column {i}" for i in range(width)]
        if width <= _MOST_COLUMNS:
            found.append(Columns(names, given.ranges or measured(main[1])))
    return found

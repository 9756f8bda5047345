"""The input row: what a person may look at next, and the second input that it is compared with."""

from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from workbench.core.errors import ConfigError
from workbench.interpret import Session
from workbench.panels.means.base import Line, Means, main_input
from workbench.panels.means.columns import Columns
from workbench.panels.means.examples import Examples
from workbench.panels.means.fitting import place_of_pictures
from workbench.panels.means.given import Given, measured
from workbench.panels.means.nodes import Nodes, is_graph
from workbench.panels.means.pictures import Pictures
from workbench.panels.means.texts import Texts
from workbench.panels.page.base import failure
from workbench.panels.page.cell import Calls, Elsewhere
from workbench.panels.page.header import title

_MOST_COLUMNS = 256
"""of a table whose cells can be changed one by one"""


class InputRow:
    """One line, or two: the input on show and the one it is compared with."""

    def __init__(
        self,
        session: Session,
        given: Given,
        told: Callable[[], None],
    ) -> None:
        """Begin with what the session looks at.

        Args:
            session: The model and input on show.
            given: What more is known of the input.
            told: Called when ``state`` has changed.
        """
        self._told = told
        self.first = Line(session, _means(session, given))
        self.second: Line | None = None

    @property
    def scripts(self) -> list[str]:
        """What draws the means that apply; empty where there is nothing that a person could change."""
        return [one.script for one in self.first.means if one.offers]

    def state(self) -> dict[str, Any]:
        """The row as the page draws it."""
        second = self.second
        other = None if second is None else second.state() | {"change": self._change(), "model": self._beside(second)}
        return self.first.state() | {"other": other}

    def take(self, wish: Mapping[str, Any], go_on: Callable[[], bool]) -> None:
        """Look at what the page or a person wishes; what is not understood changes nothing.

        Args:
            wish: Keys of the means (``text``, ``example``, ``misclassified``, ``picture``, ``cells``, ``reset``,
                ``node``), ``compare`` (whether there is a second input), or ``other`` (such keys for the second
                input, which begins as a copy of the first) and ``model`` (which takes it); not yet checked.
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
        first = self.first.calls()
        text = first[0].get("text") if first else None
        looks = [call for call in first if "text" not in call and call != {"example": 0}]
        return Calls(text=text, looks=looks, compares=None if self.second is None else self._compares(self.second))

    def _compares(self, second: Line) -> list[Mapping[str, Any]]:
        if not self._beside(second):
            return [*second.calls()]
        return [{"model": Elsewhere("the model that is compared with")}, *second.calls()]

    def _beside(self, second: Line) -> str:
        """What the other model is called; empty where the second input is given to the same."""
        model = second.session.model
        return "" if model is self.first.session.model else title(model)

    def _open(self, model: Any = None) -> Line:
        session = self.first.session
        other_model = model if isinstance(model, nn.Module) and model is not session.model else None
        if self.second is None or (other_model is not None and self.second.session.model is not other_model):
            other = session.compare_with(session.batch, other_model)
            if other is None:
                raise ConfigError("A second input could not be opened.")
            other.select(example=session.selection.example, node=session.selection.node)
            self.second = Line(other, self.first.means)
        return self.second

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

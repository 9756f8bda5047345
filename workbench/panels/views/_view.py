"""View: the contents of one tab. One file each (``<name>.py`` with ``VIEW = ...`` and ``<name>.js``), found by name."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from workbench.core.errors import DataError
from workbench.core.names import names
from workbench.core.scripts import part
from workbench.interpret import Session
from workbench.panels.means.pool import Pool
from workbench.panels.page.frame import Frame
from workbench.panels.page.table import Table

_HERE = Path(__file__).parent


class View(ABC):
    """What one tab shows of a session."""

    title: ClassVar[str]
    """on the tab"""
    place: ClassVar[int]
    """tabs stand in this order"""
    dear: ClassVar[bool] = False
    """whether it takes many forwards, so that it is computed when it is opened and not before"""
    compares: ClassVar[bool] = False
    """whether a second input or model is shown beside the first"""
    pool: Pool | None = None
    """all examples, where the input comes from a data set"""

    def __init__(self, session: Session, columns: Sequence[str] = ()) -> None:
        """Look at nothing yet.

        Args:
            session: The model and input on show.
            columns: What the columns of a table are called.
        """
        self.session, self.columns = session, columns

    @property
    def name(self) -> str:
        """The view's file name."""
        return type(self).__module__.rpartition(".")[2]

    @abstractmethod
    def whole(self) -> Iterator[Frame]:
        """The tab as it opens, better and better; a frame with ``refused`` where the view does not apply."""

    def part(self, wish: Mapping[str, Any]) -> Iterator[Frame]:
        """What the page asks for within the tab; unless overridden, the whole again."""
        del wish
        return self.whole()

    def chosen(self) -> Mapping[str, int | str]:
        """What is chosen within the tab, as ``part`` takes it."""
        return {}

    def text(self) -> str:
        """The tab in characters."""
        return self.title

    def picture(self) -> str:
        """The tab as escaped HTML without scripts."""
        return ""

    def table(self) -> Table:
        """The figures of the tab, computed where they are not yet.

        Raises:
            DataError: There are none, or the tab does not apply.
        """
        raise DataError(f"The tab {self.title!r} has no table.")

    def image(self) -> NDArray[np.uint8] | None:
        """The map of the tab, grey (rows, columns) or RGB (rows, columns, 3); None where it is text."""
        return None


def views() -> Sequence[type[View]]:
    """Every view beside this file, in the order of the tabs."""
    package = __package__ or "workbench.panels.views"
    found = [import_module(f"{package}.{name}").VIEW for name in names([str(_HERE)])]
    return sorted(found, key=lambda view: view.place)


def source(name: str) -> str:
    """The ESM text of a view, as ``core.scripts`` puts it together."""
    return part(_HERE, name)

"""``wb.export_html``: one file out of a notebook, that fetches nothing and whose panels draw without a kernel."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.core.errors import DataError
from workbench.notebooks._cells import Cells
from workbench.notebooks._outputs import Outputs
from workbench.notebooks._page import Part, page
from workbench.notebooks._pieces import LeftOut, Piece
from workbench.notebooks._reading import read
from workbench.notebooks._widgets import Drawing, drawing, widgets
from workbench.notebooks._writing import write_whole

BUDGET = 10_000_000
"""bytes of a page, by default: what most mail servers let through once it is encoded"""


@dataclass(frozen=True, slots=True)
class Exported:
    """A page that was written."""

    path: Path
    bytes: int
    """size of the file"""
    left_out: tuple[LeftOut, ...] = ()
    """what the page does not show as the notebook did; the same list stands at its end"""

    def __str__(self) -> str:
        head = f"{self.path}: {self.bytes / 1e6:.2f} MB"
        return "\n".join((head + (", left out:" if self.left_out else ""), *(f"  {one}" for one in self.left_out)))

    __repr__ = __str__


def export_html(
    notebook: str | Path | Mapping[str, Any], to: str | Path | None = None, *, budget: int = BUDGET
) -> Exported:
    """Write a notebook as one HTML file that needs neither a kernel nor a network.

    Panels are drawn by their own scripts, from what they showed when the notebook was saved; hovering works, and what
    would need the kernel says so. Nothing of the notebook runs: HTML is cleaned, and a panel's script is run only when
    it is, to the letter, one that this installation has. Widgets that the notebook file does not hold are asked of
    this process, where it is the kernel that made them: save the notebook, then export in its last cell.

    Args:
        notebook: A file, or a notebook in the format of nbformat 4.
        to: The file to write; beside the notebook, with ``.html``, when not given.
        budget: How many bytes the file may have. When it would have more, the largest piece is shown in its next
            poorer version (a panel as a picture, a picture or table as text) until the file fits.

    Returns:
        Path, size and what was left out.

    Raises:
        DataError: The file is no notebook, there is nowhere to write to, or its code and text alone exceed the budget.
        MissingExtraError: The libraries that read notebooks are not installed.
    """
    source = Path(notebook) if isinstance(notebook, str | Path) else None
    if to is None and source is None:
        raise DataError("A notebook that is no file was given: say where the page goes, as to='page.html'.")
    target = Path(to) if to is not None else (source or Path()).with_suffix(".html")
    if source is not None and target.resolve() == source.resolve():
        raise DataError(f"{target} is the notebook itself: give another file as to=.")
    book = read(notebook)
    found = widgets(book)
    outputs = Outputs(found)
    cells = Cells(outputs, source.parent if source is not None else None)
    parts = [part for number, cell in enumerate(book["cells"], 1) for part in cells.parts(number, cell)]
    drawn = frozenset[str]().union(*(v.panels for p in parts if isinstance(p, Piece) for v in p.versions))
    drawings = {name: drawing(found[name]) for name in sorted(drawn)}
    data, left_out = _within(_title(book, source), parts, drawings, outputs.left_out, budget)
    write_whole(target, data)
    return Exported(target, len(data), tuple(left_out))


def _within(
    title: str, parts: Sequence[Part], drawings: Mapping[str, Drawing], noted: Sequence[LeftOut], budget: int
) -> tuple[bytes, list[LeftOut]]:
    """The richest page within the budget: while it is too large, the piece that frees most is made poorer."""
    left_out = list(noted)
    pieces = [part for part in parts if isinstance(part, Piece)]
    while True:
        # A notebook may hold halves of surrogate pairs, which no encoding writes.
        data = page(title, parts, drawings, left_out).encode("utf-8", "replace")
        size = len(data)
        if size <= budget:
            return data, sorted(left_out, key=lambda one: one.cell)
        largest = max(pieces, key=lambda piece: _freed(piece, drawings), default=None)
        if largest is None or _freed(largest, drawings) <= 0:
            raise DataError(
                f"The page has {size:,} bytes with every panel and picture left out, and the budget is {budget:,}: "
                "raise budget=, or clear the longest outputs."
            )
        what = largest.shown.name
        left_out.append(LeftOut(largest.cell, what, f"it did not fit into {budget:,} bytes; raise budget="))
        largest.at += 1


def _freed(piece: Piece, drawings: Mapping[str, Drawing]) -> int:
    """Bytes that the next poorer version saves, the texts that panels share not counted."""
    if piece.poorer is None:
        return 0
    lost = piece.shown.panels - piece.poorer.panels
    return len(piece.shown.html) - len(piece.poorer.html) + sum(drawings[name].size for name in lost)


def _title(book: Mapping[str, Any], source: Path | None) -> str:
    """The first heading, else the file's name."""
    for cell in book["cells"]:
        if cell.get("cell_type") == "markdown":
            found = re.search(r"^#\s+(.+)$", "".join(cell.get("source", "")), re.MULTILINE)
            if found:
                return found[1].strip()
    return source.stem if source is not None else "Notebook"

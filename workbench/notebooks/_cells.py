"""Cells as parts of a page: Markdown, code in colour, and outputs."""

import mimetypes
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any

from workbench.core.optional import need
from workbench.notebooks._clean import clean, marked
from workbench.notebooks._outputs import Outputs
from workbench.notebooks._page import Part
from workbench.notebooks._pieces import LeftOut

_CLASSES = (
    ("Comment", "c"),
    ("Keyword", "k"),
    ("Literal.String", "s"),
    ("Literal.Number", "n"),
    ("Name.Function", "f"),
    ("Name.Class", "f"),
)
"""what is coloured: kinds of token, and their class on the page"""
_SOURCE = re.compile(r'(<img\b[^>]*?\bsrc=")([^"]*)(")')
_FORMULA = re.compile(r'class="math"')


class Cells:
    """Turns the cells of one notebook into parts of a page."""

    def __init__(self, outputs: Outputs, folder: Path | None) -> None:
        """Begin with the first cell.

        Args:
            outputs: Takes the outputs, and notes what is left out.
            folder: Where pictures named by Markdown lie; None where that is not known.
        """
        self.outputs, self.folder = outputs, folder

    def parts(self, number: int, cell: Mapping[str, Any]) -> Iterator[Part]:
        """The parts of one cell.

        Args:
            number: Of the cell, from 1.
            cell: In the format of nbformat 4.
        """
        source = _joined(cell.get("source", ""))
        if cell.get("cell_type") == "markdown":
            yield self._markdown(number, source, cell.get("attachments", {}))
            return
        if cell.get("cell_type") != "code":
            yield f'<div class="cell" id="cell-{number}"><pre>{escape(source)}</pre></div>'
            return
        count = cell.get("execution_count")
        shown = f"<span>[{count}]</span>" if isinstance(count, int) else ""
        code = f'<div class="in">{shown}<pre>{coloured(source)}</pre></div>'
        yield f'<div class="cell" id="cell-{number}">{code}<div class="out">'
        for output in cell.get("outputs", ()):
            yield self.outputs.piece(number, output)
        yield "</div></div>"

    def _markdown(self, number: int, text: str, attachments: Mapping[str, Any]) -> str:
        html = _SOURCE.sub(lambda found: found[1] + self._pixels(found[2], attachments) + found[3], marked(text))
        if _FORMULA.search(html):
            self.outputs.left_out.append(LeftOut(number, "typeset formulas", "they are shown as their LaTeX"))
        self.outputs.note_elsewhere(number, html)
        return f'<div class="cell say" id="cell-{number}">{clean(html)}</div>'

    def _pixels(self, source: str, attachments: Mapping[str, Any]) -> str:
        """A picture's address, replaced by its pixels where they are attached or lie in the notebook's folder."""
        kind, data = None, b""
        if source.startswith("attachment:"):
            for kind, text in attachments.get(source.removeprefix("attachment:"), {}).items():
                return f"data:{kind};base64,{re.sub(r'[^A-Za-z0-9+/=]', '', _joined(text))}"
        elif self.folder is not None and "://" not in source:
            file = (self.folder / source).resolve()
            kind = mimetypes.guess_type(file.name)[0] or ""
            # Nothing outside the notebook's folder: a foreign notebook must not carry off files of whoever exports it.
            if kind.startswith("image/") and file.is_relative_to(self.folder.resolve()) and file.is_file():
                data = file.read_bytes()
        return f"data:{kind};base64,{b64encode(data).decode('ascii')}" if data else source


def coloured(source: str) -> str:
    """Python source as escaped HTML with a few classes.

    Args:
        source: Of one cell; magics are shown as they are.
    """
    pygments: Any = need("pygments", extra="lab", purpose="to colour code")
    lexers: Any = need("pygments.lexers", extra="lab", purpose="to colour code")
    lexer = lexers.PythonLexer(stripnl=False, ensurenl=False)
    return "".join(_span(str(kind).removeprefix("Token."), text) for kind, text in pygments.lex(source, lexer))


def _span(kind: str, text: str) -> str:
    name = next((css for prefix, css in _CLASSES if kind.startswith(prefix)), None)
    return f'<span class="{name}">{escape(text)}</span>' if name else escape(text)


def _joined(value: Any) -> str:
    return "".join(value) if isinstance(value, list) else str(value)

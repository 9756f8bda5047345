"""Outputs of a cell as pieces of a page: the richest kind that needs neither a kernel nor a script of its own."""

import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from workbench.notebooks._clean import clean, markdown, pictures_elsewhere
from workbench.notebooks._pieces import LeftOut, Piece, Version
from workbench.notebooks._widgets import VIEW, Saved

_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_BITMAPS = ("image/png", "image/jpeg", "image/gif", "image/webp")
_RUNS = ("application/javascript", "application/vnd.plotly.v1+json", "application/vnd.vegalite.v5+json")
_FOREIGN = "it is drawn by a script that is not one of this workbench; save it as a picture"
_COLUMN, _ROW = "wb-column", "wb-row"
_BOXES = {
    "VBoxModel": _COLUMN,
    "BoxModel": _ROW,
    "HBoxModel": _ROW,
    "GridBoxModel": _ROW,
    "TabModel": _COLUMN,
    "AccordionModel": _COLUMN,
    "StackModel": _COLUMN,
}
_WORDS = {"HTMLModel": clean, "HTMLMathModel": clean, "LabelModel": escape}


class Outputs:
    """Turns the outputs of one notebook into pieces, and notes what cannot be shown."""

    def __init__(self, widgets: Mapping[str, Saved]) -> None:
        """Note nothing yet.

        Args:
            widgets: The notebook's widgets by id.
        """
        self.widgets = widgets
        self.left_out: list[LeftOut] = []

    def piece(self, cell: int, output: Mapping[str, Any]) -> Piece:
        """One output.

        Args:
            cell: The cell's number, from 1.
            output: In the format of nbformat 4.
        """
        kind = output.get("output_type")
        if kind == "stream":
            text = _plain(output.get("text", ""), output.get("name") == "stderr")
            return Piece(cell, [Version(text)])
        if kind == "error":
            return Piece(cell, [Version(_plain("\n".join(output.get("traceback", ())), error=True))])
        return Piece(cell, self._versions(cell, output.get("data", {})))

    def _versions(self, cell: int, data: Mapping[str, Any]) -> Sequence[Version]:
        still = self._still(cell, data)
        view = data.get(VIEW)
        if not isinstance(view, Mapping):
            return still
        name = str(view.get("model_id"))
        if name not in self.widgets:
            self._note(
                cell,
                "a widget",
                "its state was not saved (in JupyterLab: Settings, Save Widget State Automatically; or export from "
                "the kernel that made it)",
            )
            return still
        html, panels = self._drawn(cell, name, still[0].html, frozenset())
        return [Version(html, panels, "a panel"), *still] if html else still

    def _still(self, cell: int, data: Mapping[str, Any]) -> list[Version]:
        """What needs no script, the richest first."""
        versions: list[Version] = []
        for kind in _BITMAPS:
            if kind in data:
                pixels = re.sub(r"\s", "", _joined(data[kind]))
                html = clean(f'<img alt="" src="data:{kind};base64,{escape(pixels)}">')
                versions.append(Version(html, name="a picture"))
        if "image/svg+xml" in data:
            versions.append(Version(_as_image(_joined(data["image/svg+xml"])), name="a picture"))
        if "text/html" in data:
            html = _joined(data["text/html"])
            self.note_elsewhere(cell, html)
            versions.append(Version(f'<div class="html">{clean(html)}</div>', name="a table or picture"))
        if "text/markdown" in data:
            versions.append(Version(f'<div class="html">{markdown(_joined(data["text/markdown"]))}</div>'))
        versions += [Version(_plain(_joined(data[kind]))) for kind in ("text/latex", "text/plain") if kind in data]
        if any(kind in data for kind in _RUNS) and not any(v.name == "a picture" for v in versions):
            self._note(cell, "a figure", _FOREIGN)
        return versions or [Version("")]

    def _drawn(self, cell: int, name: str, still: str, above: frozenset[str]) -> tuple[str, frozenset[str]]:
        """A widget and what it holds as HTML, and which panels in it are drawn; empty where it cannot be shown."""
        widget = self.widgets.get(name)
        if widget is None or name in above:
            return "", frozenset()
        if widget.is_panel:
            return self._panel(cell, name, widget, still)
        if widget.kind in _BOXES:
            parts = [self._drawn(cell, child, "", above | {name}) for child in widget.children()]
            html = "".join(html for html, _ in parts)
            drawn = frozenset[str]().union(*(panels for _, panels in parts))
            return (f'<div class="{_BOXES[widget.kind]}">{html}</div>' if html else ""), drawn
        return self._control(cell, widget), frozenset()

    def _panel(self, cell: int, name: str, widget: Saved, still: str) -> tuple[str, frozenset[str]]:
        if reason := widget.refusal():
            self._note(cell, f"a panel ({widget.kind})", reason)
            return "", frozenset()
        return f'<div class="wb-panel" data-panel="{escape(name)}">{still}</div>', frozenset((name,))

    def _control(self, cell: int, widget: Saved) -> str:
        """A control as words or a bar."""
        if widget.kind in _WORDS:
            return f'<div class="html">{_WORDS[widget.kind](str(widget.state.get("value", "")))}</div>'
        if widget.kind.endswith("ProgressModel"):
            return _bar(widget)
        self._note(cell, f"a control ({widget.kind.removesuffix('Model')})", "it does nothing without a kernel")
        return _said(widget)

    def note_elsewhere(self, cell: int, html: str) -> None:
        """Note the pictures that HTML would fetch."""
        for address in pictures_elsewhere(html):
            self._note(cell, f"the picture {address[:80]}", "the page fetches nothing")

    def _note(self, cell: int, what: str, why: str) -> None:
        note = LeftOut(cell, what, why)
        if note not in self.left_out:
            self.left_out.append(note)


def _joined(value: Any) -> str:
    return "".join(value) if isinstance(value, list) else str(value)


def _plain(text: Any, error: bool = False) -> str:  # noqa: FBT001, FBT002 - a colour
    shown = _ANSI.sub("", _joined(text))
    return f'<pre class="{"err" if error else "plain"}">{escape(shown)}</pre>' if shown else ""


def _as_image(svg: str) -> str:
    """A drawing as a picture: within one, nothing runs and nothing is fetched."""
    data = b64encode(svg.encode("utf-8", "replace")).decode("ascii")
    return f'<img alt="" src="data:image/svg+xml;base64,{data}">'


def _bar(widget: Saved) -> str:
    """A progress bar where it stood."""
    found = [widget.state.get(key) for key in ("min", "max", "value")]
    low, high, value = (float(each) if isinstance(each, int | float) else 0.0 for each in found)
    return f'<progress max="{max(high - low, 1e-9)}" value="{value - low}"></progress>'


def _said(widget: Saved) -> str:
    """A control as words: its name and what it stood at."""
    state = widget.state
    words = [str(state[key]) for key in ("description", "value") if isinstance(state.get(key), str | int | float)]
    return f'<span class="wb-control">{escape(": ".join(word for word in words if word))}</span>' if any(words) else ""

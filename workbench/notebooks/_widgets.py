"""Widgets as a notebook has saved them: plain mappings, in which nothing is trusted and nothing is run."""

import re
import sys
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from workbench.notebooks._trust import is_installed

STATE = "application/vnd.jupyter.widget-state+json"
VIEW = "application/vnd.jupyter.widget-view+json"
_POINTER = "IPY_MODEL_"
_HEX, _BASE64 = re.compile(r"(?:[0-9a-fA-F]{2})*"), re.compile(r"[A-Za-z0-9+/]*={0,2}")
_SOURCES = "sources"
"""the trait with the scripts of parts that a panel draws"""
_SCRIPT = "script"
"""what a frame calls a script that comes with it"""
Path = Sequence[str | int]


@dataclass(frozen=True, slots=True)
class Saved:
    """One widget."""

    kind: str
    """name of its model's class"""
    module: str
    """where that class comes from"""
    state: Mapping[str, Any]
    buffers: Sequence[Mapping[str, Any]] = ()
    """each with ``path``, ``encoding`` and ``data``"""

    @property
    def is_panel(self) -> bool:
        """Whether it draws itself with a script out of its own state."""
        return self.module == "anywidget" or "_esm" in self.state

    def children(self) -> list[str]:
        """Ids of the widgets that it holds."""
        found = self.state.get("children", ())
        return [text.removeprefix(_POINTER) for text in found if _points(text)] if isinstance(found, list) else []

    def refusal(self) -> str:
        """Why its script is not run, empty where it is one of this installation."""
        if not all(map(_is_intact, self.buffers)):
            return "its saved state is damaged; run the notebook again"
        parts = self.state.get(_SOURCES, {})
        texts = [self.state.get("_esm"), *(parts.values() if isinstance(parts, Mapping) else [parts])]
        texts += [text for _, text in _without_scripts(self.state)[1]]
        binary = {str(one["path"][0]) for one in self.buffers}
        known = all(is_installed(text, ".js") for text in texts)
        if not known or binary & {_SOURCES, "_esm", "_css"}:
            return "its script is not one of this workbench (another version, or another author), so it is not run"
        style = self.state.get("_css", "")
        if style != "" and not is_installed(style, ".css"):
            return "its style sheet is not one of this workbench"
        return ""


@dataclass(frozen=True, slots=True)
class Drawing:
    """A panel as the page receives it: texts by themselves, so that each is carried once."""

    script: str
    style: str
    state: Mapping[str, Any]
    texts: Sequence[tuple[Path, str]] = ()
    """(path in the state, text) of the scripts of parts"""
    buffers: Sequence[tuple[Path, str]] = ()
    """(path in the state, base64)"""
    size: int = field(default=0)
    """bytes of state and buffers, roughly"""


def widgets(notebook: Mapping[str, Any]) -> dict[str, Saved]:
    """All widgets of a notebook by id: as saved in it, and fresher where this process is its kernel.

    JupyterLab saves no widgets unless told so; the kernel that made them still knows what they show.

    Args:
        notebook: In the format of nbformat 4.
    """
    found: Any = notebook
    for key in ("metadata", "widgets", STATE, "state"):
        found = found.get(key, {}) if isinstance(found, Mapping) else {}
    every = {**(found if isinstance(found, Mapping) else {}), **_live()}
    return {str(name): _saved(one) for name, one in every.items() if isinstance(one, Mapping)}


def drawing(widget: Saved) -> Drawing:
    """What the page needs of a panel whose script is not refused."""
    state = {name: value for name, value in widget.state.items() if not name.startswith("_") and not _points(value)}
    parts = state.pop(_SOURCES, {})
    if parts:
        state[_SOURCES] = {}  # filled by the page, out of the texts that it carries once
    state, scripts = _without_scripts(state)
    buffers = [(list(one["path"]), _base64(one)) for one in widget.buffers]
    return Drawing(
        script=widget.state["_esm"],
        style=widget.state.get("_css", ""),
        state=state,
        texts=[*(([_SOURCES, name], text) for name, text in parts.items()), *scripts],
        buffers=buffers,
        size=sum(len(data) for _, data in buffers) + len(str(state)),
    )


def _without_scripts(state: Mapping[str, Any]) -> tuple[dict[str, Any], list[tuple[Path, str]]]:
    """A state without the scripts that come with its frames, and these with their paths."""
    found: list[tuple[Path, str]] = []

    def cleared(value: Any, path: Path) -> Any:
        if isinstance(value, list):
            return [cleared(each, (*path, i)) for i, each in enumerate(value)]
        if not isinstance(value, Mapping):
            return value
        kept = {str(name): each for name, each in value.items()}
        if isinstance(script := kept.get(_SCRIPT), str) and script:
            found.append(((*path, _SCRIPT), script))
            kept[_SCRIPT] = ""
        return {name: cleared(each, (*path, name)) for name, each in kept.items()}

    return cleared(state, ()), found


def _live() -> Mapping[str, Any]:
    ipywidgets: Any = sys.modules.get("ipywidgets")
    return {} if ipywidgets is None else ipywidgets.Widget.get_manager_state(drop_defaults=False)["state"]


def _saved(one: Mapping[str, Any]) -> Saved:
    state, buffers = one.get("state"), one.get("buffers")
    return Saved(
        kind=str(one.get("model_name", "")),
        module=str(one.get("model_module", "")),
        state=state if isinstance(state, Mapping) else {},
        buffers=buffers if isinstance(buffers, list) else (),
    )


def _is_intact(buffer: Any) -> bool:
    """Whether a buffer has a place and data, whoever wrote it."""
    if not isinstance(buffer, Mapping):
        return False
    path, data = buffer.get("path"), buffer.get("data")
    placed = isinstance(path, list) and bool(path) and all(isinstance(step, str | int) for step in path)
    kind = {"hex": _HEX, "base64": _BASE64}.get(str(buffer.get("encoding")))
    return placed and kind is not None and isinstance(data, str) and kind.fullmatch(data) is not None


def _points(value: Any) -> bool:
    return isinstance(value, str) and value.startswith(_POINTER)


def _base64(buffer: Mapping[str, Any]) -> str:
    data = str(buffer["data"])
    return b64encode(bytes.fromhex(data)).decode("ascii") if buffer["encoding"] == "hex" else data

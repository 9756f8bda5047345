"""The page: one HTML file that fetches nothing and runs one script of its own and the panels of this installation."""

import base64
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from functools import cache
from html import escape
from importlib.resources import files
from typing import Any

from workbench.notebooks._pieces import LeftOut, Piece
from workbench.notebooks._widgets import Drawing

Part = str | Piece
"""what stands on the page in any case, or what may be shown in a poorer version"""


def page(title: str, parts: Sequence[Part], drawings: Mapping[str, Drawing], left_out: Sequence[LeftOut]) -> str:
    """The whole file.

    Args:
        title: Of the window.
        parts: Clean HTML and pieces, in order.
        drawings: Panels by id; those that no piece shows are not carried.
        left_out: The list at the end.
    """
    body = "\n".join(part if isinstance(part, str) else part.shown.html for part in parts)
    wanted = frozenset[str]().union(*(part.shown.panels for part in parts if isinstance(part, Piece)))
    carried = {name: one for name, one in drawings.items() if name in wanted}
    script = _own("page.js") if carried else ""
    head = [
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_policy(script)}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="referrer" content="no-referrer">',
        f"<title>{escape(title)}</title>",
        f"<style>{_own('page.css')}</style>",
    ]
    if carried:
        head.append(f'<script type="application/json">{_data(carried)}</script>')
        head.append(f'<script type="module">{script}</script>')
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n'
        + "\n".join(head)
        + f"\n</head>\n<body>\n<main>\n{body}\n{_missing(left_out)}</main>\n</body>\n</html>\n"
    )


def _policy(script: str) -> str:
    """Content Security Policy: one inline script by its hash, blobs (made by that script only), nothing from elsewhere.

    Blobs are how a panel's script becomes a module; the page's script makes no other text into one.
    """
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
    scripts = f"'sha256-{digest}' blob:" if script else "'none'"
    return (
        f"default-src 'none'; script-src {scripts}; style-src 'unsafe-inline'; img-src data: blob:; "
        "form-action 'none'; base-uri 'none'"
    )


def _data(drawings: Mapping[str, Drawing]) -> str:
    """Everything that panels start from, as JSON in which no tag can end; each text stands in it once."""
    texts: dict[str, int] = {}

    def number(text: str) -> int:
        return texts.setdefault(text, len(texts))

    panels = {
        name: {
            "script": number(one.script),
            "style": number(one.style) if one.style else None,
            "state": _finite(one.state),
            "texts": [[path, number(text)] for path, text in one.texts],
            "buffers": one.buffers,
        }
        for name, one in drawings.items()
    }
    data = {"texts": list(texts), "panels": panels}
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


def _finite(value: Any) -> Any:
    """Values as JSON has them: a figure that is not finite is null."""
    if isinstance(value, Mapping):
        return {str(key): _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _missing(left_out: Sequence[LeftOut]) -> str:
    if not left_out:
        return ""
    rows = "".join(f'<li><a href="#cell-{n.cell}">Cell {n.cell}</a>: {escape(n.sentence)}</li>' for n in left_out)
    return f"<footer><h2>Left out of this page</h2><ul>{rows}</ul></footer>\n"


@cache
def _own(name: str) -> str:
    return (files("workbench.notebooks") / name).read_text("utf-8")

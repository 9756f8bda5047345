"""Scripts for the page out of files beside the Python: one place, so that who writes them and who checks them agree."""

import json
from collections.abc import Collection, Sequence
from pathlib import Path


def part(folder: Path, name: str) -> str:
    """The ESM text of a part of a page: ``<name>.js`` behind its pieces ``_<name>_*.js`` and its style ``<name>.css``.

    Args:
        folder: Where the files are.
        name: Of the part.
    """
    pieces = [path.read_text("utf-8") for path in (*sorted(folder.glob(f"_{name}_*.js")), folder / f"{name}.js")]
    style = folder / f"{name}.css"
    sheet = [f"const style = {json.dumps(style.read_text('utf-8'))};\n"] if style.exists() else []
    return _bare("".join(sheet + pieces))


def read(path: Path) -> str:
    """The text of one file as it travels.

    Args:
        path: Of a script, or of a style, which stays as it is.
    """
    text = path.read_text("utf-8")
    return _bare(text) if path.suffix == ".js" else text


def _bare(script: str) -> str:
    """A script without empty lines, those that are comments, and the space before the others.

    So no text in a script may go over several lines. Whoever takes more has to know the language: shorteners that work
    by patterns take spaces out of a text within a text.
    """
    lines = [line.lstrip() for line in script.split("\n")]
    return "\n".join(line for line in lines if line and not line.startswith("//"))


ROW = "const MEANS = [];"
"""the list to which each means of an input row adds itself"""


def row(means: Sequence[str], own: str) -> str:
    """The ESM text of an input row.

    Args:
        means: The parts for what a person may do, such as uploading a picture.
        own: The part of the row itself.
    """
    return "\n".join([ROW, *means, own])


def is_made_of(text: str, parts: Collection[str]) -> bool:
    """Whether a text is some of these parts, a line break between them, and nothing else.

    Args:
        text: Whatever somebody wrote.
        parts: None of them empty.
    """
    ordered, whole, at = sorted(parts, key=len, reverse=True), f"{text}\n", 0
    while at < len(whole):
        first = next((part for part in ordered if whole.startswith(f"{part}\n", at)), None)
        if first is None:
            return False
        at += len(first) + 1
    return True

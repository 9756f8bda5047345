"""Scripts for the page out of files beside the Python: one place, so that who writes them and who checks them agree."""

import json
from pathlib import Path


def part(folder: Path, name: str) -> str:
    """The ESM text of a part of a page: ``<name>.js`` behind its pieces ``_<name>_*.js`` and its style ``<name>.css``.

    Lines travel without the space before them, and without those that are comments.

    Args:
        folder: Where the files are.
        name: Of the part.
    """
    pieces = [path.read_text("utf-8") for path in (*sorted(folder.glob(f"_{name}_*.js")), folder / f"{name}.js")]
    style = folder / f"{name}.css"
    sheet = [f"const style = {json.dumps(style.read_text('utf-8'))};\n"] if style.exists() else []
    lines = [line.lstrip() for line in "".join(sheet + pieces).split("\n")]
    return "\n".join(line for line in lines if line and not line.startswith("//"))

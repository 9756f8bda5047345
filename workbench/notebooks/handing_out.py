"""What a student receives: a notebook without solutions, hidden tests and outputs, in nbgrader's conventions.

The markers, stubs and cell metadata are those of nbgrader (schema version 3), so that its tools and this one make the
same notebook; nbgrader itself is not needed.
"""

import copy
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.core.errors import DataError
from workbench.core.optional import need
from workbench.notebooks._reading import read
from workbench.notebooks._writing import write_whole

SCHEMA = 3
_STUBS = {"code": "# YOUR CODE HERE\nraise NotImplementedError()", "markdown": "YOUR ANSWER HERE"}
_SOLUTION = ("### BEGIN SOLUTION", "### END SOLUTION")
_HIDDEN = ("### BEGIN HIDDEN TESTS", "### END HIDDEN TESTS")


def student_version(notebook: str | Path | Mapping[str, Any]) -> dict[str, Any]:
    """A copy of a teacher's notebook that can be handed out.

    Solution regions become nbgrader's stub, a solution cell without regions becomes the stub whole, hidden tests go,
    as do outputs, counts and saved widgets. Cells that nbgrader knows cannot be deleted, locked ones not edited either.

    Args:
        notebook: A file, or a notebook in the format of nbformat 4; it is not changed.

    Returns:
        The student's notebook; ``nbformat.write`` saves it.

    Raises:
        DataError: The file is no notebook, or a region is begun and not ended.
    """
    book = copy.deepcopy(read(notebook))
    for number, cell in enumerate(book["cells"], 1):
        _strip(number, cell)
    book["metadata"].pop("widgets", None)
    return book  # pyright: ignore[reportReturnType] - nbformat's own mapping


def hand_out(notebook: str | Path, to: str | Path, *, replace: bool = False) -> Path:
    """Write the student's version of a teacher's notebook.

    Args:
        notebook: The teacher's file; it is not changed.
        to: The file to write, in a folder that exists.
        replace: Whether a file that is there already may be replaced: it may hold somebody's answers.

    Returns:
        The file that was written.

    Raises:
        DataError: As ``student_version`` does; or the file is the teacher's own, exists, or cannot be written.
    """
    target = Path(to)
    if target.resolve() == Path(notebook).resolve():
        raise DataError(f"{target} is the teacher's notebook itself, whose solutions would be lost: give another file.")
    if target.exists() and not replace:
        raise DataError(f"{target} exists and may hold somebody's answers: give another file, or say to replace it.")
    book = student_version(notebook)
    nbformat: Any = need("nbformat", extra="lab", purpose="to write notebooks")
    write_whole(target, f"{nbformat.writes(book)}\n".encode())
    return target


def grading(grade_id: str, *, points: int | None = None, solution: bool = False) -> dict[str, Any]:
    """nbgrader's metadata of one cell, to be put into ``cell.metadata``.

    Args:
        grade_id: Unique in the notebook: letters, digits, dashes and underscores.
        points: What a check is worth; None where nothing is graded.
        solution: Whether a student writes into this cell.

    Returns:
        ``{"nbgrader": {...}}``; with ``points`` and ``solution`` both, a cell that a person grades.

    Raises:
        DataError: The id has other characters in it.
    """
    if not re.fullmatch(r"[A-Za-z0-9_-]+", grade_id):
        raise DataError(f"{grade_id!r} is no grade_id: use letters, digits, dashes and underscores.")
    graded = points is not None
    found: dict[str, Any] = {
        "grade": graded,
        "grade_id": grade_id,
        "locked": not solution,
        "schema_version": SCHEMA,
        "solution": solution,
        "task": False,
    }
    return {"nbgrader": found | ({"points": points} if graded else {})}


def _strip(number: int, cell: dict[str, Any]) -> None:
    marks = cell.get("metadata", {}).get("nbgrader", {})
    stub = _STUBS.get(cell["cell_type"], "")
    source = "".join(cell["source"])
    whole = marks.get("solution") and _SOLUTION[0] not in source
    without = stub if whole else _without(number, source, _SOLUTION, stub)
    cell["source"] = _without(number, without, _HIDDEN, "")
    if cell["cell_type"] == "code":
        cell["outputs"], cell["execution_count"] = [], None
    if marks.get("locked") or marks.get("grade") or marks.get("solution"):
        cell["metadata"]["deletable"] = False
    if marks.get("locked"):
        cell["metadata"]["editable"] = False


def _without(number: int, source: str, region: tuple[str, str], stub: str) -> str:
    """Source with every region replaced by the stub, indented as its first marker."""
    begin, end = region
    if begin not in source and end not in source:
        return source
    kept: list[str] = []
    inside = False
    for line in source.split("\n"):
        if begin in line:
            if inside:
                raise DataError(f"Cell {number} begins a region twice: {begin!r} without {end!r} before it.")
            inside = True
            indent = line[: len(line) - len(line.lstrip())]
            kept += [indent + text for text in stub.split("\n") if text]
        elif end in line:
            if not inside:
                raise DataError(f"Cell {number} has {end!r} without {begin!r} before it.")
            inside = False
        elif not inside:
            kept.append(line)
    if inside:
        raise DataError(f"Cell {number} has {begin!r} and no {end!r} after it.")
    return "\n".join(kept).strip("\n")

"""Whether names that a person gave belong to the classes or to the positions of the input."""

from collections.abc import Sequence
from dataclasses import dataclass

from workbench.core.calling import scores
from workbench.core.errors import DataError
from workbench.interpret import Session
from workbench.panels.means.base import main_input
from workbench.panels.means.nodes import is_graph


@dataclass(frozen=True, kw_only=True)
class Naming:
    """Names where they belong."""

    classes: Sequence[str] | None
    positions: Sequence[str]
    """columns, steps or variables of the input, or nodes of a graph"""
    said: str = ""
    """a sentence where it could have been meant otherwise"""


def named(session: Session, names: Sequence[str] | None, columns: Sequence[str] | None) -> Naming:
    """Names go to the classes if there are as many, else to the positions of the input if there are as many.

    Args:
        session: The model and input; its forward says how many classes there are.
        names: Names of the classes or of the positions.
        columns: Names of the positions.

    Raises:
        DataError: ``columns`` fits no axis of the input.
    """
    if names is None and columns is None:
        return Naming(classes=session.names, positions=())
    sizes = _positions(session)
    if columns is not None:
        if len(columns) not in sizes:
            had = " or ".join(f"{size:,}" for size in sorted(sizes)) or "no"
            raise DataError(f"columns= has {len(columns):,} names; the input has {had} positions to name.")
        return Naming(classes=names, positions=columns)
    assert names is not None  # noqa: S101 - one of both was given
    count, classes = len(names), _classes(session)
    if count != classes and count in sizes:
        return Naming(classes=None, positions=names)
    both = f"names= was read as the names of the {count:,} classes; columns= names the {count:,} positions of the input"
    return Naming(classes=names, positions=(), said=both if count == classes and count in sizes else "")


def _classes(session: Session) -> int:
    value = scores(session.output)
    return value.size(1) if value.dim() == 4 else value.size(-1) if value.dim() > 1 else 1  # noqa: PLR2004 - pictures


def _positions(session: Session) -> set[int]:
    """How many positions the input has on each axis that can be named; tokens have their own names."""
    found = main_input(session.batch)
    if is_graph(session):
        return {len(scores(session.output))}
    if found is None or session.tokens:
        return set()
    shape = found[1].shape
    return set(shape[1:]) if len(shape) in (2, 3) else set()  # (rows, columns), (rows, steps, variables)

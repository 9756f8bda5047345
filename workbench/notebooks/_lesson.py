"""What a lesson is made of. A file in ``lessons/`` defines ``OUTLINE = Outline(...)`` and is found by its name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from workbench.core.entry import Paper


@dataclass(frozen=True, slots=True)
class Mark:
    """What a check says about an answer."""

    right: bool
    says: str
    """why it is right and what follows from it, or what to look at again; never the answer"""


def right(says: str) -> Mark:
    """The answer is right.

    Args:
        says: What follows from it.
    """
    return Mark(True, says)  # noqa: FBT003 - the mark's one question


def wrong(says: str) -> Mark:
    """The answer is wrong.

    Args:
        says: What to look at again.
    """
    return Mark(False, says)  # noqa: FBT003 - the mark's one question


@dataclass(frozen=True, kw_only=True)
class Exercise:
    """One question."""

    prompt: str
    """the question in a sentence or two"""
    check: Callable[[Any], Mark]
    """answer -> mark; it measures the truth on the model instead of quoting it"""
    hints: tuple[str, ...] = ()
    """from gentle to nearly the answer"""
    points: int = 1


@dataclass(frozen=True, kw_only=True)
class Outline:
    """A lesson."""

    title: str
    minutes: int
    exercises: Mapping[str, Exercise]
    """by name, in the order in which they are asked"""
    papers: tuple[Paper, ...] = ()
    """where it is from"""
    given: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """what the notebook works with"""

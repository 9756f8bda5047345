"""``wb.lesson``: questions about a live model, with hints and checks; progress stands in the notebook's own outputs.

lesson = wb.lesson("attention")
lesson.hint("previous-token head")
lesson.check("previous-token head", (2, 5))
lesson.progress

The checks are in this package, so a student's notebook holds no answer. With ``WORKBENCH_STRICT=1`` (continuous
integration, autograders) a wrong answer raises.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from workbench.core.entry import Paper
from workbench.core.environment import strict
from workbench.core.errors import DataError, UnknownNameError, nearest
from workbench.core.markup import columns, table
from workbench.core.names import find, names
from workbench.notebooks import lessons
from workbench.notebooks._answers import MARK, Hint, Progress, Row, Verdict
from workbench.notebooks._lesson import Exercise, Mark, Outline, wrong
from workbench.notebooks._reading import read


class Lesson:
    """A lesson under way."""

    def __init__(self, name: str, outline: Outline) -> None:
        """Begin.

        Args:
            name: The lesson's name.
            outline: Its questions.
        """
        self.name, self.outline = name, outline
        self._attempts = dict.fromkeys(outline.exercises, 0)
        self._hints = dict.fromkeys(outline.exercises, 0)
        self._earned = dict.fromkeys(outline.exercises, 0)

    @property
    def given(self) -> Mapping[str, Any]:
        """What the lesson works with."""
        return self.outline.given

    @property
    def cited(self) -> tuple[Paper, ...]:
        """Where it is from, for ``wb.cite``."""
        return self.outline.papers

    def check(self, exercise: str, answer: Any) -> Verdict:
        """Whether an answer is right, why, and what comes next.

        Args:
            exercise: Its name.
            answer: What you found; ``None`` or ``...`` for nothing yet.

        Raises:
            UnknownNameError: The lesson has no such exercise.
            DataError: The answer is wrong and ``WORKBENCH_STRICT`` is set.
        """
        asked = self._exercise(exercise)
        mark = _marked(asked, answer)
        self._attempts[exercise] += 1
        if mark.right:
            self._earned[exercise] = asked.points
        if strict() and not mark.right:
            raise DataError(f"{self.name}, {exercise}: {mark.says}")
        return Verdict(
            lesson=self.name,
            exercise=exercise,
            right=mark.right,
            says=mark.says,
            points=asked.points if mark.right else 0,
            attempts=self._attempts[exercise],
            hints=self._hints[exercise],
            then=self._then(exercise) if mark.right else "",
        )

    def hint(self, exercise: str) -> Hint:
        """The next hint; the last one again when there are no more.

        Args:
            exercise: Its name.

        Raises:
            UnknownNameError: The lesson has no such exercise, or it has no hints.
        """
        hints = self._exercise(exercise).hints
        if not hints:
            raise UnknownNameError(f"{exercise!r} has no hints: its question says all there is.")
        number = self._hints[exercise] = min(self._hints[exercise] + 1, len(hints))
        return Hint(hints[number - 1], number, len(hints))

    @property
    def progress(self) -> Progress:
        """Points, attempts and hints so far, in this kernel."""
        return _progress(self.outline, self._earned, self._attempts, self._hints)

    def __str__(self) -> str:
        rows = [(name, each.points, each.prompt) for name, each in self.outline.exercises.items()]
        return columns(("exercise", "points", "question"), rows, self._note)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = [(name, each.points, each.prompt) for name, each in self.outline.exercises.items()]
        return table(("exercise", "points", "question"), rows, self._note)

    @property
    def _note(self) -> str:
        return f"{self.outline.title}, about {self.outline.minutes} minutes"

    def _exercise(self, name: str) -> Exercise:
        if name not in self.outline.exercises:
            raise UnknownNameError(f"{self.name} has no exercise {name!r}.{nearest(name, self.outline.exercises)}")
        return self.outline.exercises[name]

    def _then(self, exercise: str) -> str:
        order = list(self.outline.exercises)
        following = [name for name in order[order.index(exercise) + 1 :] if not self._earned[name]]
        return f"{following[0]}. {self.outline.exercises[following[0]].prompt}" if following else ""


def lesson(name: str) -> Lesson:
    """Begin a lesson.

    Args:
        name: ``"attention"``; the file's name in ``lessons``.

    Raises:
        UnknownNameError: There is no such lesson.
    """
    return Lesson(name, find(lessons.__name__, lessons.__path__, name, "OUTLINE"))


def lesson_names() -> Sequence[str]:
    """Lessons that there are."""
    return names(lessons.__path__)


def progress_of(notebook: str | Path | Mapping[str, Any]) -> Mapping[str, Progress]:
    """What was answered in a saved notebook, by lesson, as its outputs say.

    For looking over a class; a student can write anything into a notebook, so a mark that counts comes from running
    it again with ``WORKBENCH_STRICT=1``.

    Args:
        notebook: A file, or a notebook in the format of nbformat 4.

    Raises:
        DataError: The file is no notebook.
    """
    found: dict[str, dict[str, Mapping[str, Any]]] = {}
    for cell in read(notebook)["cells"]:
        for output in cell.get("outputs", ()):
            mark = output.get("data", {}).get(MARK)
            if isinstance(mark, Mapping) and mark.get("lesson") in lesson_names():
                found.setdefault(str(mark["lesson"]), {})[str(mark.get("exercise"))] = mark
    return {name: _kept(lesson(name).outline, marks) for name, marks in found.items()}


def _kept(outline: Outline, marks: Mapping[str, Mapping[str, Any]]) -> Progress:
    def figures(key: str) -> dict[str, int]:
        return {name: int(mark.get(key, 0)) for name, mark in marks.items()}

    earned = {name: each.points for name, each in outline.exercises.items() if marks.get(name, {}).get("right") is True}
    return _progress(outline, earned, figures("attempts"), figures("hints"))


def _progress(
    outline: Outline, earned: Mapping[str, int], attempts: Mapping[str, int], hints: Mapping[str, int]
) -> Progress:
    rows = [
        Row(name, earned.get(name, 0), each.points, attempts.get(name, 0), hints.get(name, 0))
        for name, each in outline.exercises.items()
    ]
    return Progress(outline.title, tuple(rows))


def _marked(exercise: Exercise, answer: Any) -> Mark:
    if answer is None or answer is ...:
        return wrong(f"There is no answer yet. {exercise.prompt}")
    try:
        return exercise.check(answer)
    except (TypeError, ValueError, RuntimeError, ArithmeticError):  # what a person handed over fits no comparison
        return wrong(f"{type(answer).__name__} was given, which cannot be compared. {exercise.prompt}")

"""How much of the catalogue is delivered: rows whose evidence exists and passed, and nothing else.

``docs/catalogue.json`` has the rows; ``docs/coverage.json`` maps a row to its evidence, each one of

- ``zoo:<entry>``: its claim held when last measured, and neither entry nor libraries have changed since;
- ``test:<file>::<function>``: it passes when it is run now;
- ``notebook:<file>``: all its cells run now.
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from workbench import zoo
from workbench.core.errors import DataError
from workbench.core.markup import columns

PROJECT = Path(__file__).resolve().parents[2]
"""the checkout: tests, notebooks and the catalogue are not in the wheel"""

_SECONDS = 1200
"""how long all tests and notebooks together may take"""


@dataclass(frozen=True)
class Coverage:
    """Which rows of the catalogue are delivered."""

    total: int
    """rows of the catalogue"""
    covered: tuple[str, ...]
    """ids of the rows of which all evidence passed"""
    problems: tuple[str, ...]
    """evidence that does not exist or did not pass, a sentence each"""
    families: Mapping[str, tuple[int, int]]
    """delivered and all rows by family"""

    @property
    def ok(self) -> bool:
        """Whether everything that is given as evidence passed."""
        return not self.problems

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON."""
        return asdict(self) | {"ok": self.ok}

    def __str__(self) -> str:
        rows = [(family, f"{done}/{total}") for family, (done, total) in self.families.items() if done]
        lines = [columns(("family", "rows"), rows), f"{len(self.covered)}/{self.total} rows: {', '.join(self.covered)}"]
        return "\n".join([*lines, *self.problems])

    __repr__ = __str__


def coverage(project: Path = PROJECT) -> Coverage:
    """Count the rows of the catalogue whose evidence passed.

    Args:
        project: The checkout with ``docs``, ``tests`` and ``notebooks``.

    Returns:
        Counts, and what is wrong with the evidence that does not count.

    Raises:
        DataError: There is no catalogue, as in an installed wheel.
    """
    catalogue, evidence = _read(project, "catalogue.json"), _read(project, "coverage.json")
    systems = {row["id"]: row for row in catalogue["rows"]}
    passed = {one: _passes(one, project) for one in sorted({one for all_ in evidence.values() for one in all_})}
    problems = [f"{row} is no row of the catalogue." for row in evidence if row not in systems]
    problems += [f"{row}: no evidence is given." for row, given in evidence.items() if not given]
    problems += [f"{row}: {passed[one]}" for row, given in evidence.items() for one in given if passed[one]]
    problems += _disagreements(evidence)
    wrong = {problem.partition(":")[0].partition(" ")[0] for problem in problems}
    covered = tuple(row for row in systems if evidence.get(row) and row not in wrong)
    families = {
        family: (sum(row.startswith(family) for row in covered), sum(row.startswith(family) for row in systems))
        for family in catalogue["families"]
    }
    return Coverage(len(systems), covered, tuple(problems), families)


def _read(project: Path, name: str) -> Any:
    path = project / "docs" / name
    if not path.is_file():
        raise DataError(f"There is no {name} in {path.parent}: coverage is counted in a checkout of the project.")
    return json.loads(path.read_text(encoding="utf-8"))


def _passes(evidence: str, project: Path) -> str:
    """What is wrong with a piece of evidence; empty when it passed."""
    kind, _, what = evidence.partition(":")
    if kind == "zoo":
        return _claim(what)
    if kind == "test":
        file, _, function = what.partition("::")
        if not function or not (project / file).is_file():
            return f"there is no test {what!r}."
        return _run(["-q", what], evidence, project)
    if kind == "notebook":
        if not (project / what).is_file():
            return f"there is no notebook {what!r}."
        return _run(["-q", "--nbmake", what], evidence, project)
    return f"{evidence!r} is no evidence: use zoo:, test: or notebook:."


def _claim(name: str) -> str:
    """What is wrong with a claim of the zoo."""
    if name not in zoo.names():
        return f"there is no {name!r} in the zoo."
    status = zoo.card(name).badge.status
    return "" if status == "holds" else f"the claim of {name} is {status}: run workbench verify {name}."


def _run(arguments: Sequence[str], evidence: str, project: Path) -> str:
    """Run one test or notebook; a test that is skipped or deselected has not passed."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    try:
        done = subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=_SECONDS, check=False)  # noqa: S603 - our own tests
    except subprocess.TimeoutExpired:
        return f"{evidence} took longer than {_SECONDS} seconds."
    last = done.stdout.strip().rpartition("\n")[2]
    if done.returncode or " passed" not in last or "skipped" in last:
        return f"{evidence} did not pass: {last or done.stderr.strip()[-200:]}."
    return ""


def _disagreements(evidence: Mapping[str, Sequence[str]]) -> list[str]:
    """Entries and coverage.json must name the same rows."""
    said = {(row, name) for name, facts in zoo.facts().items() for row in facts["rows"]}
    listed = {(row, one.removeprefix("zoo:")) for row, given in evidence.items() for one in given if one[:4] == "zoo:"}
    missing = [f"{row}: {name} is evidence for it, and coverage.json does not say so." for row, name in said - listed]
    return sorted(missing + [f"{row}: {name} does not name it among its rows." for row, name in listed - said])

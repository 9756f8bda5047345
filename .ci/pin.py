"""Writes ``constraints.txt`` and ``environment.yml`` from the installed environment and ``pyproject.toml``.

    .venv/bin/python .ci/pin.py            write both
    .venv/bin/python .ci/pin.py --check    exit 1 where environment.yml does not follow from the other two

Only what the project asks for is pinned, with everything that follows from it; what somebody tried out in the
same environment is left alone.
"""

import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
CONSTRAINTS = ROOT / "constraints.txt"
CONDA = ROOT / "environment.yml"
HEADER = "# Exact versions of our own environment. Written by .ci/pin.py; the ranges are in pyproject.toml.\n"
FIRST = ("torch", "pip")
OLDEST_PYTHON = "3.11.2"
"""The oldest Python that every pin must admit: Debian 12's. Where one does not, pip would try every other version."""


def project() -> dict[str, Any]:
    """The ``pyproject.toml`` of this project."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def direct(table: dict[str, Any], *, groups: bool) -> list[Requirement]:
    """What the project names itself: core, every extra, and with ``groups`` the dependency groups."""
    lists = [table["project"]["dependencies"], *table["project"]["optional-dependencies"].values()]
    if groups:
        lists += table["dependency-groups"].values()
    found = [Requirement(text) for names in lists for text in names]
    return [r for r in found if r.name != table["project"]["name"]]


def closure(requirements: list[Requirement]) -> dict[str, str]:
    """Names and public versions of what is installed because of these requirements."""
    pinned: dict[str, str] = {}
    seen: set[tuple[str, str]] = set()
    waiting = [(r, "") for r in requirements]
    while waiting:
        requirement, extra = waiting.pop()
        if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
            continue
        name = canonicalize_name(requirement.name)
        for wanted in ("", *requirement.extras):
            if (name, wanted) in seen:
                continue
            seen.add((name, wanted))
            try:
                found = distribution(name)
            except PackageNotFoundError:
                sys.exit(f"{name} is asked for and not installed: make test, or pip install it, then pin again.")
            pinned[name] = Version(found.version).public
            if not SpecifierSet(found.metadata.get("Requires-Python", "")).contains(OLDEST_PYTHON):
                sys.exit(
                    f"{name} {found.version} does not admit Python {OLDEST_PYTHON}: install an older one, then pin."
                )
            waiting += [(Requirement(text), wanted) for text in found.requires or []]
    return pinned


def constraints() -> str:
    """The text of ``constraints.txt``."""
    pinned = closure([*direct(project(), groups=True), *map(Requirement, FIRST)])
    order = [*FIRST, *sorted(set(pinned) - set(FIRST))]
    return HEADER + "".join(f"{name}=={pinned[name]}\n" for name in order)


def pins() -> dict[str, str]:
    """Versions by name, as ``constraints.txt`` gives them."""
    lines = [line for line in CONSTRAINTS.read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split("==") for line in lines)


def conda_lines() -> Iterator[str]:
    """The lines of ``environment.yml``: the direct requirements at their pins, then the project itself."""
    table, versions = project(), pins()
    names = sorted({canonicalize_name(r.name) for r in direct(table, groups=False)})
    yield "# Written by .ci/pin.py from pyproject.toml and constraints.txt."
    yield "# conda env create --file environment.yml"
    yield f"name: {table['project']['name']}"
    yield "channels:"
    yield "  - conda-forge"
    yield "dependencies:"
    yield f"  - python{table['project']['requires-python']}"
    yield f"  - pip=={versions['pip']}"
    yield "  - pip:"
    yield "      - --constraint constraints.txt"
    for name in names:
        yield f"      - {name}=={versions[name]}"
    yield "      - --editable ."


def conda() -> str:
    """The text of ``environment.yml``."""
    return "\n".join(conda_lines()) + "\n"


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        sys.exit(0 if CONDA.read_text() == conda() else "environment.yml is not what .ci/pin.py writes; run it.")
    CONSTRAINTS.write_text(constraints())
    CONDA.write_text(conda())

"""Runs the tiers of checks and closes with a table: seconds, passed, failed and skipped of each.

    .venv/bin/python .ci/tiers.py                  all tiers but those that are only run when they are named
    .venv/bin/python .ci/tiers.py lint types       only these

A tier that runs no check has failed. The exit status is 1 where anything failed.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
CODE = ("workbench", "tests", ".ci", "benchmarks")
WORKERS = min(4, os.cpu_count() or 1)


@dataclass(frozen=True)
class Tier:
    """Commands of one kind, run one after the other.

    A command that is given ``{report}`` writes its counts there as JUnit XML; any other counts as one check.
    """

    name: str
    commands: Sequence[Sequence[str]]
    limit: int = 900
    """Seconds after which a command is ended and counts as failed."""
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    asked: bool = False
    """Whether it runs only when it is named."""


@dataclass
class Count:
    """What came of a tier."""

    seconds: float = 0.0
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __iadd__(self, other: Self) -> Self:
        self.seconds += other.seconds
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        return self


def pytest(*arguments: str) -> list[str]:
    """A pytest command that reports its counts."""
    return ["pytest", "--quiet", "--durations=10", "--junitxml={report}", *arguments]


ONE_THREAD = {"OMP_NUM_THREADS": "1"}
"""Workers side by side, each with its own share of the cores."""

BESIDE = ("-n", str(WORKERS), "--dist", "worksteal")
CODE_FOLDERS = tuple(name for name in CODE if (ROOT / name).is_dir())

TIERS = (
    Tier(
        "lint",
        (
            ["ruff", "check", *CODE_FOLDERS],
            ["ruff", "format", "--check", *CODE_FOLDERS],
            ["lint-imports", "--no-cache"],
            ["python", ".ci/extension.py", "check"],
        ),
    ),
    Tier("types", (["pyright"],)),
    Tier(
        "unit",
        (pytest("tests/unit", *BESIDE), ["python", ".ci/extension.py", "test"]),
        limit=1200,
        environment=ONE_THREAD,
    ),
    Tier("conformance", (pytest("tests/conformance", *BESIDE),), environment=ONE_THREAD),
    Tier(
        "notebooks",
        (pytest("--nbmake", "--nbmake-timeout=60", "notebooks"),),
        environment={"WORKBENCH_BUDGET": "ci", "WORKBENCH_STRICT": "1"},
    ),
    Tier("claims", (pytest("tests/claims", *BESIDE),), limit=1200, environment=ONE_THREAD),
    Tier(
        "browser",
        (pytest("tests/browser", "-m", "not thorough", "-n", "2", "--dist", "worksteal"),),
        limit=1500,
        environment=ONE_THREAD,
    ),
    Tier("thorough", (pytest("tests", "-m", "thorough"),), limit=3000, environment=ONE_THREAD, asked=True),
)


def run(tier: Tier) -> Count:
    """Run a tier's commands and add up what came of them."""
    total = Count()
    for command in tier.commands:
        with tempfile.TemporaryDirectory() as folder:
            report = Path(folder) / "report.xml"
            words = [word.format(report=report) for word in command]
            print(f"\n[{tier.name}] {' '.join(command)}", flush=True)
            began = time.monotonic()
            code = call(words, tier)
            counted = read(report) if report.exists() else Count(passed=int(code == 0))
            counted.seconds = time.monotonic() - began
        if code and not counted.failed:
            counted.failed = 1
        total += counted
    if not total.passed and not total.failed:
        total.failed = 1
    return total


def call(words: Sequence[str], tier: Tier) -> int:
    """Run one command, and end it with everything it started when its time is over."""
    environment = {**os.environ, **tier.environment, "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}"}
    child = subprocess.Popen([str(BIN / words[0]), *words[1:]], cwd=ROOT, env=environment, start_new_session=True)
    try:
        return child.wait(tier.limit)
    except subprocess.TimeoutExpired:
        print(f"[{tier.name}] ended after {tier.limit} s", flush=True)
        return 1
    finally:
        end(child)


def end(child: "subprocess.Popen[bytes]") -> None:
    """End a command's whole process group, where any of it still runs."""
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    child.wait()


def read(report: Path) -> Count:
    """Counts in a JUnit XML file."""
    suite = ET.parse(report).getroot().find("testsuite")
    if suite is None:
        return Count(failed=1)
    tests, skipped = int(suite.get("tests", 0)), int(suite.get("skipped", 0))
    failed = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
    return Count(passed=tests - failed - skipped, failed=failed, skipped=skipped)


def table(counts: Mapping[str, Count]) -> str:
    """The closing table, and the totals alone on its last line."""
    total = Count()
    rows = [f"{'tier':<12} {'seconds':>8} {'passed':>7} {'failed':>7} {'skipped':>8}"]
    for name, count in counts.items():
        total += count
        rows.append(row(name, count))
    rows += [row("total", total), ""]
    rows.append(f"{total.passed} passed, {total.failed} failed, {total.skipped} skipped")
    return "\n".join(rows)


def row(name: str, count: Count) -> str:
    """One line of the table."""
    return f"{name:<12} {count.seconds:>8.1f} {count.passed:>7} {count.failed:>7} {count.skipped:>8}"


def main(names: Sequence[str]) -> int:
    """Run the tiers of these names, or all that need not be named."""
    known = {tier.name: tier for tier in TIERS}
    if unknown := set(names) - set(known):
        sys.exit(f"There is no tier {', '.join(sorted(unknown))}. Choose from {', '.join(known)}.")
    counts = {tier.name: run(tier) for tier in TIERS if (tier.name in names if names else not tier.asked)}
    print(f"\n{table(counts)}", flush=True)
    return 1 if any(count.failed for count in counts.values()) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

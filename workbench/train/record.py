"""The table of runs: what lies in the folders below a root, in a SQLite index that can be rebuilt from them.

The folders are the truth. The index only saves reading long records again; it may be deleted at any time.
"""

import contextlib
import json
import sqlite3
from collections.abc import Generator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, overload

from workbench.core.errors import CheckpointError
from workbench.core.markup import columns, table
from workbench.train import folder, journal

INDEX = "index.sqlite"
_SCHEMA = "CREATE TABLE IF NOT EXISTS runs (path TEXT PRIMARY KEY, mark TEXT NOT NULL, row TEXT NOT NULL)"


@dataclass(frozen=True)
class RunRow:
    """One run."""

    name: str
    """its folder, below the root"""
    status: str
    """"running", "done", "stopped", "failed", or "interrupted" for one whose process died"""
    model: str
    """name in the zoo; empty for a module that was handed over"""
    data: str
    """name of the data; empty for data that was handed over"""
    plan: str
    """class of the objective or plan"""
    seed: int
    step: int
    """last step in the record"""
    started: float
    """seconds since 1970"""
    seconds: float
    """how long it ran"""
    figures: dict[str, float]
    """last figures of every phase, as "phase name" """
    settings: dict[str, Any]
    """by dotted names"""


class RunTable(Sequence[RunRow]):
    """Runs, newest first."""

    def __init__(self, rows: Sequence[RunRow]) -> None:
        """Show these.

        Args:
            rows: The runs.
        """
        self.rows = tuple(rows)

    @overload
    def __getitem__(self, i: int) -> RunRow: ...
    @overload
    def __getitem__(self, i: slice) -> "RunTable": ...
    def __getitem__(self, i: int | slice) -> "RunRow | RunTable":
        return RunTable(self.rows[i]) if isinstance(i, slice) else self.rows[i]

    def __len__(self) -> int:
        return len(self.rows)

    def compare(self) -> dict[str, dict[str, Any]]:
        """The settings in which the runs differ: name of the setting -> name of the run -> value."""
        names = dict.fromkeys(name for row in self.rows for name in row.settings)
        chosen = {name: {row.name: row.settings.get(name) for row in self.rows} for name in names}
        return {name: values for name, values in chosen.items() if len({json.dumps(v) for v in values.values()}) > 1}

    def _cells(self) -> tuple[list[str], list[list[str]]]:
        figures = list(dict.fromkeys(name for row in self.rows for name in row.figures))
        differing = self.compare()
        header = ["run", "status", "model", "data", "plan", "seed", "step", "seconds", *differing, *figures]
        rows = [
            [
                *(row.name, row.status, row.model or "-", row.data or "-", row.plan),
                *(str(row.seed), str(row.step), f"{row.seconds:.1f}"),
                *(str(differing[name][row.name]) for name in differing),
                *(f"{row.figures[name]:.4g}" if name in row.figures else "-" for name in figures),
            ]
            for row in self.rows
        ]
        return header, rows

    def __str__(self) -> str:
        return columns(*self._cells()) if self.rows else "No runs."

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return table(*self._cells()) if self.rows else "<p>No runs.</p>"


def runs(root: str | Path | None = None) -> RunTable:
    """The runs below a folder, newest first; the index is brought up to date on the way.

    Args:
        root: Where to look; ``runs`` below the current folder when not given.
    """
    place = Path(root) if root is not None else Path("runs")
    if not place.is_dir():
        return RunTable(())
    with _index(place) as index:
        known = {path: (mark, row) for path, mark, row in index.execute("SELECT path, mark, row FROM runs")}
        found: list[RunRow] = []
        for path in _folders(place):
            name, mark = str(path.relative_to(place)), _mark(path)
            if name in known and known[name][0] == mark:
                row = RunRow(**json.loads(known[name][1]))
            else:
                try:
                    row = _read(path, name)
                except CheckpointError:
                    continue
                index.execute("REPLACE INTO runs VALUES (?, ?, ?)", (name, mark, json.dumps(asdict(row))))
            found.append(row)
        gone = known.keys() - {row.name for row in found}
        index.executemany("DELETE FROM runs WHERE path = ?", [(name,) for name in gone])
    return RunTable(sorted((_alive(place, row) for row in found), key=lambda row: -row.started))


def rebuild_index(root: str | Path | None = None) -> RunTable:
    """Make the index anew from the folders, and return the runs."""
    place = Path(root) if root is not None else Path("runs")
    (place / INDEX).unlink(missing_ok=True)
    return runs(place)


@contextlib.contextmanager
def _index(root: Path) -> Generator[sqlite3.Connection]:
    """The index of a root; in memory where it cannot be written, and anew where it is broken."""
    try:
        index = sqlite3.connect(root / INDEX, timeout=10)
        index.execute(_SCHEMA)
        index.execute("SELECT path, mark, row FROM runs LIMIT 1")
    except sqlite3.DatabaseError as error:
        if "locked" not in str(error) and "unable" not in str(error) and "readonly" not in str(error):
            (root / INDEX).unlink(missing_ok=True)
        index = sqlite3.connect(":memory:")
        index.execute(_SCHEMA)
    try:
        with index:
            yield index
    finally:
        index.close()


def _folders(root: Path) -> list[Path]:
    return sorted(path.parent for path in root.rglob(folder.NAME))


def _mark(path: Path) -> str:
    """Changes whenever the run's files do."""
    marks = [(path / name).stat() for name in (folder.NAME, journal.NAME) if (path / name).exists()]
    return " ".join(f"{mark.st_mtime_ns}:{mark.st_size}" for mark in marks)


def _read(path: Path, name: str) -> RunRow:
    content = folder.read(path)
    spec: dict[str, Any] = content.get("spec") or {}
    step, figures = 0, dict[str, float]()
    for event in journal.events(path):
        step = max(step, event.step)
        where = f"{event.scope} {event.phase}" if event.scope else event.phase
        figures |= {f"{where} {figure}": value for figure, value in event.metrics.items()}
    plan = str(spec.get("plan", {}).get("is", "")).rpartition(":")[2]
    return RunRow(
        name=name,
        status=str(content["status"]),
        model=spec.get("model") or "",
        data=spec.get("data") or "",
        plan=plan,
        seed=int(spec.get("seed", 0)),
        step=step,
        started=float(content.get("started", 0.0)),
        seconds=float(content.get("seconds", 0.0)),
        figures=figures,
        settings=_flat(spec.get("settings", {})),
    )


def _alive(root: Path, row: RunRow) -> RunRow:
    if row.status != "running" or folder.busy(root / row.name):
        return row
    return replace(row, status="interrupted")


def _flat(values: dict[str, Any], path: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        flat |= _flat(value, f"{path}{name}.") if isinstance(value, dict) else {f"{path}{name}": value}
    return flat

"""What ``counterfactuals`` returns: rows that have what was wanted, and a table of what to change."""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from workbench.core.entry import Paper
from workbench.core.markup import columns, table

PAPERS = (
    Paper(
        title="Counterfactual Explanations Without Opening the Black Box: Automated Decisions and the GDPR",
        authors="Wachter, Sandra and Mittelstadt, Brent and Russell, Chris",
        year=2017,
        venue="Harvard Journal of Law and Technology",
        arxiv="1711.00399",
    ),
    Paper(
        title="Explaining Machine Learning Classifiers through Diverse Counterfactual Explanations",
        authors="Mothilal, Ramaravind K. and Sharma, Amit and Tan, Chenhao",
        year=2020,
        venue="FAT*",
        arxiv="1905.07697",
    ),
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Counterfactual:
    """One row that has what was wanted."""

    row: Tensor
    """(columns,)"""
    changes: Mapping[str, tuple[str, str]]
    """what each feature that differs was, and is"""
    distance: float
    """sum of the changes in median absolute deviations, 1 for another category"""
    unusual: bool
    """whether it is farther from every example than nearly all examples are from each other"""


@dataclass(frozen=True, kw_only=True, eq=False)
class Counterfactuals:
    """Rows near one row that have what was wanted, the nearest first."""

    found: tuple[Counterfactual, ...]
    before: str
    """what the row has, in words"""
    wanted: str
    """what was wanted, in words"""
    by: str
    """how it was searched"""
    warnings: tuple[str, ...] = ()

    @property
    def cited(self) -> tuple[Paper, ...]:
        """What to cite."""
        return PAPERS

    def __len__(self) -> int:
        """How many there are."""
        return len(self.found)

    def __getitem__(self, index: int) -> Counterfactual:
        """One of them, 0 for the nearest."""
        return self.found[index]

    @property
    def _header(self) -> tuple[str, ...]:
        many = len(self.found) > 1
        return ("feature", "now", *(f"change {i + 1} to" if many else "change to" for i in range(len(self.found))))

    def _rows(self) -> list[tuple[str, ...]]:
        names = dict.fromkeys(name for one in self.found for name in one.changes)
        now = {name: was for one in self.found for name, (was, _) in one.changes.items()}
        return [
            *((n, now[n], *(o.changes[n][1] if n in o.changes else "" for o in self.found)) for n in names),
            ("distance", "", *(f"{one.distance:.3g}" for one in self.found)),
        ]

    @property
    def _said(self) -> str:
        return " ".join((
            f"From {self.before} to {self.wanted}, by {self.by}. Distances are in median absolute deviations.",
            *self.warnings,
        ))  # fmt: skip

    def __str__(self) -> str:
        return columns(self._header, self._rows(), self._said)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return table(self._header, self._rows(), self._said)

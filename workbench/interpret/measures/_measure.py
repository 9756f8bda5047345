"""What a measure of faithfulness declares and gives."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import torch
from torch import Tensor

from workbench.core.config import Config
from workbench.core.entry import Paper
from workbench.core.markup import columns, table
from workbench.interpret.attributions._outcome import Explanation

Better = Literal["higher", "lower"]
HEADER = ("example", "value", "by chance")


@dataclass(frozen=True, kw_only=True, eq=False)
class Faithfulness:
    """One measure of one explanation."""

    measure: str
    """what was measured"""
    method: str
    """of which explanation"""
    better: Better
    """whether a higher or a lower value speaks for the explanation"""
    values: Tensor
    """(examples,)"""
    chance: Tensor = field(default_factory=lambda: torch.zeros(0))
    """(examples,) the mean for random orders of the features; empty where that means nothing"""
    interval: Tensor = field(default_factory=lambda: torch.zeros(0))
    """(examples,) half of the 95 % interval; empty where nothing was drawn at random"""
    places: Tensor = field(default_factory=lambda: torch.zeros(0))
    """(points,) shares of the features that were taken away or put back"""
    curve: Tensor = field(default_factory=lambda: torch.zeros(0))
    """(points, examples) scores there"""
    warnings: tuple[str, ...] = ()
    """what speaks against the explanation, a sentence each"""
    cited: tuple[Paper, ...] = ()
    """what to cite"""

    def _rows(self) -> list[tuple[object, ...]]:
        rows: list[tuple[object, ...]] = []
        for i, value in enumerate(self.values.tolist()):
            within = f" ± {float(self.interval[i]):.2g}" if self.interval.numel() else ""
            chance = f"{float(self.chance[i]):.4g}" if self.chance.numel() else ""
            rows.append((i, f"{value:.4g}{within}", chance))
        return rows

    def _said(self) -> str:
        return " ".join((f"{self.measure} of {self.method}; {self.better} is better.", *self.warnings))

    def __str__(self) -> str:
        return columns(HEADER, self._rows(), self._said())

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return table(HEADER, self._rows(), self._said())


class Measure(Config, ABC):
    """Base of every measure; a subclass is one file's ``MEASURE``."""

    title: ClassVar[str]
    """what it is called in a sentence"""
    better: ClassVar[Better]
    """whether a higher or a lower value speaks for the explanation"""
    papers: ClassVar[tuple[Paper, ...]] = ()
    """what to cite"""
    masked: ClassVar[bool] = False
    """whether it asks where the evidence is known to be"""

    @abstractmethod
    def of(self, found: Explanation, mask: Tensor | None) -> Faithfulness:
        """The measure of an explanation.

        Args:
            found: What ``explain`` returned.
            mask: Where the evidence is known to be, for measures that ask for it.

        Raises:
            DataError: It does not apply to this kind of explanation or input.
        """

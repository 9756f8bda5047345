"""Attribution: how much each part of an input added to a score, with the doubt that belongs to it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from workbench.core.entry import Paper
from workbench.core.markup import columns, table
from workbench.interpret._labels import tokens

INTEGRATED_GRADIENTS = Paper(
    title="Axiomatic Attribution for Deep Networks",
    authors="Sundararajan, Mukund and Taly, Ankur and Yan, Qiqi",
    year=2017,
    venue="ICML",
    arxiv="1703.01365",
)

HEADER = ("example", "target", "gap", "strongest")


@dataclass(frozen=True, kw_only=True, eq=False)
class Attribution:
    """Scores of the inputs that were explained."""

    parts: Mapping[str, Tensor]
    """scores by the input's name, of the input's shape; (batch, tokens) for token ids"""
    method: str
    """the method and its amount of work: "integrated gradients, 64 steps" """
    target: str
    """what was explained, in words"""
    targets: tuple[str, ...]
    """the explained score of each example, in words"""
    reference: str
    """what the input was compared with, in words"""
    relative_gap: Tensor
    """(examples,), |sum of scores - (score - score at the reference)| over |score - score at the reference|"""
    difference: Tensor
    """(examples,), score minus score at the reference"""
    bound: float
    """the gap above which a warning is given"""
    steps: int
    """gradients taken along the path"""
    converged: bool
    """whether every gap is below the bound"""
    warnings: tuple[str, ...] = ()
    """what makes these scores doubtful, a sentence each; empty when nothing does"""
    cited: tuple[Paper, ...] = ()
    """what to cite"""
    inputs: Any = None
    """the inputs that were explained"""

    @property
    def scores(self) -> Tensor:
        """The scores of the first input that was explained, which is the only one for most models."""
        return next(iter(self.parts.values()))

    def tokens(self, processor: Any) -> list[list[str]]:
        """The tokens of each example, written by the tokenizer in ``processor``."""
        return tokens(processor, self.inputs)

    @property
    def doubt(self) -> str:
        """The completeness gap in a sentence, and every warning."""
        worst = float(self.relative_gap.max()) if self.relative_gap.numel() else 0.0
        said = f"Completeness gap {worst:.1%} at worst after {self.steps} steps; reference: {self.reference}."
        return " ".join((said, *self.warnings))

    def _rows(self) -> list[tuple[object, ...]]:
        first = next(iter(self.parts.values()))
        flat = first.flatten(1) if first.dim() > 1 and len(first) == len(self.relative_gap) else None
        rows: list[tuple[object, ...]] = []
        for i, gap in enumerate(self.relative_gap.tolist()):
            strongest = "" if flat is None else str(int(flat[i].abs().argmax()))
            known = "none" if math.isnan(gap) else f"{gap:.1%}"  # slopes and evidence add up to nothing
            rows.append((i, self.targets[i] if i < len(self.targets) else self.target, known, strongest))
        return rows

    def __str__(self) -> str:
        return columns(HEADER, self._rows(), f"{self.method}: {self.target}. {self.doubt}")

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return table(HEADER, self._rows(), f"{self.method}: {self.target}. {self.doubt}")

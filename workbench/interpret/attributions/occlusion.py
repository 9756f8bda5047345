"""Occlusion: Zeiler and Fergus 2013, arXiv:1311.2901: a window slides over the input and hides what it covers.

Departures: the window shows the reference instead of grey, and its loss is shared equally by what it covers, so that
scores of overlapping windows are contributions; captum gives the sum instead of the share.
"""

from collections.abc import Iterator
from functools import lru_cache
from itertools import product
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from workbench.core.entry import Paper
from workbench.interpret.attributions._coalitional import Coalitional
from workbench.interpret.attributions._method import Axiom, Estimate
from workbench.interpret.attributions._problem import Problem
from workbench.interpret.attributions.feature_ablation import VISUALIZING


class Occlusion(Coalitional):
    """What a window hides, averaged over the windows that cover a feature."""

    title: ClassVar[str] = "occlusion"
    axioms: ClassVar[frozenset[Axiom]] = frozenset(Axiom) - {Axiom.COMPLETENESS, Axiom.CONSERVATION}
    papers: ClassVar[tuple[Paper, ...]] = (VISUALIZING,)

    window: int = Field(2, ge=1, le=64)
    """Neighbouring patches, tokens or segments hidden at once; columns of a table are always hidden alone."""

    def results(self, problem: Problem) -> Iterator[Estimate]:
        """One estimate."""
        features = problem.features(self.patches)
        sizes = tuple(int(group.max() - group.min()) + 1 for group in features.groups)
        hidden = _windows(features.lattices, sizes, self.window)
        lost = problem.score - problem.coalitions(~hidden, features)
        share = (hidden / hidden.sum(1, keepdim=True)).to(lost)
        scores = share.T @ lost / hidden.sum(0).to(lost)[:, None]
        yield self.estimate(problem, features, scores, len(hidden))


@lru_cache(maxsize=8)
def _windows(lattices: tuple[tuple[int, ...], ...], sizes: tuple[int, ...], window: int) -> Tensor:
    """(windows, features) what each window hides."""
    rows: list[Tensor] = []
    start = 0
    for lattice, count in zip(lattices, sizes, strict=True):
        grid = torch.arange(start, start + count).reshape(lattice or (count,))
        sides = [min(window if lattice else 1, side) for side in grid.shape]
        for corner in product(*(range(side - width + 1) for side, width in zip(grid.shape, sides, strict=True))):
            covered = grid[tuple(slice(c, c + width) for c, width in zip(corner, sides, strict=True))]
            row = torch.zeros(sum(sizes), dtype=torch.bool)
            row[covered.reshape(-1)] = True
            rows.append(row)
        start += count
    return torch.stack(rows)


METHOD = Occlusion

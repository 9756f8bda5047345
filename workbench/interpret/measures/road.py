"""ROAD, remove and debias: Rong et al. 2022, arXiv:2202.00449, section 4 (noisy linear imputation).

Pixels that are taken away are filled with the weighted mean of their eight neighbours, known or filled (direct ones
1/6, diagonal ones 1/12), which is a system of linear equations, and a little noise: the shape of the hole then tells
the model less than a constant would. Departure: the curve is that of the target's score; for the paper's accuracy
take a target that is 1 where the answer is right.
"""

from typing import Any, ClassVar

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from workbench.core.entry import Paper
from workbench.core.errors import DataError
from workbench.core.optional import need
from workbench.interpret.attributions._outcome import Explanation
from workbench.interpret.measures._measure import Better, Faithfulness, Measure

PICTURE = 4
"""axes of pictures: (examples, channels, height, width)"""
NEIGHBOURS = {
    (0, 1): 1 / 6, (0, -1): 1 / 6, (1, 0): 1 / 6, (-1, 0): 1 / 6,
    (1, 1): 1 / 12, (1, -1): 1 / 12, (-1, 1): 1 / 12, (-1, -1): 1 / 12,
}  # fmt: skip


class Road(Measure):
    """The mean score while ever more of the strongest pixels are imputed; it should fall at once."""

    title: ClassVar[str] = "ROAD"
    better: ClassVar[Better] = "lower"
    papers: ClassVar[tuple[Paper, ...]] = (
        Paper(
            title="A Consistent and Efficient Evaluation Strategy for Attribution Methods",
            authors="Rong, Yao and Leemann, Tobias and Borisov, Vadim and Kasneci, Gjergji and Kasneci, Enkelejda",
            year=2022,
            venue="ICML",
            arxiv="2202.00449",
        ),
    )

    percentages: tuple[float, ...] = (10.0, 20.0, 30.0, 40.0, 50.0, 70.0, 90.0)
    """Shares of the pixels that are imputed, in percent, each above 0 and below 100."""
    noise: float = Field(0.01, ge=0, le=10)
    """Standard deviation of what is added to imputed pixels."""
    orders: int = Field(2, ge=0, le=100)
    """Random orders to compare with; 0 for none."""

    def of(self, found: Explanation, mask: Tensor | None) -> Faithfulness:
        """The mean of the curve, and the same for random orders."""
        del mask
        problem = found.source()
        if problem.joint or len(problem.values) != 1 or problem.values[0].dim() != PICTURE:
            raise DataError("ROAD fills pixels from their neighbours: it measures pictures; elsewhere take deletion.")
        if not all(0 < p < 100 for p in self.percentages):  # noqa: PLR2004 - percent
            raise DataError(f"percentages={self.percentages} was given; each must be above 0 and below 100.")
        part = found.parts[problem.leaves[0].name].double()
        scores = (part if found.unit == "contribution" else part.abs()).sum(1).flatten(1)
        curve = self._curve(found, scores)
        random = problem.generator(23)
        chance = [self._curve(found, torch.rand(scores.shape, generator=random)).mean(0) for _ in range(self.orders)]
        return Faithfulness(
            measure=self.title,
            method=found.method.partition(",")[0],
            better=self.better,
            values=curve.mean(0),
            chance=torch.stack(chance).mean(0) if chance else torch.zeros(0),
            places=torch.tensor(self.percentages) / 100,
            curve=curve,
            cited=self.papers,
        )

    def _curve(self, found: Explanation, scores: Tensor) -> Tensor:
        """(points, rows) scores of the target with the highest pixels imputed."""
        problem = found.source()
        value, random = problem.values[0], problem.generator(29)
        points: list[Tensor] = []
        order = scores.argsort(dim=1, descending=True, stable=True)
        for percentage in self.percentages:
            count = int(scores.size(1) * percentage / 100)
            rows = [imputed(v, places[:count]) for v, places in zip(value.cpu(), order, strict=True)]
            noise = self.noise * torch.randn(value.shape, generator=random)
            gone = torch.zeros(scores.shape).scatter_(1, order[:, :count], 1.0).reshape(-1, 1, *value.shape[-2:])
            points.append((torch.stack(rows) + noise * gone).to(value))
        return problem.scores_at([torch.stack(points)]).cpu()


def imputed(picture: Tensor, places: Tensor) -> Tensor:
    """A picture, (channels, height, width), with some of its pixels filled from their neighbours.

    Args:
        picture: What is changed.
        places: (pixels,) which, counted along rows.
    """
    sparse: Any = need("scipy.sparse", extra="explain", purpose="for ROAD")
    linalg: Any = need("scipy.sparse.linalg", extra="explain", purpose="for ROAD")
    channels, height, width = picture.shape
    flat, gone = picture.double().reshape(channels, -1).numpy().copy(), places.numpy()
    if not len(gone):
        return picture
    number = np.full(height * width, -1)
    number[gone] = np.arange(len(gone))
    right, weight_sum = np.zeros((len(gone), channels)), np.zeros(len(gone))
    rows, columns, weights = list[Any](), list[Any](), list[Any]()
    for (down, across), weight in NEIGHBOURS.items():
        y, x = gone // width + down, gone % width + across
        there = (y >= 0) & (y < height) & (x >= 0) & (x < width)
        mine, theirs = np.flatnonzero(there), (y * width + x)[there]
        weight_sum[mine] += weight
        known = number[theirs] < 0
        right[mine[known]] += weight * flat[:, theirs[known]].T
        rows.append(mine[~known])
        columns.append(number[theirs[~known]])
        weights.append(np.full(int((~known).sum()), -weight))
    diagonal = np.arange(len(gone))
    entries = (
        np.concatenate([*weights, weight_sum]),
        (np.concatenate([*rows, diagonal]), np.concatenate([*columns, diagonal])),
    )
    flat[:, gone] = linalg.splu(sparse.csc_matrix(entries, shape=(len(gone), len(gone)))).solve(right).T
    return torch.from_numpy(flat).reshape(picture.shape).to(picture)


MEASURE = Road

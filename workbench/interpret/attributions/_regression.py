"""Least squares of scores on which features were kept, with the standard error of each coefficient.

What depends on the coalitions alone is worked out once; fitting the scores of another input or model is then a few
products. All is in double precision on the processor, and in blocks where there are many coalitions.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

BLOCK = 1 << 20
"""numbers of a design that are held at once"""


class _Design:
    """Weighted coalitions, less their mean where the fit has an intercept."""

    def __init__(self, kept: Tensor, weights: Tensor, *, intercept: bool) -> None:
        self._kept, self._weights = kept, weights.double() / weights.double().sum()
        self._rows = max(1, BLOCK // max(1, kept.size(1)))
        self._middle = torch.zeros(kept.size(1), dtype=torch.float64)
        self._only = self._squares = None
        if intercept:
            self._middle = _sum(w @ block for block, w, _ in self._blocks(self._weights))
        if len(kept) <= self._rows:
            self._only = next(self._blocks(self._weights))[0]
        self.gram = _sum(block.T @ (w[:, None] * block) for block, w, _ in self._blocks(self._weights))

    def mean(self, values: Tensor) -> Tensor:
        return self._weights @ values

    def moments(self, aim: Tensor) -> Tensor:
        """(features, rows) products with what is fitted."""
        return _sum(block.T @ (w[:, None] * a) for block, w, a in self._blocks(aim))

    def error(self, projection: Tensor, aim: Tensor, scores: Tensor) -> Tensor:
        """White's heteroscedasticity-consistent standard errors, with the usual correction for degrees of freedom."""
        total = scores.new_zeros(projection.size(1), scores.size(1))
        for block, w, a in self._blocks(aim):
            squares = self._squares
            if squares is None:
                squares = ((block @ projection) * w[:, None]).square()
                self._squares = squares if self._only is not None else None
            total += squares.T @ (a - block @ scores).square()
        k, m = self._kept.shape
        return (total * (k / max(1, k - m))).sqrt()

    def _blocks(self, aim: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        if self._only is not None:
            yield self._only, self._weights, aim
            return
        for start in range(0, len(self._kept), self._rows):
            rows = slice(start, start + self._rows)
            yield self._kept[rows].double() - self._middle, self._weights[rows], aim[rows]


class Fitted:
    """A weighted ridge regression with intercept."""

    def __init__(self, kept: Tensor, weights: Tensor, ridge: float) -> None:
        """A regression on coalitions.

        Args:
            kept: (k, features), whether a feature is kept.
            weights: (k,).
            ridge: Added to the diagonal, as a fraction of its mean.
        """
        self._design = _Design(kept, weights, intercept=True)
        matrix = self._design.gram
        slight = ridge * matrix.diagonal().mean() * torch.eye(len(matrix), dtype=torch.float64)
        self._inverse = torch.linalg.pinv(matrix + slight, hermitian=True)

    def fit(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """Coefficients (features, rows) and standard errors (features + 1, rows), the last one that of their sum.

        Args:
            values: (k, rows).
        """
        aim = values.cpu().double()
        aim = aim - self._design.mean(aim)
        scores = self._inverse @ self._design.moments(aim)
        projection = torch.cat([self._inverse, self._inverse.sum(1, keepdim=True)], 1)
        return scores.to(values), self._design.error(projection, aim, scores).to(values)


class Constrained:
    """The coefficients that fit best among those that add up to a given sum."""

    def __init__(self, kept: Tensor) -> None:
        """A fit to coalitions that were drawn with the weights of the fit.

        Args:
            kept: (k, features), whether a feature is kept.
        """
        self._design = _Design(kept, torch.ones(len(kept)), intercept=False)
        self._inverse = torch.linalg.pinv(self._design.gram, hermitian=True)
        ones = self._inverse.sum(1, keepdim=True)
        self._direction = ones / ones.sum()
        self._projected = self._inverse - self._direction @ ones.T

    def fit(self, values: Tensor, total: Tensor) -> tuple[Tensor, Tensor]:
        """Coefficients and their standard errors, (features, rows) each.

        Args:
            values: (k, rows), less the score of the empty coalition.
            total: (rows,) what the coefficients add up to.
        """
        aim = values.cpu().double()
        free = self._inverse @ self._design.moments(aim)
        scores = free + self._direction * (total.cpu().double() - free.sum(0))
        return scores.to(values), self._design.error(self._projected, aim, scores).to(values)


def _sum(parts: Iterator[Tensor]) -> Tensor:
    total = next(parts)
    for part in parts:
        total = total + part
    return total

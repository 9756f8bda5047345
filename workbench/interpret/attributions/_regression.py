"""Weighted least squares of scores on which features were kept, with the standard error of each coefficient."""

import torch
from torch import Tensor


def fitted(kept: Tensor, values: Tensor, weights: Tensor, ridge: float) -> tuple[Tensor, Tensor]:
    """Coefficients and their standard errors, (features, rows) each, of a weighted ridge regression with intercept.

    Args:
        kept: (k, features) zeros and ones.
        values: (k, rows).
        weights: (k,).
        ridge: Added to the diagonal, as a fraction of its mean.
    """
    kind = values.dtype
    kept, values, weights = kept.double(), values.double(), (weights / weights.sum()).double()
    middle, mean = weights @ kept, weights @ values
    design, aim = kept - middle, values - mean
    matrix = design.T @ (weights[:, None] * design)
    inverse = torch.linalg.pinv(
        matrix + ridge * matrix.diagonal().mean() * torch.eye(len(matrix)).to(matrix), hermitian=True
    )
    scores = inverse @ (design.T @ (weights[:, None] * aim))
    return scores.to(kind), _sandwich(inverse, design, aim - design @ scores, weights).to(kind)


def constrained(kept: Tensor, values: Tensor, total: Tensor) -> tuple[Tensor, Tensor]:
    """Coefficients that add up to ``total`` and fit best, and their standard errors, (features, rows) each.

    Args:
        kept: (k, features) zeros and ones, drawn with the weights of the fit.
        values: (k, rows), less the score of the empty coalition.
        total: (rows,).
    """
    kind = values.dtype
    kept, values, total = kept.double(), values.double(), total.double()
    weights = torch.full((len(kept),), 1 / len(kept)).to(values)
    matrix = kept.T @ (weights[:, None] * kept)
    inverse = torch.linalg.pinv(matrix, hermitian=True)
    ones = inverse.sum(1, keepdim=True)
    free = inverse @ (kept.T @ (weights[:, None] * values))
    scores = free + ones * ((total - free.sum(0)) / ones.sum())
    projected = inverse - ones @ ones.T / ones.sum()
    return scores.to(kind), _sandwich(projected, kept, values - kept @ scores, weights).to(kind)


def _sandwich(inverse: Tensor, design: Tensor, residual: Tensor, weights: Tensor) -> Tensor:
    """White's heteroscedasticity-consistent standard errors, with the usual correction for degrees of freedom."""
    leverage = design @ inverse  # (k, features); symmetric inverse
    spare = len(design) / max(1, len(design) - design.size(1))
    return ((leverage * weights[:, None]).square().T @ residual.square() * spare).sqrt()

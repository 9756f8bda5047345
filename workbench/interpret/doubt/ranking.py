"""Rank correlation of explanations, feature by feature."""

import torch
from torch import Tensor

from workbench.core.optional import need
from workbench.interpret.attributions._outcome import Explanation
from workbench.interpret.attributions._problem import Problem

LEAST = 3
"""features that can be ranked: two can only agree or disagree wholly"""


def by_feature(found: Explanation, problem: Problem) -> Tensor:
    """(examples, features) scores of tokens, columns, patches or nodes: contributions add up, other units by size."""
    features = problem.features()
    total = torch.zeros(problem.rows, features.count, dtype=torch.float64)
    for group, leaf in zip(features.groups, problem.leaves, strict=True):
        part = found.parts[leaf.name]
        cells = (part[None] if problem.joint else part).double()
        cells = cells if found.unit == "contribution" else cells.abs()
        cells = cells.reshape(problem.rows, group.numel(), -1).sum(-1)
        total.index_add_(1, group.reshape(-1).cpu(), cells)
    return total


def correlated(one: Tensor, other: Tensor, *, signed: bool) -> Tensor:
    """(examples,) Spearman's rank correlation of two (examples, features); NaN where one of them has no ranks.

    Args:
        one: Scores of features.
        other: Scores of the same features.
        signed: Whether signs mean the same in both; otherwise sizes are compared.
    """
    stats = need("scipy.stats", extra="explain", purpose="for rank correlations")
    found: list[float] = []
    for a, b in zip(*((v if signed else v.abs()) for v in (one, other)), strict=True):
        ranked = len(a) >= LEAST and bool((a != a[0]).any()) and bool((b != b[0]).any())
        finite = bool(a.isfinite().all()) and bool(b.isfinite().all())
        found.append(float(stats.spearmanr(a.numpy(), b.numpy()).statistic) if ranked and finite else float("nan"))
    return torch.tensor(found, dtype=torch.float64)

"""Rank correlation of explanations, feature by feature."""

from collections.abc import Mapping

import torch
from torch import Tensor

from workbench.core.optional import need
from workbench.interpret.attributions._features import Features
from workbench.interpret.attributions._outcome import Explanation
from workbench.interpret.attributions._problem import Problem

LEAST = 3
"""features that can be ranked: two can only agree or disagree wholly"""


def by_feature(found: Explanation, problem: Problem, features: Features | None = None) -> Tensor:
    """(examples, features) scores of tokens, columns, patches or nodes: contributions add up, other units by size.

    Args:
        found: The explanation.
        problem: What was explained.
        features: Which cells belong together; None for those of the problem.
    """
    parts: dict[str, Tensor] = {}
    for leaf in problem.leaves:
        part = found.parts[leaf.name]
        parts[leaf.name] = part if found.unit == "contribution" else part.abs()
        parts[leaf.name] = parts[leaf.name][None] if problem.joint else parts[leaf.name]
    return cells_by_feature(parts, problem, features or problem.features())


def cells_by_feature(parts: Mapping[str, Tensor], problem: Problem, features: Features) -> Tensor:
    """(examples, features) sums over the cells of each feature.

    Args:
        parts: By the leaf's name, (rows, ...); the axis of an embedding is already summed.
        problem: What was explained.
        features: Which cells belong together.
    """
    total = torch.zeros(problem.rows, features.count, dtype=torch.float64)
    for group, leaf in zip(features.groups, problem.leaves, strict=True):
        cells = parts[leaf.name].double().reshape(problem.rows, group.numel(), -1).sum(-1)
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

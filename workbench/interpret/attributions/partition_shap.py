"""Partition SHAP: Owen values of a hierarchy, as in shap's PartitionExplainer (Owen 1977; Lundberg and Lee 2017).

A hierarchy halves text at its middle and pictures along their longer side, so that neighbours stay together.
Departures: the nodes that matter most are split many at a time, so that coalitions fill a batch; what is not split is
shared equally, and how much that is stands in ``work``.
"""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from workbench.core.entry import Paper
from workbench.interpret.attributions._coalitional import Coalitional
from workbench.interpret.attributions._features import Features
from workbench.interpret.attributions._method import Axiom, Estimate
from workbench.interpret.attributions._problem import Problem
from workbench.interpret.attributions.exact_shapley import METHOD as EXACT


class PartitionShap(Coalitional):
    """Shapley values of halves, halves of halves and so on, the strongest first."""

    title: ClassVar[str] = "partition SHAP"
    axioms: ClassVar[frozenset[Axiom]] = frozenset(
        {Axiom.COMPLETENESS, Axiom.SENSITIVITY, Axiom.IMPLEMENTATION_INVARIANCE, Axiom.LINEAR_MODEL}
    )
    papers: ClassVar[tuple[Paper, ...]] = EXACT.papers

    evaluations: int = Field(512, ge=4, le=1_048_576)
    """Coalitions that may be run."""
    stride: int = Field(16, ge=1, le=4096)
    """Nodes split at a time."""

    def results(self, problem: Problem) -> Iterator[Estimate]:
        """An estimate after every round of splits."""
        features = problem.features(self.patches)
        scores = torch.zeros(features.count, problem.rows).to(problem.score)
        nothing = torch.zeros(features.count, dtype=torch.bool)
        root = torch.cat([_ordered(features, i) for i in range(len(features.groups))])
        first = _Node(root, nothing, problem.base, problem.score, 1.0)
        count, runs = 0, 2
        waiting: list[tuple[float, int, _Node]] = [(-first.weight_of(), count, first)]
        while waiting:
            taken = [heapq.heappop(waiting)[2] for _ in range(min(self.stride, len(waiting)))]
            whole = [node for node in taken if len(node.members) > 1]
            for node in taken:
                if len(node.members) == 1:
                    scores[node.members[0]] += node.change
            if whole and runs + 2 * len(whole) > self.evaluations:
                waiting += [(-node.weight_of(), 0, node) for node in whole]
                break
            for child in _split(problem, features, whole):
                count += 1
                heapq.heappush(waiting, (-child.weight_of(), count, child))
            runs += 2 * len(whole)
            if whole:
                yield replace(self._shared(problem, features, scores, waiting, runs), done=False)
        yield self._shared(problem, features, scores, waiting, runs)

    def _shared(
        self, problem: Problem, features: Features, scores: Tensor, waiting: list[tuple[float, int, "_Node"]], runs: int
    ) -> Estimate:
        shared, left = scores.clone(), torch.zeros_like(problem.score)
        for _, _, node in waiting:
            shared[node.members] += node.change / len(node.members)
            if len(node.members) > 1:
                left += node.change.abs()
        found = self.estimate(problem, features, shared, runs)
        unsplit = float((left / problem.scale.clamp_min(1e-30)).max())
        work = f"{found.work}, {unsplit:.0%} of the change not split further" if unsplit else found.work
        return replace(found, work=work)


@dataclass(frozen=True, slots=True)
class _Node:
    """Features that stand together, in one context of others that are kept."""

    members: Tensor
    context: Tensor
    """(features,) the others that are kept"""
    without: Tensor
    """(rows,) score of the context"""
    together: Tensor
    """(rows,) score of the context with all members"""
    share: float
    """how much this context counts"""

    @property
    def change(self) -> Tensor:
        """(rows,) what the members add here."""
        return (self.together - self.without) * self.share

    def weight_of(self) -> float:
        """How much is at stake."""
        return float(self.change.abs().mean())


def _split(problem: Problem, features: Features, nodes: list[_Node]) -> list[_Node]:
    """Both halves of every node, each alone and joined to the other half."""
    if not nodes:
        return []
    halves = [(n.members[: len(n.members) // 2], n.members[len(n.members) // 2 :]) for n in nodes]
    kept = torch.stack([_with(n.context, h) for n, pair in zip(nodes, halves, strict=True) for h in pair])
    values = problem.coalitions(kept, features).unflatten(0, (-1, 2))
    found: list[_Node] = []
    for node, (left, right), (one, other) in zip(nodes, halves, values, strict=True):
        half = node.share / 2
        found += [
            _Node(left, node.context, node.without, one, half),
            _Node(left, _with(node.context, right), other, node.together, half),
            _Node(right, node.context, node.without, other, half),
            _Node(right, _with(node.context, left), one, node.together, half),
        ]
    return found


def _with(context: Tensor, members: Tensor) -> Tensor:
    joined = context.clone()
    joined[members] = True
    return joined


def _ordered(features: Features, leaf: int) -> Tensor:
    """The features of a leaf in the order whose repeated halves are neighbours."""
    group, lattice = features.groups[leaf].cpu(), features.lattices[leaf]
    grid = torch.arange(int(group.min()), int(group.max()) + 1)
    return _halved(grid.reshape(lattice)) if len(lattice) > 1 else grid


def _halved(grid: Tensor) -> Tensor:
    if grid.numel() == 1:
        return grid.reshape(-1)
    axis = 0 if grid.size(0) >= grid.size(1) else 1
    half = grid.size(axis) // 2
    return torch.cat([_halved(part) for part in grid.split([half, grid.size(axis) - half], axis)])


METHOD = PartitionShap

"""Edge saliency: the derivative of the score by a weight of one on every message of an edge, in all layers.

Baldassarre and Azizpour 2019, arXiv:1905.13686 (sensitivity analysis), for edges; the sign is kept.
"""

from collections.abc import Iterator
from typing import Any, ClassVar

import torch
from torch import Tensor

from workbench.core.entry import Paper
from workbench.interpret.attributions._graphs import EDGES, edges_of, maskable
from workbench.interpret.attributions._method import Estimate, Method, Refused, Unit
from workbench.interpret.attributions._problem import Problem


class EdgeSaliency(Method):
    """What the score gains by a little more of each edge, and of each feature of a node."""

    title: ClassVar[str] = "edge saliency"
    unit: ClassVar[Unit] = "slope"
    takes = "graphs"
    papers: ClassVar[tuple[Paper, ...]] = (
        Paper(
            title="Explainability Techniques for Graph Convolutional Networks",
            authors="Baldassarre, Federico and Azizpour, Hossein",
            year=2019,
            arxiv="1905.13686",
        ),
    )

    def results(self, problem: Problem) -> Iterator[Estimate]:
        """One estimate."""
        edges = edges_of(problem, self.title)
        from torch_geometric.explain.algorithm.utils import set_masks

        mask = torch.ones(edges.size(1), device=edges.device, requires_grad=True)
        points = [v[None].detach().clone().requires_grad_() for v in problem.values]
        with maskable(problem, 13):
            set_masks(problem.model, mask, edges, apply_sigmoid=False)
            score = problem.run(points)
            found: tuple[Any, ...] = torch.autograd.grad(score.sum(), [*points, mask], allow_unused=True)
        if found[-1] is None:
            raise Refused(f"no message of {type(problem.model).__name__} reaches the score.")
        slopes: list[Tensor] = [torch.zeros_like(p) if g is None else g for g, p in zip(found, points, strict=False)]
        yield Estimate(parts=[s[0] for s in slopes], steps=1, work="1 gradient", besides={EDGES: found[-1]})


METHOD = EdgeSaliency

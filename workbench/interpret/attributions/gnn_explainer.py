"""GNNExplainer: Ying et al. 2019, arXiv:1903.03894, equation 7 with both masks, by PyG.

Departure: the masked graph is to keep the score that is explained, by the square of the relative difference, instead of
the log-probability of a class; so any target can be explained.
"""

from collections.abc import Iterator
from typing import ClassVar

import torch
from pydantic import Field

from workbench.core.entry import Paper
from workbench.core.environment import within_budget
from workbench.interpret.attributions._graphs import EDGES, Score, edges_of, maskable
from workbench.interpret.attributions._method import Estimate, Method, Unit
from workbench.interpret.attributions._problem import Problem


class GnnExplainer(Method):
    """The few edges and features that suffice for the score, by masks that are learnt."""

    title: ClassVar[str] = "GNNExplainer"
    unit: ClassVar[Unit] = "evidence"
    takes = "graphs"
    papers: ClassVar[tuple[Paper, ...]] = (
        Paper(
            title="GNNExplainer: Generating Explanations for Graph Neural Networks",
            authors="Ying, Rex and Bourgeois, Dylan and You, Jiaxuan and Zitnik, Marinka and Leskovec, Jure",
            year=2019,
            venue="NeurIPS",
            arxiv="1903.03894",
        ),
    )

    epochs: int = Field(200, ge=1, le=10_000)
    """Steps by which the masks are learnt; 50 under the budget of continuous integration."""
    rate: float = Field(0.05, gt=0, le=1)
    """Learning rate of the masks."""
    faithful: float = Field(10.0, gt=0, le=1000)
    """How much keeping the score counts against keeping little."""
    sparse: float = Field(0.005, ge=0, le=10)
    """Cost of each edge that is kept."""

    def results(self, problem: Problem) -> Iterator[Estimate]:
        """One estimate."""
        edges = edges_of(problem, self.title)
        from torch_geometric.explain import Explainer, GNNExplainer

        epochs = within_budget(self.epochs, min(50, self.epochs))
        with maskable(problem, 11):
            explainer = Explainer(
                Score(problem, self.faithful),
                GNNExplainer(epochs=epochs, lr=self.rate, edge_size=self.sparse),
                explanation_type="model",
                node_mask_type="attributes",
                edge_mask_type="object",
                model_config={"mode": "regression", "task_level": "graph", "return_type": "raw"},
            )
            found = explainer(problem.values[0][0].detach(), edges)
        parts = [found.node_mask[None], *(torch.zeros_like(v) for v in problem.values[1:])]
        yield Estimate(parts=parts, steps=epochs, work=f"{epochs} steps", besides={EDGES: found.edge_mask})


METHOD = GnnExplainer

"""PGExplainer: Luo et al. 2020, arXiv:2011.04573, by PyG: a network says of each edge's ends whether it matters.

Departures: the network is learnt on the graph that is explained alone, and as a score for all of it; the masked graph
is to keep the score (see ``gnn_explainer``). Nodes have the mean over their edges.
"""

from collections.abc import Iterator
from typing import ClassVar

import torch
from pydantic import Field

from workbench.core.entry import Paper
from workbench.core.environment import within_budget
from workbench.interpret.attributions._graphs import EDGES, Score, at_nodes, edges_of, maskable
from workbench.interpret.attributions._method import Estimate, Method, Refused, Unit
from workbench.interpret.attributions._problem import Problem


class PgExplainer(Method):
    """The edges that suffice for the score, as far as they can be told by what the model thinks of their ends."""

    title: ClassVar[str] = "PGExplainer"
    unit: ClassVar[Unit] = "evidence"
    takes = "graphs"
    papers: ClassVar[tuple[Paper, ...]] = (
        Paper(
            title="Parameterized Explainer for Graph Neural Network",
            authors="Luo, Dongsheng and Cheng, Wei and Xu, Dongkuan and Yu, Wenchao and Zong, Bo and Chen, Haifeng "
            "and Zhang, Xiang",
            year=2020,
            venue="NeurIPS",
            arxiv="2011.04573",
        ),
    )

    epochs: int = Field(60, ge=1, le=10_000)
    """Steps by which the network is learnt; 30 under the budget of continuous integration."""
    rate: float = Field(0.003, gt=0, le=1)
    """Learning rate of the network."""
    faithful: float = Field(1.0, gt=0, le=1000)
    """How much keeping the score counts against keeping little."""
    sparse: float = Field(0.05, ge=0, le=10)
    """Cost of each edge that is kept."""

    def results(self, problem: Problem) -> Iterator[Estimate]:
        """One estimate."""
        edges = edges_of(problem, self.title)
        from torch_geometric.explain import Explainer, PGExplainer

        epochs = within_budget(self.epochs, min(30, self.epochs))
        x = problem.values[0][0].detach()
        with maskable(problem, 12):
            algorithm = PGExplainer(epochs=epochs, lr=self.rate, edge_size=self.sparse).to(x.device)
            explainer = Explainer(
                Score(problem, self.faithful),
                algorithm,
                explanation_type="phenomenon",
                edge_mask_type="object",
                model_config={"mode": "regression", "task_level": "graph", "return_type": "raw"},
            )
            target = explainer.get_prediction(x, edges)
            try:
                for epoch in range(epochs):
                    algorithm.train(epoch, explainer.model, x, edges, target=target)
            except IndexError:
                raise Refused("its last layer of messages gives no vector for each node.") from None
            mask = explainer(x, edges, target=target).edge_mask.detach()
        parts = [at_nodes(mask, edges, problem.values[0]), *(torch.zeros_like(v) for v in problem.values[1:])]
        yield Estimate(parts=parts, steps=epochs, work=f"{epochs} steps", besides={EDGES: mask})


METHOD = PgExplainer

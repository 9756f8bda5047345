"""Graphs as PyG's explainers take them: one score of nodes and edges, with masks that leave no trace."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from workbench.core.batch import is_pyg
from workbench.core.errors import DataError
from workbench.core.live import evaluating, look
from workbench.core.optional import need
from workbench.interpret.attributions._method import Refused
from workbench.interpret.attributions._problem import Problem

EDGES = "edge_index"
"""the name that scores of edges have"""


class Score(nn.Module):
    """The score of a problem's graph, for other features of its nodes, in units of itself."""

    def __init__(self, problem: Problem, weight: float) -> None:
        """A score whose modules are the model's.

        Args:
            problem: Its graph is scored.
            weight: What the score of the graph as it is becomes, against which the size of a mask is weighed.
        """
        super().__init__()
        self.model = problem.model
        self._problem = problem
        size = float(problem.score.abs().sum())
        self._factor = weight / size if size else weight

    def forward(self, x: Tensor, edge_index: Tensor) -> Tensor:
        """(1, 1) the score; the edges are always the problem's, masks are what changes them."""
        del edge_index
        points = [v[None] for v in self._problem.values]
        return self._factor * self._problem.run([x[None, None], *points[1:]]).reshape(1, 1)


def edges_of(problem: Problem, title: str) -> Tensor:
    """(2, edges) of the graph.

    Raises:
        DataError: The input is no graph, or its edges are not listed.
        Refused: The model does not pass messages by PyG.
    """
    need("torch_geometric", extra="graphs", purpose=f"for {title}")
    from torch_geometric.nn import MessagePassing

    given = problem.batch.inputs
    values = list(given.values() if isinstance(given, Mapping) else given)
    if len(values) == 1 and is_pyg(values[0]):
        graph: Any = values[0]
        values = [graph[EDGES]] if EDGES in graph else []
    found = [v for v in values if isinstance(v, Tensor) and v.dim() == 2 and len(v) == 2 and v.dtype == torch.int64]  # noqa: PLR2004 - (2, edges)
    if not problem.joint or not found:
        raise DataError(f"{title} explains graphs whose edges are listed as (2, edges) in edge_index.")
    if not any(isinstance(module, MessagePassing) for module in problem.model.modules()):
        raise Refused(f"{type(problem.model).__name__} passes no messages by PyG, whose edges could be masked.")
    return found[0]


@contextmanager
def maskable(problem: Problem, stream: int) -> Generator[None]:
    """A block in which PyG may put masks on the model, draw at random and let gradients fall on its weights.

    Args:
        problem: Its model is as it was afterwards.
        stream: Which random numbers, of those that follow from the problem's seed.
    """
    from torch_geometric.nn import MessagePassing

    layers: list[Any] = [m for m in problem.model.modules() if isinstance(m, MessagePassing)]
    kept = [(m.explain, m._loop_mask, m._apply_sigmoid) for m in layers]  # noqa: SLF001 - PyG has no other way
    with look(), evaluating(problem.model), torch.enable_grad():
        gradients = [(p, p.grad) for p in problem.model.parameters()]
        for parameter, _ in gradients:
            parameter.grad = None
        torch.default_generator.manual_seed(problem.generator(stream).initial_seed())
        try:
            yield
        finally:
            for layer, (explain, loops, squashed) in zip(layers, kept, strict=True):
                # A mask that was a parameter would leave its name among the parameters.
                layer._parameters.pop("_edge_mask", None)  # noqa: SLF001 - as above
                layer.explain, layer._edge_mask = explain, None  # noqa: SLF001 - as above
                layer._loop_mask, layer._apply_sigmoid = loops, squashed  # noqa: SLF001 - as above
            for parameter, gradient in gradients:
                parameter.grad = gradient


def at_nodes(scores: Tensor, edges: Tensor, value: Tensor) -> Tensor:
    """Scores of edges as scores of nodes: the mean over the edges at a node, spread over its features.

    Args:
        scores: (edges,).
        edges: (2, edges).
        value: (1, nodes, features), what the nodes have.
    """
    nodes = value.size(1)
    total, count = (torch.zeros(nodes).to(scores) for _ in range(2))
    for end in edges:
        total.index_add_(0, end, scores)
        count.index_add_(0, end, torch.ones_like(scores))
    mean = (total / count.clamp_min(1)).reshape(1, nodes, *(1,) * (value.dim() - 2))
    return (mean / value[0, 0].numel()).expand_as(value)

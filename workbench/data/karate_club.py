"""Zachary's karate club: 34 people, their friendships and four communities, shipped in torch_geometric."""

import torch

from workbench.core.optional import need
from workbench.core.seeds import generator
from workbench.data._graph import Graph, few_labels, first_of_each
from workbench.data.contract import Card

CARD = Card(
    title="Zachary's karate club: 34 people in four communities",
    source="W. W. Zachary, An Information Flow Model for Conflict and Fission in Small Groups, 1977; communities by "
    "modularity as in T. N. Kipf and M. Welling, arXiv:1609.02907",
    licence="data: public; package: MIT",
    package="torch_geometric (PyPI)",
    caution="34 people are an illustration: one person is 4 % of the test split.",
)


def load(seed: int = 0) -> Graph:
    """The friendships; one labelled person of each community trains.

    Args:
        seed: 0 labels the first person of each community, as is usual; other seeds choose others.
    """
    graph = need("torch_geometric.datasets", extra="graphs", purpose="for karate_club").KarateClub()[0]
    people = len(graph.y)
    order = torch.randperm(people, generator=generator(seed, people))
    trained = first_of_each(graph.y, 1, order if seed else torch.arange(people))
    return Graph(
        name="karate_club",
        card=CARD,
        x=graph.x,
        edge_index=graph.edge_index,
        y=graph.y,
        labels=[f"community {i}" for i in range(4)],
        masks=few_labels(trained, 8, order),
        title=lambda node: f"person {node + 1}",
    )

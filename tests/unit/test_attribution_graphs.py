"""Explaining graphs: planted motifs are found, the model stays as it was, and where each method fails."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from workbench.core.errors import DataError, MissingExtraError
from workbench.interpret import explain

pytest.importorskip("torch_geometric")
from torch_geometric.data import Data
from torch_geometric.nn import GraphConv, MessagePassing
from torch_geometric.utils import k_hop_subgraph

METHODS = ["gnn_explainer", "pg_explainer", "edge_saliency"]
HOUSE = ((0, 1), (1, 2), (2, 3), (3, 0), (0, 4), (1, 4))
"""walls, floor, ceiling and roof; the roles of its nodes are top, top, bottom, bottom, roof"""


def shapes(nodes=40, houses=8):
    """A graph grown by preferential attachment with houses tied to it (Ying et al. 2019, section 5.1)."""
    random = torch.Generator().manual_seed(0)
    pairs, ends = [(0, 1), (1, 2)], [0, 1, 1, 2]
    for new in range(3, nodes):
        for _ in range(2):
            old = ends[int(torch.randint(len(ends), (), generator=random))]
            pairs.append((new, old))
            ends += [new, old]
    roles, planted = [0] * nodes, set()
    for _ in range(houses):
        first = len(roles)
        roles += [1, 1, 2, 2, 3]
        planted |= {(first + i, first + j) for i, j in HOUSE}
        pairs += [(first + i, first + j) for i, j in HOUSE]
        pairs.append((first, int(torch.randint(nodes, (), generator=random))))
    both = list(dict.fromkeys(edge for i, j in pairs for edge in ((i, j), (j, i)) if i != j))
    motif = torch.tensor([(i, j) in planted or (j, i) in planted for i, j in both])
    graph = Data(x=torch.ones(len(roles), 10), edge_index=torch.tensor(both).T.contiguous())
    return graph, torch.tensor(roles), motif


class Roles(nn.Module):
    def __init__(self):
        super().__init__()
        self.convs = nn.ModuleList([GraphConv(10, 32), GraphConv(32, 32), GraphConv(32, 32)])
        self.last = nn.Linear(96, 4)

    def forward(self, x, edge_index):
        seen = []
        for conv in self.convs:
            x = conv(x, edge_index).relu()
            seen.append(x)
        return self.last(torch.cat(seen, 1))


@pytest.fixture(scope="module")
def trained():
    torch.manual_seed(0)
    (graph, roles, motif), model = shapes(), Roles()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01, weight_decay=5e-4)
    for _ in range(400):
        loss = F.cross_entropy(model(graph.x, graph.edge_index), roles)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert float((model(graph.x, graph.edge_index).argmax(1) == roles).float().mean()) > 0.95
    return model, graph, roles, motif


@pytest.mark.parametrize("name", METHODS)
def test_the_house_is_found(trained, name):
    from sklearn.metrics import roc_auc_score

    model, graph, roles, motif = trained
    areas = []
    for node in (40, 55, 70):
        found = explain(model, graph, name, target=(node, int(roles[node])))
        assert not any("not used" in said or "refused" in said for said in found.warnings)
        edges = graph.edge_index
        reached = k_hop_subgraph(node, 3, edges)[3]
        own = motif & (edges[0] >= node) & (edges[0] < node + 5)
        areas.append(roc_auc_score(own[reached], found.scores["edge_index"].abs()[reached]))
    assert sum(areas) / 3 > 0.7


class Joined(MessagePassing):
    def __init__(self):
        super().__init__(aggr="add")

    def forward(self, x, edge_index):
        return self.propagate(edge_index, x=x)

    def message(self, x_i, x_j):
        return x_i * x_j


class Marked(nn.Module):
    """The score is how many edges join two marked nodes: which edges matter is known."""

    def __init__(self):
        super().__init__()
        self.joined = Joined()

    def forward(self, x, edge_index):
        return self.joined(x, edge_index)[:, :1].sum().reshape(1, 1)


def marked():
    x = torch.zeros(8, 3)
    x[:4, 0] = 1
    edges = torch.tensor([[0, 1, 2, 3, 3, 4, 5, 6], [1, 2, 3, 0, 4, 5, 6, 7]])
    return Data(x=x, edge_index=edges), torch.tensor([1.0, 1, 1, 1, 0, 0, 0, 0])


@pytest.mark.parametrize("name", METHODS)
def test_only_edges_that_count_have_scores(name):
    graph, truth = marked()
    found = explain(Marked(), graph, name)
    assert found.method.startswith({"gnn": "GNN", "pg_": "PGE", "edg": "edge"}[name[:3]])
    scores = found.scores["edge_index"]
    assert scores.shape == (8,)
    assert found.scores["x"].shape == (8, 3)
    assert float(scores[truth == 1].min()) > float(scores[truth == 0].max())
    if name == "edge_saliency":
        assert torch.equal(scores, truth)


def test_edge_saliency_is_the_derivative_by_the_weight_of_an_edge():
    torch.manual_seed(1)

    class Weighed(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.other = GraphConv(3, 8), GraphConv(8, 2)

        def forward(self, x, edge_index, edge_weight=None):
            return self.other(self.one(x, edge_index, edge_weight).tanh(), edge_index, edge_weight)

    model, graph = Weighed().double(), marked()[0]
    x, edges = torch.randn(8, 3, dtype=torch.float64), graph.edge_index
    found = explain(model, (x, edges), "edge_saliency", target=(3, 1)).scores["edge_index"]
    with torch.no_grad():
        steps = torch.eye(8, dtype=torch.float64) * 1e-5
        high, low = ([model(x, edges, 1 + sign * step)[3, 1] for step in steps] for sign in (1, -1))
    assert torch.allclose(found.double(), (torch.stack(high) - torch.stack(low)) / 2e-5, atol=1e-5)


@pytest.mark.parametrize("name", METHODS)
def test_the_model_stays_as_it_was(trained, name):
    model, graph, *_ = trained
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    names, state = [n for n, _ in model.named_parameters()], {k: v.clone() for k, v in model.state_dict().items()}
    model.train()
    one, other = (explain(model, graph, name, target=(45, 1)).scores["edge_index"] for _ in range(2))
    assert torch.equal(one, other)
    assert model.training
    assert [n for n, _ in model.named_parameters()] == names
    assert all(torch.equal(v, state[k]) for k, v in model.state_dict().items())
    assert all(bool((p.grad == 1).all()) for p in model.parameters())
    for conv in model.convs:
        assert conv._edge_mask is None
        assert conv.explain is None
        assert "_edge_mask" not in conv._parameters


@pytest.mark.parametrize("name", METHODS)
def test_what_is_no_graph_is_said(name):
    with pytest.raises(DataError, match="graphs"):
        explain(nn.Linear(3, 2), torch.randn(2, 3), name)

    class Dense(nn.Module):
        def forward(self, x, edge_index):
            adjacency = torch.zeros(len(x), len(x)).index_put((edge_index[1], edge_index[0]), torch.ones(()))
            return (adjacency @ x).tanh()

    found = explain(Dense(), marked()[0], name, target=(1, 0), reference=-1.0)
    assert "passes no messages by PyG" in found.doubt
    assert found.method.startswith("integrated gradients")


def test_edge_saliency_is_blind_where_one_of_many_edges_is_enough():
    class Capped(Marked):
        def forward(self, x, edge_index):
            return super().forward(x, edge_index).clamp(max=1.0)

    graph, truth = marked()
    assert not bool(explain(Capped(), graph, "edge_saliency").scores["edge_index"].any())
    learnt = explain(Capped(), graph, "gnn_explainer", sparse=0.001).scores["edge_index"]
    assert float(learnt[truth == 1].max()) > float(learnt[truth == 0].max())


class Chosen(MessagePassing):
    """On a ring of equal nodes, the message of one edge alone counts."""

    def __init__(self):
        super().__init__(aggr="add")
        self.counts = torch.tensor([1.0, 0, 0, 0, 0])

    def forward(self, x, edge_index):
        return self.propagate(edge_index, x=x)

    def message(self, x_j):
        return x_j * self.counts[:, None]


def test_pg_explainer_cannot_tell_edges_whose_ends_are_alike():
    class Ring(nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(2)
            self.chosen, self.same = Chosen(), GraphConv(2, 4)

        def forward(self, x, edge_index):
            return (self.chosen(x, edge_index).sum() + 1e-6 * self.same(x, edge_index).sum()).reshape(1, 1)

    ring = Data(x=torch.ones(5, 2), edge_index=torch.tensor([[0, 1, 2, 3, 4], [1, 2, 3, 4, 0]]))
    assert int(explain(Ring(), ring, "edge_saliency").scores["edge_index"].argmax()) == 0
    found = explain(Ring(), ring, "pg_explainer")
    shown = found.scores["edge_index"]
    assert found.method.startswith("PGExplainer")
    assert float(shown.max() - shown.min()) < 1e-3


def test_gnn_explainer_keeps_one_of_two_edges_that_are_alike():
    class Either(MessagePassing):
        def __init__(self):
            super().__init__(aggr="max")

        def forward(self, x, edge_index):
            return self.propagate(edge_index, x=x)[:1, :1]

        def message(self, x_j):
            return x_j

    graph = Data(x=torch.ones(3, 1), edge_index=torch.tensor([[1, 2], [0, 0]]))
    shown = explain(Either(), graph, "gnn_explainer", sparse=0.5).scores["edge_index"]
    assert float((shown[0] - shown[1]).abs()) > 0.3  # though the model treats them alike
    exact = explain(Either(), graph, "exact_shapley", reference=0.0).scores
    assert torch.allclose(exact[1], exact[2], atol=1e-5)


def test_without_pyg_the_extra_is_named(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "torch_geometric", None)
    with pytest.raises(MissingExtraError, match=r"neural-workbench\[graphs\]"):
        explain(nn.Linear(3, 2), torch.randn(2, 3), "gnn_explainer")

"""Attention by which aggregations of PyG pool the nodes of a graph, or of several."""

import pytest
import torch
from torch import nn
from torch_geometric.nn import GATConv, TopKPooling, aggr
from torch_geometric.utils import softmax

from workbench.interpret import attention, head_importance, knock_out

NODES, GRAPHS = 7, torch.tensor([0, 0, 0, 2, 2, 3, 3])


class Pooled(nn.Module):
    """Nodes, then graphs of them; the second of four graphs has no nodes."""

    def __init__(self, pool):
        super().__init__()
        self.pool = pool

    def forward(self, x, index):
        return self.pool(x, index, dim_size=4)


def gated():
    return aggr.AttentionalAggregation(nn.Linear(5, 1))


@pytest.fixture
def nodes():
    return torch.randn(NODES, 5, generator=torch.Generator().manual_seed(1))


def laid_out(weights):
    """(1, heads, graphs, nodes), by a loop."""
    dense = torch.zeros(1, weights.size(1), 4, NODES)
    for node, graph in enumerate(GRAPHS.tolist()):
        dense[0, :, graph, node] = weights[node]
    return dense


def test_a_gate_over_nodes_is_a_map_from_nodes_to_graphs(nodes):
    torch.manual_seed(0)
    model = Pooled(gated())
    before = model(nodes, GRAPHS)
    (one,) = attention(model, (nodes, GRAPHS))
    expected = laid_out(softmax(model.pool.gate_nn(nodes), GRAPHS, num_nodes=4))
    assert (one.module, one.kind, one.seen, one.shape) == ("pool", "pooled", "aggregation", (1, 1, 4, NODES))
    assert torch.allclose(one.weights, expected, atol=1e-6)
    assert torch.allclose(one.weights[0, 0] @ nodes, before, atol=1e-5)
    assert one.error < 1e-5
    assert (one.queries[0], one.keys[0][-1]) == (("0", "1", "2", "3"), "6")
    assert torch.equal(model(nodes, GRAPHS), before)


def test_graphs_given_by_where_they_begin_are_pooled_alike(nodes):
    torch.manual_seed(0)
    pool = gated()
    (one,) = attention(pool, {"x": nodes, "ptr": torch.tensor([0, 3, 3, 5, 7])})
    assert torch.allclose(one.weights, laid_out(softmax(pool.gate_nn(nodes), GRAPHS)), atol=1e-6)


def test_a_softmax_of_every_channel_has_channels_for_heads(nodes):
    (one,) = attention(Pooled(aggr.SoftmaxAggregation(t=0.5)), (nodes, GRAPHS))
    assert torch.allclose(one.weights, laid_out(softmax(0.5 * nodes, GRAPHS)), atol=1e-6)
    assert one.error < 1e-5


def test_every_step_of_set2set_is_a_map(nodes):
    torch.manual_seed(0)
    maps = attention(Pooled(aggr.Set2Set(5, processing_steps=3)), (nodes, GRAPHS))
    assert [(one.name, one.kind) for one in maps] == [("pool", "pooled"), ("pool@1", "pooled"), ("pool@2", "pooled")]
    assert all(error < 1e-5 for error in maps.check().values())
    assert len(maps.check()) == 3


def test_a_pooling_is_knocked_out_and_weighed(nodes):
    torch.manual_seed(0)
    model = Pooled(aggr.SoftmaxAggregation(t=0.5))
    found = knock_out(model, (nodes, GRAPHS), [("pool", 2)])
    assert torch.equal(found.after[:, 2], torch.zeros(4))
    assert torch.equal(found.after[:, 3], found.before[:, 3])
    signed = head_importance(model, (nodes, GRAPHS), target=lambda y: y.sum()[None]).signed["pool"]
    assert torch.allclose(signed[0], found.before.sum(0), atol=1e-5)


def test_pooling_after_message_passing_is_told_from_it(nodes):
    class Both(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.pool = GATConv(5, 5, heads=2, concat=False), gated()

        def forward(self, x, edge_index, index):
            return self.pool(self.conv(x, edge_index), index)

    torch.manual_seed(0)
    edges = torch.tensor([[0, 1, 3, 5], [1, 2, 4, 6]])
    maps = attention(Both(), (nodes, edges, GRAPHS))
    assert [(one.module, one.kind) for one in maps] == [("conv", "edge"), ("pool", "pooled")]


def test_a_softmax_that_selects_nodes_and_sums_none_is_no_pooling(nodes):
    maps = attention(TopKPooling(5, min_score=0.2), (nodes, torch.tensor([[0, 1], [1, 2]]), None, GRAPHS))
    assert not len(maps)
    assert "pooled nodes of PyG" in maps.reason

"""The proof of attention maps: what a layer gave out, against the weights that are shown times what it multiplied."""

import math

import pytest
import torch
from torch import nn

from workbench.interpret import attention
from workbench.taps import AttentionTap, edges, products

LENGTH, WIDTH = 5, 8
EDGES = torch.tensor([[0, 1, 2, 3, 0, 4, 5], [1, 2, 3, 0, 2, 5, 1]])
FEATURES = torch.randn(7, 3, generator=torch.Generator().manual_seed(0))


class Written(nn.Module):
    """Attention with its product written in one of many ways; keeps its own weights for the test."""

    def __init__(self, product):
        super().__init__()
        self.qkv, self.product, self.own = nn.Linear(WIDTH, 3 * WIDTH), product, None

    def forward(self, x):
        q, k, v = self.qkv(x).view(*x.shape[:2], 3, 2, 4).permute(2, 0, 3, 1, 4)
        self.own = (q @ k.mT / 2).softmax(-1)
        return self.product(self.own, v)


WAYS = {
    "matmul": lambda a, v: a @ v,
    "linalg": torch.linalg.matmul,
    "einsum": lambda a, v: torch.einsum("bhqk,bhkd->bhqd", a, v),
    "einsum to another layout": lambda a, v: torch.einsum("bhqk,bkhd->bqhd", a, v.transpose(1, 2)),
    "einsum, values first": lambda a, v: torch.einsum("bkhd,bhqk->bqhd", v.transpose(1, 2), a),
    "einsum, keys first": lambda a, v: torch.einsum("bhkq,bhkd->bhqd", a.mT, v),
    "einsum of dots": lambda a, v: torch.einsum("...qk,...kd->...qd", a, v),
    "einsum of dots, fewer of values": lambda a, v: torch.einsum("b...qk,...kd->b...qd", a, v[0]),
    "einsum of a list": lambda a, v: torch.einsum("bhqk,bhkd->bhqd", [a, v]),
    "einsum of numbers": lambda a, v: torch.einsum(a, [0, 1, 2, 3], v, [0, 1, 3, 4], [0, 1, 2, 4]),
    "einsum without an arrow": lambda a, v: torch.einsum("...qk,...kd", a, v),
    "einsum that adds heads": lambda a, v: torch.einsum("bhqk,bhkd->bqd", a, v),
    "einsum of three": lambda a, v: torch.einsum("bhqk,bhkd,h->bhqd", a, v, torch.tensor([0.5, 2.0])),
    "einsum, values of each query": lambda a, v: torch.einsum(
        "bhqk,bhqkd->bhqd", a, v[:, :, None] * torch.arange(1.0, LENGTH + 1).view(-1, 1, 1)
    ),
    "transposed": lambda a, v: v.mT @ a.mT,
    "transposed by numpy's letter": lambda a, v: torch.stack([z.T @ w.T for w, z in zip(a[0], v[0], strict=True)]),
    "transposed, as in SAGAN": lambda a, v: torch.bmm(v.mT.flatten(0, 1), a.flatten(0, 1).permute(0, 2, 1)),
    "tensordot": lambda a, v: torch.stack([torch.tensordot(w, z, 1) for w, z in zip(a[0], v[0], strict=True)]),
    "tensordot over named axes": lambda a, v: torch.stack(
        [torch.tensordot(z, w, ([0], [1])) for w, z in zip(a[0], v[0], strict=True)]
    ),
    "added to something": lambda a, v: torch.baddbmm(v[0], a[0], v[0], beta=0.5, alpha=2.0),
}
OF_ONE_EXAMPLE = ("added to something", "transposed by numpy's letter", "tensordot", "tensordot over named axes")


@pytest.mark.parametrize("way", WAYS)
def test_a_product_is_proved_however_it_is_written(way, monkeypatch):
    torch.manual_seed(0)
    model, x = Written(WAYS[way]).eval(), torch.randn(2, LENGTH, WIDTH)
    plain = model(x)
    with AttentionTap(model):
        assert torch.equal(model(x), plain)
    maps = attention(model, x, exact=True)
    own = model.own[0] if way in OF_ONE_EXAMPLE else model.own
    assert torch.equal(torch.cat([one.weights.flatten() for one in maps]), own.flatten())
    assert max(maps.check().values()) < 1e-6
    assert len(maps.check()) == len(maps)

    found = products.SoftmaxProducts.find

    def wrong(*args):
        product = found(*args)
        return product and products.Product(product.weights.roll(1, -1), product.values, product.again, product.heads)

    monkeypatch.setattr(products.SoftmaxProducts, "find", wrong)
    assert all(one.error > 0.01 for one in attention(model, x))


def test_heads_that_talk_are_followed_to_their_values():
    """Shazeer et al. 2020, arXiv:2003.02436: weights are mixed over heads after the softmax, by what is learned."""

    class Talking(Written):
        def __init__(self):
            super().__init__(lambda weights, values: self.mixed(weights) @ values)
            self.mix = nn.Parameter(torch.randn(2, 2))

        def mixed(self, weights):
            self.own = torch.einsum("bhqk,hg->bgqk", weights, self.mix)
            return self.own

    torch.manual_seed(0)
    model = Talking().eval()
    (one,) = attention(model, torch.randn(2, LENGTH, WIDTH), exact=True)
    assert torch.equal(one.weights, model.own)
    assert one.error < 1e-6


def test_an_einsum_without_queries_pools_each_example():
    class Pool(nn.Module):
        def __init__(self):
            super().__init__()
            self.scores, self.own = nn.Linear(WIDTH, 1), None

        def forward(self, x):
            self.own = self.scores(x)[..., 0].softmax(-1)
            return torch.einsum("bt,btd->bd", self.own, x)

    torch.manual_seed(0)
    model = Pool().eval()
    (one,) = attention(model, torch.randn(3, LENGTH, WIDTH), exact=True)
    assert (one.kind, one.shape) == ("pooled", (3, 1, 1, LENGTH))
    assert torch.equal(one.weights[:, 0, 0], model.own)
    assert one.error < 1e-6


def test_weights_that_all_examples_share_are_proved():
    class Positions(nn.Module):
        def __init__(self):
            super().__init__()
            self.scores = nn.Parameter(torch.randn(LENGTH, LENGTH))

        def forward(self, x):
            return self.scores.softmax(-1) @ x

    assert attention(Positions(), torch.randn(2, LENGTH, WIDTH))[0].error < 1e-6


def graph(kind, **options):
    import torch_geometric.nn as pyg

    torch.manual_seed(0)
    return getattr(pyg, kind)(WIDTH, 4, **options).eval()


CONVOLUTIONS = {
    "GATConv": ("GATConv", {"heads": 2}, False),
    "GATConv, mean over heads": ("GATConv", {"heads": 2, "concat": False}, False),
    "GATConv with edge features": ("GATConv", {"heads": 2, "edge_dim": 3}, True),
    "GATConv without self-loops": ("GATConv", {"heads": 2, "add_self_loops": False}, False),
    "GATConv, mean over edges": ("GATConv", {"heads": 2, "aggr": "mean"}, False),
    "GATConv against the arrows": ("GATConv", {"heads": 2, "flow": "target_to_source"}, False),
    "GATv2Conv": ("GATv2Conv", {"heads": 2}, False),
    "GATv2Conv with edge features, mean over heads": ("GATv2Conv", {"heads": 2, "edge_dim": 3, "concat": False}, True),
    "TransformerConv": ("TransformerConv", {"heads": 2}, False),
    "TransformerConv with edge features and a gate": (
        "TransformerConv", {"heads": 2, "edge_dim": 3, "beta": True}, True,
    ),
    "SuperGATConv": ("SuperGATConv", {"heads": 2}, False),
}  # fmt: skip


def every(name):
    """A convolution with its inputs."""
    kind, options, featured = CONVOLUTIONS[name]
    x = torch.randn(6, WIDTH, generator=torch.Generator().manual_seed(1))
    return graph(kind, **options), (x, EDGES, FEATURES) if featured else (x, EDGES)


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_weights_of_edges_are_proved_by_the_sums_at_the_nodes(name, monkeypatch):
    layer, inputs = every(name)
    with torch.no_grad():
        plain = layer(*inputs)
        with AttentionTap(layer):
            assert torch.equal(layer(*inputs), plain)
    (one,) = attention(layer, inputs)
    assert one.error < 1e-6
    into = one.dense()[0].sum(-1)
    assert torch.allclose(into[into > 0], torch.ones(()), atol=1e-6)

    found = edges.passed
    monkeypatch.setattr(edges, "passed", lambda: found().flip(0))
    assert attention(layer, inputs)[0].error > 0.01


def test_the_figure_of_edges_is_the_distance_of_two_sums_by_hand():
    """A layer that multiplies with other weights than its softmax gave."""
    import torch_geometric.nn as pyg
    from torch_geometric.utils import softmax

    class Turned(pyg.MessagePassing):
        def __init__(self):
            super().__init__(aggr="add")

        def forward(self, x, edges):
            return self.propagate(edges, x=x)

        def message(self, x_i, x_j, index, size_i):
            return softmax((x_i * x_j).sum(-1), index, num_nodes=size_i).flip(0)[:, None] * x_j

    torch.manual_seed(0)
    x = torch.randn(6, 3)
    (one,) = attention(Turned(), (x, EDGES))
    shown, made = torch.zeros(6, 3), torch.zeros(6, 3)
    for edge, (source, target) in enumerate(EDGES.T.tolist()):
        shown[target] += one.weights[edge, 0] * x[source]
        made[target] += one.weights[6 - edge, 0] * x[source]
    assert one.error == pytest.approx(float((shown - made).abs().max() / made.abs().max()), rel=1e-5)


def test_edges_equal_a_loop_over_nodes_with_the_features_of_edges():
    """TransformerConv of Shi et al. 2021 (arXiv:2009.03509), equation 3, node by node."""
    layer, (x, edges_, features) = every("TransformerConv with edge features and a gate")
    (one,) = attention(layer, (x, edges_, features))
    with torch.no_grad():
        q, k = (p(x).view(6, 2, 4) for p in (layer.lin_query, layer.lin_key))
        e = layer.lin_edge(features).view(7, 2, 4)
    for node in range(6):
        into = [i for i in range(7) if edges_[1, i] == node]
        if into:
            scores = torch.stack([(q[node] * (k[edges_[0, i]] + e[i])).sum(-1) / math.sqrt(4) for i in into])
            assert torch.allclose(one.weights[into], scores.softmax(0), atol=1e-6)
    assert torch.equal(one.edge_index, edges_)


def test_a_sparse_matrix_of_edges_gives_the_same_map_as_a_list_of_them():
    layer, (x, edges_) = every("TransformerConv")
    order = (edges_[1] * 6 + edges_[0]).argsort()
    (listed,) = attention(layer, (x, edges_[:, order]))
    for square in (edges_, torch.stack([torch.arange(6), torch.arange(6).roll(1)])):
        matrix = torch.sparse_coo_tensor(square.flip(0), torch.ones(square.size(1)), (6, 6), check_invariants=True)
        for given in (matrix.coalesce(), matrix.to_sparse_csr()):
            (one,) = attention(layer, (x, given))
            assert one.error < 1e-6
            assert torch.allclose(one.dense()[0].sum(-1)[:, square[1]], torch.ones(()))
            if square is edges_:
                assert torch.equal(one.edge_index, listed.edge_index)
                assert torch.allclose(one.weights, listed.weights)


def test_what_cannot_be_compared_has_no_figure():
    layer, inputs = every("GATConv")
    layer.dropout = 0.5
    with AttentionTap(layer.train()) as tap:
        layer(*inputs)
    assert [record.error for record in tap.records] == [None]
    assert attention(graph("GATConv", heads=2, aggr="max"), inputs)[0].error is None


def test_messages_are_followed_no_longer_than_the_tap_is_open():
    layer, inputs = every("GATConv")
    with AttentionTap(layer) as tap:
        layer(*inputs)
    assert tap.written.idle


def test_other_convolutions_and_models_of_pyg_are_proved():
    import torch_geometric.nn as pyg

    torch.manual_seed(0)
    x, kinds = torch.randn(6, WIDTH), (["a", "b"], [("a", "to", "b"), ("b", "to", "a")])
    nodes = {"a": torch.randn(4, WIDTH), "b": torch.randn(5, WIDTH)}
    between = {kind: torch.tensor([[0, 1, 2, 3], [3, 0, 1, 2]]) for kind in kinds[1]}
    one_kind = torch.tensor([0, 1, 0, 1, 0, 1, 0])
    models = {
        pyg.AGNNConv(): (x, EDGES),
        pyg.GeneralConv(WIDTH, 4, attention=True, heads=2): (x, EDGES),
        pyg.RGATConv(WIDTH, 4, 2, heads=2): (x, EDGES, one_kind),
        pyg.RGATConv(WIDTH, 4, 2, heads=2, mod="f-scaled"): (x, EDGES, one_kind),
        pyg.HEATConv(WIDTH, 4, 2, 2, 3, 3, 4, heads=2): (x, EDGES, one_kind[:6], one_kind, FEATURES),
        pyg.PointTransformerConv(WIDTH, 4): (x, torch.randn(6, 3), EDGES),
        pyg.GENConv(WIDTH, 4): (x, EDGES),
        pyg.HGTConv(WIDTH, 8, kinds, heads=2): (nodes, between),
        pyg.HANConv(WIDTH, 8, kinds, heads=2): (nodes, between),
        pyg.GAT(WIDTH, 8, 2, 4, heads=2): (x, EDGES),
        pyg.AttentiveFP(WIDTH, 8, 4, 3, 2, 2): (x, EDGES, FEATURES, torch.tensor([0, 0, 0, 1, 1, 1])),
    }
    for model, inputs in models.items():
        maps = attention(model, inputs, call=lambda m, given: m(*given))
        assert maps, model
        assert set(maps.check()) == set(maps.names), model
        assert max(maps.check().values()) < 1e-6, model


def test_the_panel_says_what_was_compared_on_a_graph():
    from torch_geometric.data import Data

    from workbench import panels

    panel = panels.attach(graph("GATConv", heads=2), Data(x=torch.randn(6, WIDTH), edge_index=EDGES))
    panel.choose("attention")
    (said,) = [doubt for doubt in panel.frame["doubts"] if "messages" in doubt["text"]]
    assert said["level"] == "good"
    assert "messages, summed at each node, reproduce the layer's own sums" in said["text"]

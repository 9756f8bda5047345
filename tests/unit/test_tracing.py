"""trace: the graph of a real forward. Oracles: blocks written by hand, torch.fx, and the sources of known models."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from workbench import pretrained
from workbench.core.errors import AddressError
from workbench.interpret import trace

TEXT = "The central bank raised interest rates."


def names(found):
    return [node.name for node in found.nodes]


def ways(found):
    return {(found.nodes[e.source].name, found.nodes[e.target].name) for e in found.edges}


class Written(nn.Module):
    """Two layers and whatever a test does with them."""

    def __init__(self, forward):
        super().__init__()
        self.f, self.g = nn.Linear(4, 4), nn.Linear(4, 4)
        self.written = forward

    def forward(self, x):
        return self.written(self, x)


def traced(forward):
    return trace(Written(forward), torch.randn(2, 4))


def in_place(m, x):
    h = m.f(x)
    h += m.g(h)
    return h


@pytest.mark.parametrize(
    "forward",
    [
        lambda m, x: x + m.f(x),
        lambda m, x: torch.add(m.f(x), x),
        lambda m, x: (h := m.g(x)) + m.f(h).relu().view(2, 4),
        lambda m, x: x + F.dropout(m.f(x), training=False),
        lambda m, x: x.view(4, 2).t().t().view(2, 4) + m.f(x),
        in_place,
    ],
)
def test_identity_shortcuts_around_what_is_learned_are_residual(forward):
    found = traced(forward)
    assert found.residuals == 1
    (skip,) = [edge for edge in found.edges if edge.residual]
    assert found.nodes[skip.target].residual
    other = next(e for e in found.edges if e.target == skip.target and not e.residual)
    assert other.source > skip.source


@pytest.mark.parametrize(
    "forward",
    [
        lambda m, x: m.f(x) + m.g(x),  # two branches
        lambda m, x: m.f(x + 0.04 * x**3),  # a polynomial, as in the tanh form of GELU
        lambda m, x: m.f(x) + m.g.bias,  # a parameter
        lambda m, x: x + m.f(x).mean(),  # another shape
        lambda m, x: m.f(x) * x,  # a gate
        lambda m, x: (h := m.f(x)) * 2 + torch.cat([-h[:, 2:], h[:, :2]], 1) * 3,  # a rotation of halves
    ],
)
def test_other_sums_are_not_residual(forward):
    assert traced(forward).residuals == 0


def test_the_graph_of_a_small_network_is_that_of_torch_fx():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem, self.left, self.right = nn.Conv2d(1, 4, 3), nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 1)
            self.norm, self.head = nn.BatchNorm2d(4), nn.Linear(8, 3)

        def forward(self, x):
            h = F.relu(self.stem(x))
            both = torch.cat([self.left(h), self.norm(self.right(h)) * 2], 1)
            return self.head(both.mean((2, 3)))

    graph = torch.fx.symbolic_trace(model := Net()).graph
    called = {node: node.target if isinstance(node.target, str) else node.target.__name__ for node in graph.nodes}
    expected = {(called[before], called[node]) for node in graph.nodes for before in node.all_input_nodes}
    assert ways(trace(model, torch.randn(2, 1, 8, 8))) == expected


@pytest.mark.parametrize(
    ("name", "attentions", "residuals"), [("minilm", 6, 12), pytest.param("smollm2", 30, 60, marks=pytest.mark.slow)]
)
def test_every_layer_of_a_transformer_has_one_attention_and_two_residual_additions(name, attentions, residuals):
    model, tokenizer = pretrained.load(name)
    found = trace(model, dict(tokenizer(TEXT, return_tensors="pt")))
    assert model.config.num_hidden_layers == attentions
    assert (found.attentions, found.residuals) == (attentions, residuals)
    assert found.doubt == ""
    repeated = [box for box in found.plan.boxes if box.kind == "group" and len(box.parts) == attentions]
    assert len(repeated) == 1


def test_the_residual_blocks_of_a_convolutional_network_are_those_of_its_source():
    model, _ = pretrained.load("efficientnet_lite0")
    found = trace(model, torch.randn(1, 3, 64, 64))
    blocks = [m for m in model.modules() if type(m).__name__ == "MBConvBlock"]
    args = [block._block_args for block in blocks]
    kept = [a for a in args if a.id_skip and a.stride in (1, [1]) and a.input_filters == a.output_filters]
    assert found.residuals == len(kept) > 0
    assert found.attentions == 0


def test_encoder_and_decoder_are_joined_where_the_decoder_reads():
    model = nn.Transformer(16, 2, 2, 2, 32, batch_first=True)
    found = trace(model, (torch.randn(1, 5, 16), torch.randn(1, 4, 16)))
    assert found.attentions == 2 + 2 * 2
    assert found.residuals == 2 * 2 + 2 * 3
    last = found.nodes.index(found["encoder.norm"])
    readers = {found.nodes[e.target].path for e in found.edges if e.source == last}
    assert readers == {"decoder.layers.0.multihead_attn", "decoder.layers.1.multihead_attn"}


def test_a_graph_network_with_attention_over_edges():
    from torch_geometric.data import Data
    from torch_geometric.nn import GATConv

    found = trace(GATConv(3, 4, heads=2), Data(x=torch.randn(5, 3), edge_index=torch.randint(0, 5, (2, 9))))
    assert found.attentions == 1
    assert {"x", "edge_index"} <= set(names(found))
    assert found[""].shapes == ((5, 8),)


def test_attention_that_is_written_out_is_the_product_with_the_values():
    class Attention(nn.Module):
        def forward(self, x):
            return (x @ x.transpose(1, 2) / 2).softmax(-1) @ x

    found = trace(Attention(), torch.randn(2, 5, 4))
    assert [node.name for node in found.nodes if node.attention and node.kind == "operation"] == ["matmul"]
    assert found.nodes[-2].attention
    assert found.attentions == 1


def test_a_module_that_is_used_twice_is_two_nodes():
    found = traced(lambda m, x: m.f(m.f(x)))
    assert [node.path for node in found.nodes if node.kind == "module"] == ["", "f", "f@1"]
    assert found["f@1"].parameters == found[""].parameters // 2 == 20
    with pytest.raises(AddressError, match="ran no module 'g'"):
        found["g"]


def test_what_is_written_in_place_through_a_view_is_followed():
    def forward(m, x):
        h = m.f(x)
        h.view(-1).mul_(2)
        h[:, 0] = x[:, 1]
        return m.g(h)

    assert ways(traced(forward)) == {
        *(("x", "f"), ("f", "mul"), ("mul", "setitem"), ("x", "setitem"), ("setitem", "g"), ("g", "output"))
    }


def test_views_are_the_way_of_a_tensor_and_constants_are_not_followed():
    found = traced(lambda m, x: m.g(m.f(x).view(4, 2).transpose(0, 1).reshape(2, 4)) + torch.ones(4).cos())
    (edge,) = [e for e in found.edges if found.nodes[e.target].name == "g"]
    assert edge.views == ("view", "transpose", "reshape")
    assert edge.shape == (2, 4)
    assert names(found) == ["x", "", "f", "g", "add", "output"]


def test_modules_that_pass_on_are_left_out_and_those_that_only_reshape_are_not():
    model = nn.Sequential(nn.Flatten(), nn.Dropout(), nn.Identity(), nn.Linear(4, 2))
    found = trace(model, torch.randn(3, 2, 2))
    assert [node.type for node in found.nodes] == ["input", "Sequential", "Flatten", "Linear", "output"]


def test_compiled_code_of_others_is_one_node():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.before, self.script = nn.Linear(3, 3), torch.jit.script(nn.Linear(3, 3))

        def forward(self, x):
            return self.script(self.before(x)) * 2

    assert ways(trace(Net(), torch.randn(2, 3))) >= {("before", "script"), ("script", "mul"), ("mul", "output")}


def test_long_loops_are_one_box_and_what_is_beyond_the_bound_is_said():
    def forward(m, x):
        x = m.f(x)
        for _ in range(1706):
            x = torch.sin(x) * 2
        return m.g(x)

    found = traced(forward)
    assert [box.type for box in found.plan.boxes if box.kind == "more"] == ["… 3,412 operations"]
    assert "… 3,412 operations" in found.svg()
    short = trace(Written(forward), torch.randn(2, 4), most=100)
    assert len(short.nodes) < 110
    assert "3,3" in short.doubt
    assert "are not" in short.doubt


def test_nothing_stays_and_the_output_is_the_same_to_the_bit():
    model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(), nn.ReLU(inplace=True), nn.Linear(8, 2))
    x, wrong, outputs = torch.randn(5, 4), torch.randn(5, 3), []

    def keep(module, inputs):
        outputs.append(module(*inputs))
        return outputs[-1]

    def state():
        hooks = [len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules()]
        modes = [m.training for m in model.modules()]
        own = [v.tolist() for v in model.state_dict().values()]
        return hooks, modes, own, torch.default_generator.get_state().tolist()

    before = state()
    trace(model, x, keep)
    with pytest.raises(RuntimeError):
        trace(model, wrong)
    assert state() == before
    expected = model.eval()(x)
    assert torch.equal(outputs[0], expected)
    assert type(expected + 1) is torch.Tensor


def test_shapes_types_and_parameters_without_numbers():
    with torch.device("meta"):
        model = nn.Sequential(nn.Embedding(10, 4), nn.Linear(4, 2))
        found = trace(model, torch.zeros(1, 3, dtype=torch.int64))
    assert [node.shapes for node in found.nodes] == [((1, 3),), ((1, 3, 2),), ((1, 3, 4),), ((1, 3, 2),), ((1, 3, 2),)]
    assert found.edges[0].dtype == "int64"
    assert found["0"].parameters == 40


def test_text_says_every_node():
    said = str(traced(lambda m, x: x + m.f(x)))
    assert "residual" in said
    assert "Linear" in said
    assert said.splitlines()[-1].startswith("Written: 2 module calls, 2 torch calls, 0 attention, 1 residual")

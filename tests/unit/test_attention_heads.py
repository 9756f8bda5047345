"""What heads do, against naive replicas: scores, rollout, flow, importance, knock-out; and what other tools get."""

import copy
import json
import math
import re
import sys

import networkx as nx
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from workbench.core.errors import AddressError, ConfigError, DataError, MissingExtraError
from workbench.interpret import attention, head_importance, knock_out
from workbench.interpret.attending import head_scores, mixing


def random_weights(batch, heads, count, *, causal=False, seed=0):
    generator = torch.Generator().manual_seed(seed)
    scores = 3 * torch.randn(batch, heads, count, count, generator=generator)
    return (scores.masked_fill(torch.ones(count, count).triu(1).bool(), -math.inf) if causal else scores).softmax(-1)


def bert(**more):
    from transformers import BertConfig, BertForSequenceClassification

    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=20, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
        initializer_range=0.5, **more,
    )  # fmt: skip
    return BertForSequenceClassification(config).eval()


IDS = torch.tensor([[1, 2, 3, 1, 2, 3, 1], [4, 5, 6, 7, 8, 9, 4]])
FIRST = "bert.encoder.layer.0.attention.self"


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 2), st.integers(1, 3), st.integers(2, 6), st.booleans(), st.integers(0, 99))
def test_scores_of_heads_equal_naive_loops(batch, heads, count, causal, seed):
    weights = random_weights(batch, heads, count, causal=causal, seed=seed)
    ids = torch.randint(0, 3, (batch, count), generator=torch.Generator().manual_seed(seed))
    for h in range(heads):
        entropies, distances, before, start, copies = [], [], [], [], []
        for b in range(batch):
            for i in range(count):
                row = [float(w) for w in weights[b, h, i]]
                entropies.append(-sum(w * math.log(w) for w in row if w > 0))
                distances.append(sum(w * abs(i - j) for j, w in enumerate(row)))
                if i:
                    before.append(row[i - 1])
                    start.append(row[0])
                after = [j for j in range(1, i + 1) if ids[b, j - 1] == ids[b, i]]
                if after:
                    copies.append(sum(row[j] for j in after))
        assert float(head_scores.entropy(weights)[h]) == pytest.approx(np.mean(entropies), abs=1e-5)
        assert float(head_scores.distance(weights)[h]) == pytest.approx(np.mean(distances), abs=1e-5)
        assert float(head_scores.previous(weights)[h]) == pytest.approx(np.mean(before), abs=1e-5)
        assert float(head_scores.first(weights)[h]) == pytest.approx(np.mean(start), abs=1e-5)
        found = float(head_scores.induction(weights, ids)[h])
        assert found == pytest.approx(np.mean(copies), abs=1e-5) if copies else math.isnan(found)


def test_rows_that_look_at_nothing_do_not_count():
    weights = torch.zeros(1, 1, 3, 3)
    weights[0, 0, 1, 0] = 1.0
    assert float(head_scores.entropy(weights)) == 0.0
    assert float(head_scores.previous(weights)) == 1.0
    assert math.isnan(float(head_scores.entropy(torch.zeros(1, 1, 2, 2))))


def test_scores_of_a_model_name_its_heads_and_rank_them():
    found = attention(bert(), IDS).scores()
    assert found.names == tuple((f"bert.encoder.layer.{i}.attention.self", h) for i in (0, 1) for h in (0, 1))
    (name, head, value), *_ = found.top("previous")
    assert value == float(found.previous.max())
    assert (name, head) == found.names[int(found.previous.argmax())]
    assert "induction" in str(found)
    assert "<table" in found._repr_html_()


def test_a_head_of_previous_tokens_is_found():
    class Previous(nn.Module):
        def forward(self, x):
            shifted = torch.eye(x.size(1)).roll(1, 0)
            scores = torch.stack([50 * shifted, torch.zeros_like(shifted)])[None]
            return scores.softmax(-1) @ x[:, None]

    scores = attention(Previous(), torch.randn(1, 6, 4)).scores()
    assert scores.top("previous", 1)[0][1:] == (0, pytest.approx(1.0))


def test_rollout_equals_the_recursion_of_the_paper():
    layers = [random_weights(2, 3, 5, seed=i) for i in range(3)]
    for example in range(2):
        expected = np.eye(5)
        for one in layers:
            step = 0.5 * one[example].mean(0).numpy() + 0.5 * np.eye(5)
            expected = (step / step.sum(-1, keepdims=True)) @ expected
        assert np.allclose(mixing.rollout(layers)[example].numpy(), expected, atol=1e-6)
    maps = attention(bert(), IDS)
    assert torch.allclose(maps.rollout().sum(-1), torch.ones(2, 7), atol=1e-5)
    assert torch.equal(maps.rollout([FIRST]), mixing.rollout([maps[0].weights]))


def test_flow_equals_the_maximum_flow_of_another_library():
    layers = [random_weights(1, 2, 3, seed=i) for i in range(2)]
    graph = nx.DiGraph()
    for depth, one in enumerate(layers):
        step = 0.5 * one[0].double().mean(0) + 0.5 * torch.eye(3)
        for to in range(3):
            for source in range(3):
                graph.add_edge((depth, source), (depth + 1, to), capacity=float(step[to, source]))
    found = mixing.flow(layers)
    for to in range(3):
        for source in range(3):
            expected = nx.maximum_flow_value(graph, (0, source), (2, to))
            assert float(found[to, source]) == pytest.approx(expected, abs=1e-4)
    with pytest.raises(DataError, match="rollout"):
        mixing.flow([torch.zeros(1, 1, 400, 400)])


def test_rollout_of_what_does_not_follow_on_each_other_is_refused():
    layer = nn.MultiheadAttention(8, 2, batch_first=True)
    x, other = torch.randn(1, 3, 8), torch.randn(1, 5, 8)
    maps = attention(layer, (x, other, other))
    with pytest.raises(DataError, match="No attention within one sequence"):
        maps.rollout()
    with pytest.raises(DataError, match="3x5"):
        maps.rollout([maps[0].name])


def test_a_head_that_is_knocked_out_equals_one_whose_output_weights_are_zero():
    model = bert()
    found = knock_out(model, IDS, [(FIRST, 1)])
    without = copy.deepcopy(model)
    with torch.no_grad():
        without.bert.encoder.layer[0].attention.output.dense.weight[:, 8:] = 0.0
        assert torch.allclose(found.before, model(IDS).logits, atol=0)
        assert torch.allclose(found.after, without(IDS).logits, atol=1e-5)
    assert found.largest == float(found.change.abs().max()) > 0.01
    assert "head 1" in str(found)


class Written(nn.Module):
    """Attention by bmm or einsum, heads merged with the batch or in the middle."""

    def __init__(self, way):
        super().__init__()
        self.qkv, self.out, self.way = nn.Linear(8, 24), nn.Linear(8, 3), way

    def forward(self, x):
        q, k, v = self.qkv(x).view(*x.shape[:2], 3, 2, 4).permute(2, 0, 3, 1, 4)
        weights = (q @ k.transpose(-1, -2)).softmax(-1)
        if self.way == "bmm":
            mixed = torch.bmm(weights.flatten(0, 1), v.flatten(0, 1)).view(v.shape).transpose(1, 2)
        elif self.way == "einsum":
            mixed = torch.einsum("bhqk,bhkd->bqhd", weights, v)
        elif self.way == "transposed":
            mixed = (v.transpose(-1, -2) @ weights.transpose(-1, -2)).permute(0, 3, 1, 2)
        else:
            mixed = (weights @ v).transpose(1, 2)
        return self.out(mixed.flatten(2))


@pytest.mark.parametrize("way", ["matmul", "bmm", "einsum", "transposed"])
def test_heads_written_by_hand_are_knocked_out(way):
    torch.manual_seed(0)
    model, x = Written(way), torch.randn(3, 2, 8)  # as many queries as heads
    found = knock_out(model, x, [("", 0)])
    with torch.no_grad():
        model.out.weight[:, :4] = 0.0
        assert torch.allclose(found.after, model(x), atol=1e-5)


@pytest.mark.parametrize("need_weights", [True, False])
def test_heads_of_multihead_attention_are_knocked_out(need_weights):
    torch.manual_seed(0)
    layer, x = nn.MultiheadAttention(8, 2, batch_first=True), torch.randn(2, 3, 8)
    inputs = {"query": x, "key": x, "value": x, "need_weights": need_weights}
    found = knock_out(layer, inputs, [("", 1)])
    with torch.no_grad():
        layer.out_proj.weight[:, 4:] = 0.0
        assert torch.allclose(found.after, layer(**inputs)[0], atol=1e-5)


def test_heads_over_edges_are_knocked_out():
    from torch_geometric.nn import GATConv

    torch.manual_seed(0)
    layer, x, edges = GATConv(3, 4, heads=2), torch.randn(4, 3), torch.tensor([[0, 1, 2], [1, 2, 3]])
    found = knock_out(layer, (x, edges), [("", 1)])
    assert torch.equal(found.after[:, :4], found.before[:, :4])
    assert torch.allclose(found.after[:, 4:], layer.bias[4:].expand(4, 4).detach())


def test_importance_equals_the_gradient_by_the_weights_times_the_weights():
    model = bert()
    found = head_importance(model, IDS, target=1)
    eager = type(model)._from_config(copy.deepcopy(model.config), attn_implementation="eager").eval()
    eager.load_state_dict(model.state_dict())
    out = eager(IDS, output_attentions=True)
    for example in range(2):
        slopes = torch.autograd.grad(out.logits[example, 1], out.attentions, retain_graph=True)
        for i, (weights, slope) in enumerate(zip(out.attentions, slopes, strict=True)):
            expected = (weights * slope)[example].sum((-1, -2))
            signed = found.signed[f"bert.encoder.layer.{i}.attention.self"][example]
            assert torch.allclose(signed, expected.detach(), atol=1e-4)
    assert found.importance[FIRST].shape == (2,)
    assert [row[2] for row in found.top(4)] == sorted((row[2] for row in found.top(4)), reverse=True)
    assert all(p.grad is None for p in model.parameters())
    assert "importance" in str(found)


def test_heads_that_are_not_there_are_refused():
    with pytest.raises(AddressError, match="2 heads"):
        knock_out(bert(), IDS, [(FIRST, 2)])
    with pytest.raises(AddressError, match="Did you mean"):
        knock_out(bert(), IDS, [(FIRST.replace("0", "7"), 0)])
    with pytest.raises(DataError, match="no attention"):
        head_importance(nn.Sequential(nn.Linear(3, 2)), torch.randn(2, 3))


def test_maps_become_labelled_arrays():
    maps = attention(bert(), IDS)
    data = maps.to_xarray()
    assert set(data) == set(maps.names) == set(maps.numpy())
    assert np.array_equal(data[FIRST].values, maps[0].weights.numpy())
    assert data[FIRST].dims == ("batch", f"{FIRST}.head", f"{FIRST}.query", f"{FIRST}.key")
    assert list(data[FIRST].coords[f"{FIRST}.key"].values) == [str(i) for i in range(7)]
    assert data.attrs["doubt"] == maps.doubt


def test_edges_become_labelled_arrays():
    from torch_geometric.nn import GATConv

    maps = attention(GATConv(3, 4, heads=2), (torch.randn(4, 3), torch.tensor([[0, 1, 2], [1, 2, 3]])))
    data = maps.to_xarray()
    (name,) = data
    assert data[name].shape == (7, 2)
    assert list(data[name].coords[f"{name}.target"].values) == maps[0].edge_index[1].tolist()


def test_a_figure_shows_the_head_that_was_asked_for():
    maps = attention(bert(), IDS)
    figure = maps.plot(FIRST, head=1, example=1)
    (drawn,) = figure.data
    assert np.array_equal(drawn.z, maps[FIRST].weights[1, 1].numpy())
    assert len(maps.plot(FIRST).data) == 2
    with pytest.raises(DataError, match="2 heads"):
        maps.plot(FIRST, head=2)


def test_names_with_html_are_text_in_a_figure():
    class Tokenizer:
        def convert_ids_to_tokens(self, index):
            return f"<b>{index}</b>"

        def decode(self, tokens):
            return f"<b>{tokens[0]}</b>"

    figure = attention(bert(), IDS, processor=Tokenizer()).plot(0, head=0)
    assert figure.layout.xaxis.ticktext[0] == "&lt;b&gt;1&lt;/b&gt;"


@pytest.mark.parametrize("view", ["head", "model"])
def test_bertviz_needs_no_network_and_keeps_the_weights(view):
    class Tokenizer:
        def convert_ids_to_tokens(self, index):
            return "</script><script>bad()</script>" if index == 1 else f"t{index}"

        def decode(self, tokens):
            return self.convert_ids_to_tokens(tokens[0])

    maps = attention(bert(), IDS, processor=Tokenizer())
    page = maps.bertviz(view)
    assert not re.search(r"(src|href)\s*=\s*[\"']?\s*(https?:)?//", page.html)
    assert "cdnjs" not in page.html
    assert "bad()</script>" not in page.html
    start = page.html.index('{"attention"')
    data = json.JSONDecoder().raw_decode(page.html[start:])[0]["attention"][0]
    assert np.allclose(data["attn"][1][0], maps[1].weights[0, 0].numpy(), atol=1e-6)
    assert data["left_text"][0] == "</script><script>bad()</script>"
    assert "sandbox" in page._repr_html_()


def test_bertviz_is_refused_above_a_size_and_for_what_it_cannot_show(monkeypatch):
    from workbench.interpret.attending import attention_exports

    maps = attention(bert(), IDS)
    with pytest.raises(ConfigError, match="'head' or 'model'"):
        maps.bertviz("neuron")
    monkeypatch.setattr(attention_exports, "MOST_WEIGHTS", 100)
    with pytest.raises(DataError, match="shorter input"):
        maps.bertviz("head")
    with pytest.raises(DataError, match="No attention was computed"):
        attention(nn.Linear(2, 2), torch.randn(1, 2)).bertviz("head")


def test_both_sides_of_an_encoder_and_decoder_reach_bertviz():
    from transformers import BartConfig, BartModel

    torch.manual_seed(0)
    config = BartConfig(
        vocab_size=20, d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2, encoder_ffn_dim=16,
        decoder_attention_heads=2, decoder_ffn_dim=16, max_position_embeddings=32,
    )  # fmt: skip
    inputs = {"input_ids": IDS[:1], "decoder_input_ids": IDS[:1, :3]}
    page = attention(BartModel(config).eval(), inputs).bertviz("head")
    assert all(f'"name": "{name}"' in page.html for name in ("Encoder", "Decoder", "Cross"))


@pytest.mark.parametrize(
    ("library", "extra", "method"),
    [("bertviz", "bertviz", "bertviz"), ("xarray", "plots", "to_xarray"), ("plotly", "plots", "plot")],
)
def test_a_library_that_is_missing_is_named_with_its_extra(monkeypatch, library, extra, method):
    maps = attention(bert(), IDS)
    for name in [n for n in sys.modules if n.partition(".")[0] == library]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingExtraError, match=rf"{library} is needed .*\[{extra}\]"):
        getattr(maps, method)()

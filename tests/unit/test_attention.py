"""attention: weights recomputed beside the model's own kernel equal what other implementations return."""

import copy

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from workbench.core.errors import AddressError
from workbench.interpret import attention
from workbench.taps import AttentionTap
from workbench.taps.kernels import attention_weights, repeated


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 2),
    st.sampled_from([(2, 2), (4, 2), (4, 1)]),
    st.integers(1, 5),
    st.integers(1, 5),
    st.sampled_from(["none", "causal", "boolean", "numbers"]),
    st.sampled_from([None, 0.3]),
    st.integers(0, 99),
)
def test_weights_times_values_equal_the_kernel(batch, heads, queries, keys, masking, scale, seed):
    torch.manual_seed(seed)
    q = torch.randn(batch, heads[0], queries, 8)
    k, v = torch.randn(2, batch, heads[1], keys, 8)
    mask = {"boolean": torch.rand(batch, 1, queries, keys) > 0.4, "numbers": torch.randn(queries, keys)}.get(masking)
    causal = masking == "causal"
    expected = F.scaled_dot_product_attention(
        q, k, v, mask, is_causal=causal, scale=scale, enable_gqa=heads[0] != heads[1]
    )
    weights = attention_weights(q, k, mask, causal=causal, scale=scale)
    assert weights.shape == (batch, heads[0], queries, keys)
    assert torch.allclose(weights @ repeated(v, q), expected, atol=1e-5)


def bert(**options):
    from transformers import BertConfig, BertModel

    return BertModel(
        BertConfig(
            vocab_size=50,
            hidden_size=16,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=32,
            initializer_range=0.5,
            **options,
        )
    )


def llama(**options):
    from transformers import LlamaConfig, LlamaForCausalLM

    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=50,
            hidden_size=16,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            intermediate_size=32,
            initializer_range=0.5,
            **options,
        )
    )


def t5():
    from transformers import T5Config, T5ForConditionalGeneration

    return T5ForConditionalGeneration(
        T5Config(vocab_size=50, d_model=16, d_kv=8, d_ff=32, num_layers=2, num_heads=2, decoder_start_token_id=0)
    )


def padded(length=6):
    ids = torch.randint(0, 50, (2, length))
    mask = torch.ones_like(ids)
    mask[0, length - 2 :] = 0
    return {"input_ids": ids, "attention_mask": mask}


@pytest.mark.parametrize("make", [bert, llama])
def test_transformers_on_the_default_kernel_equal_their_eager_twin(make):
    torch.manual_seed(0)
    model, inputs = make().eval(), padded()
    assert model.config._attn_implementation == "sdpa"
    eager = copy.deepcopy(model)
    eager.set_attn_implementation("eager")
    with torch.no_grad():
        expected = eager(**inputs, output_attentions=True).attentions
        plain = model(**inputs)[0]
        with AttentionTap(model):
            watched = model(**inputs)[0]
    assert torch.equal(plain, watched)
    maps = attention(model, inputs, exact=True)
    assert len(maps) == 2
    for one, own in zip(maps, expected, strict=True):
        assert (one.kind, one.seen) == ("self", "transformers:sdpa")
        assert torch.allclose(one.weights, own, atol=1e-5)
    assert max(maps.check().values()) < 1e-5
    assert len(maps.check()) == 2
    assert model.config._attn_implementation == "sdpa"


def test_encoder_decoder_attention_is_named_and_equals_its_own_report():
    torch.manual_seed(0)
    model = t5().eval()
    inputs = {"input_ids": torch.randint(1, 50, (2, 6)), "decoder_input_ids": torch.randint(1, 50, (2, 3))}
    eager = copy.deepcopy(model)
    eager.set_attn_implementation("eager")
    with torch.no_grad():
        out = eager(**inputs, output_attentions=True)
    maps = attention(model, inputs, exact=True)
    cross = [m for m in maps if "EncDecAttention" in m.module]
    assert len(cross) == 2
    for one, own in zip(cross, out.cross_attentions, strict=True):
        assert one.weights.shape == (2, 2, 3, 6)
        assert torch.allclose(one.weights, own, atol=1e-5)


def test_every_step_of_generation_is_recorded_unpacked():
    torch.manual_seed(0)
    model, ids = llama().eval(), torch.randint(3, 50, (2, 5))
    options = {"max_new_tokens": 3, "do_sample": False, "pad_token_id": 0, "eos_token_id": None}
    plain = model.generate(ids, **options)
    generated = lambda m, x: m.generate(x[0] if isinstance(x, tuple) else x, **options)  # noqa: E731 - one line
    maps = attention(model, ids, call=generated, exact=True)
    assert [m.weights.shape[-2:] for m in maps] == [(5, 5)] * 2 + [(1, 6)] * 2 + [(1, 7)] * 2
    assert all(m.weights.shape[:2] == (2, 4) for m in maps)
    eager = copy.deepcopy(model)
    eager.set_attn_implementation("eager")
    with torch.no_grad():
        whole = eager(plain[:, :7], output_attentions=True).attentions
    last = maps["model.layers.1.self_attn@2"]
    assert torch.allclose(last.weights[:, :, 0], whole[1][:, :, 6], atol=1e-5)
    with AttentionTap(model):
        assert torch.equal(model.generate(ids, **options), plain)


@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize("batch_first", [True, False])
def test_multihead_attention_equals_the_weights_it_returns_itself(need_weights, batch_first):
    torch.manual_seed(0)
    layer = nn.MultiheadAttention(8, 2, batch_first=batch_first).eval()
    x, other = torch.randn(4, 3, 8), torch.randn(4, 3, 8) if batch_first else torch.randn(6, 3, 8)
    mask = torch.rand(x.shape[1 if batch_first else 0], other.shape[1 if batch_first else 0]) > 0.7
    mask[:, 0] = False
    inputs = {"query": x, "key": other, "value": other, "attn_mask": mask, "need_weights": need_weights}
    with torch.no_grad():
        expected = layer(**inputs | {"need_weights": True, "average_attn_weights": False})[1]
    (one,) = attention(layer, inputs, exact=True)
    assert torch.allclose(one.weights, expected, atol=1e-6)
    assert one.error is not None
    assert one.error < 1e-5
    with torch.no_grad():
        plain = layer(**inputs)
        with AttentionTap(layer):
            watched = layer(**inputs)
    assert torch.allclose(watched[0], plain[0], atol=1e-6)
    assert (watched[1] is None) == (plain[1] is None)


def test_the_encoder_of_torch_is_seen_on_its_fused_path():
    torch.manual_seed(0)
    model = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2).eval()
    x = torch.randn(2, 5, 8)
    padding = torch.tensor([[False] * 5, [False] * 3 + [True] * 2])
    maps = attention(model, {"src": x, "src_key_padding_mask": padding}, exact=True)
    assert maps.names == ("layers.0.self_attn", "layers.1.self_attn")
    assert maps[0].weights.shape == (2, 2, 5, 5)
    assert not bool(maps[0].weights[1, :, :, 3:].any())
    _, expected = model.layers[0].self_attn(
        x, x, x, key_padding_mask=padding, need_weights=True, average_attn_weights=False
    )
    computed = ~padding[:, None, :, None]  # nothing is computed for padded queries
    assert torch.allclose(maps[0].weights, expected * computed, atol=1e-6)


class ByHand(nn.Module):
    """Attention written out in one of the usual ways; keeps its own weights for the test."""

    def __init__(self, way):
        super().__init__()
        self.qkv, self.head, self.way, self.own = nn.Linear(8, 24), nn.Linear(8, 3), way, None

    def forward(self, x):
        q, k, v = self.qkv(x).view(*x.shape[:2], 3, 2, 4).permute(2, 0, 3, 1, 4)
        scores = q @ k.transpose(-1, -2) / 2
        scores = scores.masked_fill(torch.ones(scores.shape[-2:]).triu(1).bool(), -torch.inf)
        if self.way == "matmul":
            self.own = F.softmax(scores, dim=-1)
            out = F.dropout(self.own, 0.5, self.training) @ v
        elif self.way == "bmm":
            self.own = scores.softmax(-1)
            out = torch.bmm(self.own.flatten(0, 1), v.flatten(0, 1)).view(v.shape)
        elif self.way == "einsum":
            self.own = torch.softmax(scores, -1)
            out = torch.einsum("bhqk,bhkd->bhqd", self.own, v)
        else:
            self.own = scores.softmax(-1).type_as(x)
            out = (v.transpose(-1, -2) @ self.own.transpose(-1, -2)).transpose(-1, -2)
        # A classifier's softmax that meets a weight is no attention.
        return self.head(out.transpose(1, 2).flatten(2)).softmax(-1) @ self.head.weight


@pytest.mark.parametrize("way", ["matmul", "bmm", "einsum", "transposed"])
def test_attention_written_by_hand_is_found_once_and_exactly(way):
    torch.manual_seed(0)
    model, x = ByHand(way), torch.randn(2, 5, 8)
    plain = model.eval()(x)
    (one,) = attention(model, x, exact=True)
    assert (one.kind, one.seen) == ("self", "softmax")
    assert torch.equal(one.weights, model.own)
    with AttentionTap(model):
        assert torch.equal(model(x), plain)


def test_edges_of_graph_attention_equal_the_weights_pyg_returns():
    from torch_geometric.nn import GATConv, GATv2Conv

    torch.manual_seed(0)
    x, edges = torch.randn(5, 3), torch.tensor([[0, 1, 2, 3, 0], [1, 2, 3, 4, 4]])
    for kind in (GATConv, GATv2Conv):
        layer = kind(3, 4, heads=2).eval()
        with torch.no_grad():
            _, (own_edges, own) = layer(x, edges, return_attention_weights=True)
        (one,) = attention(layer, (x, edges))
        assert (one.kind, one.seen) == ("edge", "edges")
        assert one.edge_index is one.edges
        assert torch.equal(one.edges, own_edges)
        assert torch.equal(one.weights, own)
        dense = one.dense()
        assert dense.shape == (1, 2, 5, 5)
        assert torch.allclose(dense.sum(-1), torch.ones(1, 2, 5))
        source, target = own_edges[:, 0]
        assert dense[0, 1, target, source] == own[0, 1]


def test_a_model_without_attention_gets_a_sentence():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(72, 4), nn.Softmax(-1))
    maps = attention(model, torch.randn(2, 1, 8, 8))
    assert not maps
    assert "softmax(...) @ values" in maps.reason
    assert "Conv2d" in maps.reason
    assert str(maps) == maps.doubt == maps.reason
    with pytest.raises(AddressError, match="scaled_dot_product_attention"):
        maps["0"]


def test_modules_choose_and_wrong_names_are_refused():
    model, inputs = bert().eval(), padded()
    assert attention(model, inputs, modules=["encoder.layer.1"]).names == ("encoder.layer.1.attention.self",)
    maps = attention(model, inputs)
    assert maps["encoder.layer.1"] is maps["encoder.layer.1.attention.self@0"] is maps[1]
    with pytest.raises(AddressError, match=r"encoder\.layer\.1"):
        attention(model, inputs, modules=["encoder.layer.9"])
    with pytest.raises(AddressError, match=r"encoder\.layer\.0\.attention\.self"):
        attention(model, inputs)["encoder.layer.3.attention.self"]


def test_the_byte_cap_names_what_it_left_out():
    model, inputs = bert().eval(), padded()
    one_map = 2 * 2 * 6 * 6 * 2
    maps = attention(model, inputs, max_bytes=one_map)
    assert len(maps) == 1
    assert maps.left_out == ("encoder.layer.1.attention.self",)
    assert "encoder.layer.1.attention.self" in maps.doubt
    with pytest.raises(AddressError, match="byte cap"):
        maps["encoder.layer.1.attention.self"]
    assert "max_bytes=10" in attention(model, inputs, max_bytes=10).reason


def test_training_mode_and_the_generator_stay_as_they_were():
    model, inputs = bert().train(), padded()
    torch.manual_seed(3)
    before = torch.default_generator.get_state()
    first, second = attention(model, inputs), attention(model, inputs)
    assert torch.equal(first[0].weights, second[0].weights)
    assert model.training
    assert torch.equal(torch.default_generator.get_state(), before)


def test_labels_are_the_tokens_of_the_processor():
    class Tokenizer:
        all_special_tokens = ("<s>",)

        def convert_ids_to_tokens(self, index):
            return "<s>" if index == 0 else f"Ġw{index}"

        def decode(self, ids):
            return f" w{ids[0]}"

    model = bert().eval()
    maps = attention(model, {"input_ids": torch.tensor([[0, 3, 4]])}, processor=Tokenizer())
    assert maps[0].keys == (("<s>", " w3", " w4"),)
    assert maps.tokens(Tokenizer()) == [["<s>", " w3", " w4"]]
    assert attention(model, {"input_ids": torch.tensor([[0, 3, 4]])})[0].queries == (("0", "1", "2"),)


def test_gradient_checkpointing_in_training_records_each_attention_once():
    model, inputs = bert().train(), padded()
    model.gradient_checkpointing_enable()
    with AttentionTap(model) as one:
        model(**inputs)[0].sum().backward()
    assert [r.module for r in one.records] == [f"encoder.layer.{i}.attention.self" for i in (0, 1)]


def test_the_html_of_a_map_escapes_what_models_call_their_modules():
    model = nn.Module()
    model.add_module("<script>alert(1)</script>", nn.MultiheadAttention(4, 2))
    model.forward = lambda x: next(model.children())(x, x, x)
    html = attention(model, torch.randn(3, 1, 4))._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def test_labels_of_a_decoder_are_its_own_tokens():
    class Tokenizer:
        def convert_ids_to_tokens(self, index):
            return f"t{index}"

        def decode(self, ids):
            return f"t{ids[0]}"

    inputs = {"input_ids": torch.tensor([[3, 4]]), "decoder_input_ids": torch.tensor([[5, 6]])}
    maps = attention(t5().eval(), inputs, processor=Tokenizer())
    source, own = (("t3", "t4"),), (("t5", "t6"),)
    labels = {m.module: (m.queries, m.keys) for m in maps if ".0." in m.module or "encoder.block.0" in m.module}
    assert {(source, source), (own, own), (own, source)} == set(labels.values())
    crossing = [pair for name, pair in labels.items() if "EncDec" in name]
    assert crossing == [(own, source)]


def test_taps_that_overlap_in_threads_or_close_out_of_order_leave_nothing_and_see_their_own():
    import threading

    import torch_geometric.nn.conv.gat_conv as convolution
    from transformers.modeling_utils import AttentionInterface

    def swapped():
        return dict(AttentionInterface._global_mapping), F.scaled_dot_product_attention, convolution.softmax

    before, model, inputs = swapped(), bert().eval(), padded()
    layer, x = nn.MultiheadAttention(8, 2).eval(), torch.randn(3, 1, 8)
    entered, leave, found = threading.Event(), threading.Event(), []

    def other():
        with AttentionTap(model) as mine:
            entered.set()
            leave.wait(10)
            model(**inputs)
        found.extend(mine.records)

    with AttentionTap(model) as first:
        thread = threading.Thread(target=other)
        thread.start()
        entered.wait(10)
        model(**inputs)
    assert len(first.records) == 2
    assert not found
    leave.set()
    thread.join()
    assert len(found) == 2
    assert swapped() == before

    one, two, three = AttentionTap(model), AttentionTap(model), AttentionTap(layer)
    with one, two, three:
        model(**inputs)
        layer(x, x, x, need_weights=False)
    assert [len(tap.records) for tap in (one, two, three)] == [2, 2, 1]
    assert all(torch.equal(a.weights, b.weights) for a, b in zip(one.records, two.records, strict=True))
    assert [r.kind for r in one.records] == ["transformers:sdpa"] * 2
    assert swapped() == before

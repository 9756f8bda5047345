"""Attention of every kind, un-tiled, against an independent oracle: another implementation, a naive loop, a replica."""

import copy
import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from workbench.core.errors import AddressError, DataError, ModelError
from workbench.interpret import attention, implied_attention

SMALL = {"hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 32, "vocab_size": 50}


def eager_twin(model):
    twin = type(model)._from_config(copy.deepcopy(model.config), attn_implementation="eager").eval()
    twin.load_state_dict(model.state_dict())
    return twin


def ids(batch=2, length=6):
    return torch.randint(3, 50, (batch, length))


def of_language(name):
    import transformers as t

    if name == "bloom":  # ALiBi
        return t.BloomModel(t.BloomConfig(vocab_size=50, hidden_size=16, n_layer=2, n_head=2, initializer_range=0.5))
    more = {"num_hidden_layers": 2, "num_key_value_heads": 1, "initializer_range": 0.5}
    return t.MistralModel(t.MistralConfig(**SMALL, **more, sliding_window=3))


@pytest.mark.parametrize(("name", "kind"), [("bloom", "self"), ("mistral", "local")])
def test_biases_groups_and_sliding_windows_equal_the_eager_twin(name, kind):
    torch.manual_seed(0)
    model = of_language(name).eval()
    inputs = {"input_ids": ids()}
    with torch.no_grad():
        expected = eager_twin(model)(**inputs, output_attentions=True).attentions
    maps = attention(model, inputs, exact=True)
    assert [one.kind for one in maps] == [kind, kind]
    for one, own in zip(maps, expected, strict=True):
        assert torch.allclose(one.weights, own, atol=1e-5)
    assert max(maps.check().values()) < 1e-5


class PartsOfSoftmax(nn.Module):
    """Softmax written with exp and sum, or with exp and logsumexp."""

    def __init__(self, way):
        super().__init__()
        self.qkv, self.way, self.own = nn.Linear(6, 18), way, None

    def forward(self, x):
        q, k, v = self.qkv(x).chunk(3, -1)
        scores = q @ k.transpose(1, 2)
        if self.way == "sum":
            parts = torch.exp(scores - scores.max(-1, keepdim=True).values)
            parts = parts.masked_fill(torch.ones(parts.shape[-2:]).triu(1).bool(), 0.0)
            self.own = parts / parts.sum(-1, keepdim=True)
        elif self.way == "logsumexp":
            self.own = torch.exp(scores - torch.logsumexp(scores, -1, keepdim=True))
        else:
            self.own = F.log_softmax(scores, -1).exp()
        return self.own @ v


@pytest.mark.parametrize("way", ["sum", "logsumexp", "log_softmax"])
def test_softmax_written_in_parts_is_found(way):
    torch.manual_seed(0)
    model = PartsOfSoftmax(way)
    (one,) = attention(model, torch.randn(2, 5, 6), exact=True)
    assert one.weights.shape == (2, 1, 5, 5)
    assert torch.equal(one.weights[:, 0], model.own)
    assert one.error < 1e-6


def test_exponentials_of_another_use_are_no_attention():
    class Gate(nn.Module):
        def forward(self, x):
            e = torch.exp(x)
            return (e / (1 + e)) @ x.transpose(1, 2)

    assert not attention(Gate(), torch.randn(2, 3, 4))


def swin(height):
    from transformers import SwinConfig, SwinModel

    config = SwinConfig(
        image_size=height, patch_size=4, embed_dim=8, depths=[2], num_heads=[2], window_size=4, initializer_range=0.7
    )
    return SwinModel(config).eval()


def swin_by_hand(layer, x, side, shift):
    """(batch, heads, tokens, tokens) of one Swin layer, pair by pair, without windows being cut out."""
    own, size = layer.attention, 4
    inner = next(m for n, m in own.named_modules() if hasattr(m, "relative_position_bias_table"))
    projections = {name.split(".")[-1]: module for name, module in own.named_modules()}
    query, key = (
        projections.get(long) or projections[short] for long, short in (("query", "q_proj"), ("key", "k_proj"))
    )
    normed = layer.layernorm_before(x)
    q, k = (p(normed).view(len(x), side * side, 2, -1).transpose(1, 2) for p in (query, key))
    scores = q @ k.transpose(-1, -2) / math.sqrt(q.size(-1))
    allowed = torch.zeros(side * side, side * side, dtype=torch.bool)
    bias = torch.zeros(2, side * side, side * side)
    table = inner.relative_position_bias_table
    for i in range(side * side):
        for j in range(side * side):
            (ri, ci), (rj, cj) = [((n // side - shift) % side, (n % side - shift) % side) for n in (i, j)]
            wrapped = [(n // side < shift, n % side < shift) for n in (i, j)]
            same = (ri // size, ci // size) == (rj // size, cj // size)
            allowed[i, j] = same and (wrapped[0] == wrapped[1])
            if same:
                bias[:, i, j] = table[(ri - rj + size - 1) * (2 * size - 1) + ci - cj + size - 1]
    return (scores + bias).masked_fill(~allowed, -math.inf).softmax(-1)


def test_windows_of_swin_are_put_back_into_the_picture():
    torch.manual_seed(0)
    model, x = swin(32), torch.randn(2, 3, 32, 32)
    layers = [layer for layer in model.modules() if type(layer).__name__ == "SwinLayer"]
    for table in (p for n, p in model.named_parameters() if "bias_table" in n):
        nn.init.normal_(table)
    seen = []
    handles = [layer.register_forward_pre_hook(lambda _, args: seen.append(args[0])) for layer in layers]
    maps = attention(model, x, exact=True)
    for handle in handles:
        handle.remove()
    assert [one.kind for one in maps] == ["windowed"] * 2
    for one, layer, inputs, shift in zip(maps, layers, seen, (0, 2), strict=True):
        expected = swin_by_hand(layer, inputs, 8, shift)
        assert one.weights.shape == one.shape == (2, 2, 64, 64)
        assert torch.allclose(one.weights, expected, atol=1e-5)
        assert torch.equal(one.head(1, 1), one.weights[1, 1])
        assert one.queries[1][9] == "1,1"
    assert max(maps.check().values()) < 1e-5


def test_padding_of_windows_is_left_out():
    torch.manual_seed(0)
    model = swin(24)  # 6 x 6 tokens, padded to 8 x 8
    (first, _) = attention(model, torch.randn(1, 3, 24, 24), exact=True)
    assert first.weights.shape == (1, 2, 36, 36)
    sums = first.weights.sum(-1)
    assert bool((sums[0, 0, :22].view(-1)[[0, 7, 14]] > 1 - 1e-5).all())  # whole windows lose nothing
    assert bool((sums < 1 + 1e-5).all())


def longformer(**more):
    from transformers import LongformerConfig, LongformerModel

    config = LongformerConfig(
        **SMALL, num_hidden_layers=1, attention_window=[4], max_position_embeddings=64, initializer_range=0.5, **more
    )
    return LongformerModel(config).eval()


def test_longformer_is_put_back_by_query_and_key():
    torch.manual_seed(0)
    model, tokens = longformer(), ids(2, 12)
    (one,) = attention(model, {"input_ids": tokens})
    inner = model.encoder.layer[0].attention.self
    with torch.no_grad():
        hidden = model.embeddings(tokens)
        q, k = (p(hidden).view(2, 12, 2, 8).transpose(1, 2) for p in (inner.query, inner.key))
    at = torch.arange(12)
    far = (at[:, None] - at).abs() > 2
    expected = (q @ k.transpose(-1, -2) / math.sqrt(8)).masked_fill(far, -math.inf).softmax(-1)
    assert one.kind == "local"
    assert one.error < 1e-5
    assert torch.allclose(one.weights, expected, atol=1e-5)
    assert torch.equal(one.head(1, 0), one.weights[1, 0])


def test_global_tokens_of_longformer_equal_what_its_values_give():
    torch.manual_seed(0)
    model, tokens = longformer(), ids(2, 12)
    chosen = torch.zeros_like(tokens)
    chosen[0, 0] = chosen[0, 7] = chosen[1, 3] = 1
    inputs = {"input_ids": tokens, "global_attention_mask": chosen}
    (one,) = attention(model, inputs)
    name = "encoder.layer.0.attention.self"
    near = implied_attention(model, inputs, name, values="value").weights
    wide = implied_attention(model, inputs, name, values="value_global").weights
    expected = torch.where(chosen[:, None, :, None].bool(), wide, near)
    assert torch.allclose(one.weights, expected, atol=1e-5)
    assert torch.allclose(one.weights.sum(-1), torch.ones(2, 2, 12), atol=1e-5)
    assert one.error < 1e-5


def test_an_input_that_longformer_pads_is_shown_without_padding():
    torch.manual_seed(0)
    model, tokens = longformer(), ids(1, 7)

    class Tokenizer:
        def convert_ids_to_tokens(self, index):
            return f"t{index}"

        def decode(self, tokens):
            return f"t{tokens[0]}"

    (one,) = attention(model, {"input_ids": tokens}, processor=Tokenizer())
    assert one.weights.shape == (1, 2, 7, 7) == one.shape
    assert one.keys[0] == tuple(f"t{i}" for i in tokens[0].tolist())


def test_led_is_put_back_by_query_and_key():
    from transformers import LEDConfig, LEDModel

    torch.manual_seed(0)
    config = LEDConfig(
        vocab_size=50, d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        attention_window=[4],
        decoder_attention_heads=2, encoder_ffn_dim=16, decoder_ffn_dim=16, max_encoder_position_embeddings=64,
        init_std=0.5,
    )  # fmt: skip
    model = LEDModel(config).eval()
    inputs = {"input_ids": ids(2, 8), "decoder_input_ids": ids(2, 3)}
    maps = attention(model, inputs, exact=True)
    assert [one.kind for one in maps] == ["local", "self", "cross"]
    assert maps[0].weights.shape == (2, 2, 8, 8)
    assert set(maps.check()) == set(maps.names)
    expected = implied_attention(model, inputs, maps[0].module)
    assert torch.allclose(maps[0].weights, expected.weights, atol=1e-5)
    assert maps[2].weights.shape == (2, 2, 3, 8)


def backbone():
    from transformers import ResNetConfig

    return ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 8, 16, 16], depths=[1, 1, 1, 1], out_features=["stage2", "stage3", "stage4"],
        layer_type="basic",
    )  # fmt: skip


def detr(kind):
    import transformers as t

    shared = {
        "d_model": 32, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2, "num_queries": 5,
        "decoder_attention_heads": 2, "encoder_ffn_dim": 16, "decoder_ffn_dim": 16,
    }  # fmt: skip
    config = getattr(t, f"{kind}Config")(**shared, backbone_config=backbone(), use_timm_backbone=False, backbone=None)
    return getattr(t, f"{kind}Model")(config).eval()


def test_detr_has_cross_attention_equal_to_its_eager_twin():
    torch.manual_seed(0)
    model, inputs = detr("Detr"), {"pixel_values": torch.randn(1, 3, 64, 64)}
    with torch.no_grad():
        expected = eager_twin(model)(**inputs, output_attentions=True)
    maps = attention(model, inputs, exact=True)
    assert [one.kind for one in maps] == ["self", "self", "cross"]
    assert maps[2].weights.shape == (1, 2, 5, 4)
    for one, own in zip(
        maps, (expected.encoder_attentions, expected.decoder_attentions, expected.cross_attentions), strict=True
    ):
        assert torch.allclose(one.weights, own[0], atol=1e-5)


def bilinear(picture, x, y):
    """The value between four pixels whose centres are at half numbers, zero outside; picture (width, rows, columns)."""
    rows, columns = picture.shape[1:]
    at, total = (x * columns - 0.5, y * rows - 0.5), torch.zeros(len(picture))
    for column in (math.floor(at[0]), math.floor(at[0]) + 1):
        for row in (math.floor(at[1]), math.floor(at[1]) + 1):
            share = (1 - abs(at[0] - column)) * (1 - abs(at[1] - row))
            if 0 <= row < rows and 0 <= column < columns:
                total += share * picture[:, row, column]
    return total


def test_deformable_attention_is_a_weighted_sum_of_what_lies_at_its_points():
    torch.manual_seed(0)
    model, inputs = detr("DeformableDetr"), {"pixel_values": torch.randn(1, 3, 128, 128)}
    name = "encoder.layers.0.self_attn"
    inner = model.get_submodule(name)
    nn.init.normal_(inner.attention_weights.weight)
    seen = {}
    handles = [
        inner.value_proj.register_forward_hook(lambda _, __, out: seen.update(values=out)),
        inner.output_proj.register_forward_pre_hook(lambda _, args: seen.update(product=args[0])),
    ]
    one = attention(model, inputs)[name]
    for handle in handles:
        handle.remove()
    assert one.kind == "deformable"
    assert one.points.shape == (*one.weights.shape, 2)
    assert torch.allclose(one.weights.sum(-1), torch.ones(one.weights.shape[:-1]), atol=1e-5)
    sides = [16, 8, 4, 2]
    values, pictures, start = seen["values"].view(1, -1, 2, 16), [], 0
    for side in sides:
        pictures.append(values[0, start : start + side * side].permute(1, 2, 0).reshape(2, 16, side, side))
        start += side * side
    assert start == values.size(1)
    product = seen["product"].view(1, -1, 2, 16)
    for query, head in ((0, 0), (17, 1), (70, 0)):
        total = torch.zeros(16)
        for point in range(one.weights.size(-1)):
            x, y = one.points[0, head, query, point].tolist()
            total += one.weights[0, head, query, point] * bilinear(pictures[one.levels[point]][head], x, y)
        assert torch.allclose(total, product[0, query, head], atol=1e-4)
    assert one.error < 1e-5
    with pytest.raises(DataError, match="points"):
        one.dense()


class Linear(nn.Module):
    """Linear attention (Katharopoulos et al. 2020): the matrix is never formed."""

    def __init__(self):
        super().__init__()
        self.q, self.k, self.v, self.out = (nn.Linear(8, 8) for _ in range(4))
        self.num_heads = 2

    def features(self, x):
        q, k = (F.elu(p(x)).view(*x.shape[:2], 2, 4).transpose(1, 2) + 1 for p in (self.q, self.k))
        return q, k

    def forward(self, x):
        q, k = self.features(x)
        v = self.v(x).view(*x.shape[:2], 2, 4).transpose(1, 2)
        mixed = q @ (k.transpose(-1, -2) @ v) / (q @ k.sum(-2)[..., None])
        return self.out(mixed.transpose(1, 2).flatten(2))


def test_linear_attention_is_read_as_the_implied_matrix_and_says_so():
    torch.manual_seed(0)
    model, x = nn.Sequential(Linear()), torch.randn(2, 7, 8)
    assert not attention(model, x)
    one = implied_attention(model, x, "0")
    q, k = model[0].features(x)
    expected = q @ k.transpose(-1, -2)
    assert torch.allclose(one.weights, expected / expected.sum(-1, keepdim=True), atol=1e-5)
    assert (one.kind, one.seen) == ("implied", "probed")
    assert one.error < 1e-5
    assert not model[0].v._forward_hooks


def test_what_is_not_linear_in_its_values_says_so_by_its_error():
    class Squared(Linear):
        def forward(self, x):
            return self.out(self.v(x) ** 2)

    assert implied_attention(nn.Sequential(Squared()), torch.randn(1, 5, 8), "0").error > 0.01


def test_wishes_for_an_implied_matrix_that_cannot_be_met():
    model, x = nn.Sequential(Linear()), torch.randn(1, 3, 8)
    with pytest.raises(AddressError, match="no module '1'"):
        implied_attention(model, x, "1")
    with pytest.raises(AddressError, match="values="):
        implied_attention(model, x, "0.q")
    del model[0].num_heads
    with pytest.raises(ModelError, match="heads="):
        implied_attention(model, x, "0")
    assert implied_attention(model, x, "0", heads=2).weights.shape == (1, 2, 3, 3)


@pytest.mark.parametrize("layer", ["local", "lsh"])
def test_reformer_is_read_as_the_implied_matrix(layer):
    from transformers import ReformerConfig, ReformerModel

    torch.manual_seed(0)
    config = ReformerConfig(
        attn_layers=[layer], hidden_size=16, num_attention_heads=2, attention_head_size=8, feed_forward_size=16,
        axial_pos_embds=False, max_position_embeddings=64, local_attn_chunk_length=4, lsh_attn_chunk_length=4,
        num_buckets=4, is_decoder=False, num_hashes=1, hash_seed=1, vocab_size=50,
    )  # fmt: skip
    model = ReformerModel(config).eval()
    inputs = {"input_ids": ids(1, 16)}
    name = "encoder.layers.0.attention.self_attention"
    one = implied_attention(model, inputs, name)
    assert one.error < 1e-4
    assert torch.allclose(one.weights.sum(-1), torch.ones(1, 2, 16), atol=1e-4)
    if layer == "local":  # this chunk of four and the one before
        at = torch.arange(16) // 4
        far = ((at[:, None] - at) % 4 > 1) & (at[:, None] != at)
        assert not bool(one.weights[:, :, far].abs().max() > 1e-5)
    assert attention(model, inputs)


def test_edges_of_transformer_and_gps_layers_equal_what_they_return():
    from torch_geometric.nn import GATConv, GPSConv, TransformerConv

    torch.manual_seed(0)
    x, edges = torch.randn(5, 8), torch.tensor([[0, 1, 2, 3, 0], [1, 2, 3, 4, 4]])
    layer = TransformerConv(8, 4, heads=2).eval()
    with torch.no_grad():
        _, (own_edges, own) = layer(x, edges, return_attention_weights=True)
    (one,) = attention(layer, (x, edges))
    assert one.kind == "edge"
    assert torch.equal(one.edge_index, own_edges)
    assert torch.equal(one.weights, own)
    model = GPSConv(8, GATConv(8, 8), heads=2).eval()
    batch = torch.zeros(5, dtype=torch.long)
    local, wide = attention(model, {"x": x, "edge_index": edges, "batch": batch}, exact=True)
    assert local.kind == "edge"
    assert local.edge_index.size(1) == 10  # with a self-loop for each node
    assert bool((local.edge_index[0] == local.edge_index[1]).sum() == 5)
    with torch.no_grad():
        _, expected = model.attn(x[None], x[None], x[None], need_weights=True, average_attn_weights=False)
    assert wide.kind == "self"
    assert torch.allclose(wide.weights, expected, atol=1e-6)


def test_perceiver_looks_from_latents_at_its_input():
    from transformers import PerceiverConfig, PerceiverModel

    torch.manual_seed(0)
    config = PerceiverConfig(
        d_model=8, d_latents=16, num_latents=4, num_self_attends_per_block=1, num_self_attention_heads=2,
        num_cross_attention_heads=2, initializer_range=0.5,
    )  # fmt: skip
    model, inputs = PerceiverModel(config).eval(), {"inputs": torch.randn(2, 9, 8)}
    with torch.no_grad():
        out = eager_twin(model)(**inputs, output_attentions=True)
    maps = attention(model, inputs, exact=True)
    assert [(one.kind, one.weights.shape[-2:]) for one in maps] == [("cross", (4, 9)), ("self", (4, 4))]
    assert torch.allclose(maps[0].weights, out.cross_attentions[0], atol=1e-5)
    assert torch.allclose(maps[1].weights, out.attentions[-1], atol=1e-5)


def test_a_learned_query_that_pools_is_called_so():
    class Pool(nn.Module):
        def __init__(self):
            super().__init__()
            self.query, self.attend = nn.Parameter(torch.randn(1, 1, 8)), nn.MultiheadAttention(8, 2, batch_first=True)

        def forward(self, x):
            return self.attend(self.query.expand(len(x), 1, 8), x, x)[0]

    (one,) = attention(Pool(), torch.randn(3, 5, 8))
    assert (one.kind, one.weights.shape) == ("pooled", (3, 2, 1, 5))


def test_steps_of_a_generation_are_labelled_with_what_was_generated():
    from transformers import LlamaConfig, LlamaForCausalLM

    class Tokenizer:
        def convert_ids_to_tokens(self, index):
            return f"t{index}"

        def decode(self, tokens):
            return f"t{tokens[0]}"

    torch.manual_seed(0)
    model = LlamaForCausalLM(
        LlamaConfig(**SMALL, num_hidden_layers=1, num_key_value_heads=1, initializer_range=0.5)
    ).eval()
    prompt = ids(1, 4)
    options = {"max_new_tokens": 3, "do_sample": False, "pad_token_id": 0, "eos_token_id": None}
    answer = model.generate(prompt, **options)[0].tolist()

    def written_on(called, inputs):
        return called.generate(inputs[0] if isinstance(inputs, tuple) else inputs, **options)

    written = tuple(f"t{i}" for i in answer)
    maps = attention(
        model,
        prompt,
        processor=Tokenizer(),
        call=lambda m, x: m.generate(x[0] if isinstance(x, tuple) else x, **options),
    )
    assert [one.step for one in maps] == [0, 1, 2]
    assert [one.kind for one in maps] == ["self"] * 3
    assert [one.keys[0] for one in maps] == [written[:4], written[:5], written[:6]]
    assert [one.queries[0] for one in maps] == [written[:4], written[4:5], written[5:6]]
    unnamed = attention(model, prompt, call=written_on)
    assert unnamed[2].queries == (("5",),)


def test_a_unet_and_a_transformer_of_diffusers_equal_their_own_scores():
    from diffusers import DiTTransformer2DModel, UNet2DConditionModel
    from diffusers.models.attention_processor import Attention, AttnProcessor

    torch.manual_seed(0)
    unet = UNet2DConditionModel(
        sample_size=8, block_out_channels=(8, 16), layers_per_block=1, cross_attention_dim=8, attention_head_dim=4,
        norm_num_groups=4, down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
    ).eval()  # fmt: skip
    given = {
        "sample": torch.randn(1, 4, 8, 8),
        "timestep": torch.tensor(3),
        "encoder_hidden_states": torch.randn(1, 5, 8),
    }
    dit = DiTTransformer2DModel(
        num_attention_heads=2, attention_head_dim=8, in_channels=4, num_layers=1, sample_size=8, patch_size=4,
        norm_num_groups=4,
    ).eval()  # fmt: skip
    also = {"hidden_states": torch.randn(1, 4, 8, 8), "timestep": torch.tensor([3]), "class_labels": torch.tensor([1])}
    for model, inputs in ((unet, given), (dit, also)):
        maps = attention(model, inputs, exact=True)
        own, get = [], Attention.get_attention_scores
        for module in model.modules():
            if isinstance(module, Attention):
                module.set_processor(AttnProcessor())

        def kept(self, *args, own=own, get=get, **kwargs):
            own.append(get(self, *args, **kwargs))
            return own[-1]

        Attention.get_attention_scores = kept
        try:
            with torch.no_grad():
                model(**inputs)
        finally:
            Attention.get_attention_scores = get
        assert len(maps) == len(own) > 0
        for one, scores in zip(maps, own, strict=True):
            assert torch.allclose(one.weights.flatten(0, 1), scores, atol=1e-5)
        kinds = {one.kind for one in maps}
        assert kinds == ({"self", "cross"} if model is unet else {"self"})

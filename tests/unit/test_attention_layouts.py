"""Attention in windows, mask units and bands: put back, one map out of its heads, and rollout through its layers."""

import copy
import itertools
import math

import pytest
import torch
from torch import nn

from workbench.core.errors import DataError
from workbench.interpret import attention, head_importance, knock_out
from workbench.interpret.attending import mixing, rolling
from workbench.interpret.attending.attention_map import AttentionMap
from workbench.taps.windowing import partition


def swin(height, depths=(2, 2)):
    from transformers import SwinConfig, SwinModel

    torch.manual_seed(0)
    config = SwinConfig(
        image_size=height, patch_size=4, embed_dim=8, depths=list(depths), num_heads=[2] * len(depths),
        window_size=4, initializer_range=0.7,
    )  # fmt: skip
    return SwinModel(config).eval()


def hiera(**more):
    from transformers import HieraConfig, HieraModel

    torch.manual_seed(0)
    config = HieraConfig(
        embed_dim=8, image_size=[64, 64], patch_stride=[4, 4], depths=[1, 2, 1, 1], num_heads=[1, 2, 2, 2],
        masked_unit_size=[8, 8], initializer_range=0.7, **more,
    )  # fmt: skip
    return HieraModel(config).eval()


def longformer():
    from transformers import LongformerConfig, LongformerModel

    torch.manual_seed(0)
    config = LongformerConfig(
        hidden_size=16, num_attention_heads=2, intermediate_size=32, vocab_size=50, num_hidden_layers=3,
        attention_window=[4] * 3, max_position_embeddings=64, initializer_range=0.5,
    )  # fmt: skip
    return LongformerModel(config).eval()


def with_global_tokens():
    ids = torch.randint(3, 50, (2, 12), generator=torch.Generator().manual_seed(0))
    chosen = torch.zeros_like(ids)
    chosen[0, 0] = chosen[0, 7] = chosen[1, 3] = 1
    return {"input_ids": ids, "global_attention_mask": chosen}


def in_one_unit(count, unit):
    """(tokens, tokens) whether two tokens of a square picture lie in one square unit."""
    at = [(i // unit, j // unit) for i, j in itertools.product(range(count), repeat=2)]
    return torch.tensor([[a == b for b in at] for a in at])


def test_mask_units_of_hiera_are_put_back_into_the_picture():
    model, x = hiera(), torch.randn(2, 3, 64, 64)
    first = attention(model, x, exact=True)[0]
    layer = model.encoder.stages[0].layers[0]
    with torch.no_grad():
        # Row by row, before Hiera puts its tokens into an order of its own.
        tokens = model.embeddings(x)[0]
        q, k, _ = layer.attn.qkv(layer.layernorm_before(tokens)).chunk(3, -1)
    scores = (q @ k.transpose(-1, -2) / math.sqrt(8)).masked_fill(~in_one_unit(16, 8), -math.inf)
    assert (first.kind, first.shape) == ("windowed", (2, 1, 256, 256))
    assert torch.allclose(first.weights[:, 0], scores.softmax(-1), atol=1e-5)
    assert torch.equal(first.head(1, 0), first.weights[1, 0])
    assert first.keys[1][17] == "1,1"
    assert first.error < 1e-5


def test_queries_that_hiera_pools_ask_as_the_strongest_of_four_patches():
    model, x = hiera(), torch.randn(1, 3, 64, 64)
    one = attention(model, x, exact=True)["encoder.stages.1.layers.0.attn"]
    layer = model.encoder.stages[1].layers[0]
    with torch.no_grad():
        given = model(x, output_hidden_states=True).reshaped_hidden_states[1]  # (1, rows, columns, width)
        q, k, _ = layer.attn.qkv(layer.layernorm_before(given)).chunk(3, -1)
    q = q.view(8, 2, 8, 2, 2, 8).amax((1, 3)).view(64, 2, 8).transpose(0, 1)
    k = k.view(256, 2, 8).transpose(0, 1)
    near = in_one_unit(8, 4).view(64, 8, 1, 8, 1).expand(64, 8, 2, 8, 2).reshape(64, 256)
    expected = (q @ k.transpose(-1, -2) / math.sqrt(8)).masked_fill(~near, -math.inf).softmax(-1)
    assert one.shape == (1, 2, 64, 256)
    assert (one.queries[0][9], one.keys[0][17]) == ("1,1", "1,1")
    assert torch.allclose(one.weights[0], expected, atol=1e-5)


def test_the_last_layer_of_hiera_looks_at_the_whole_picture():
    one = attention(hiera(), torch.randn(1, 3, 64, 64))[-1]
    assert (one.kind, one.shape) == ("self", (1, 2, 4, 16))
    assert torch.allclose(one.weights.float().sum(-1), torch.ones(1, 2, 4), atol=1e-3)


def test_mask_units_that_were_left_out_leave_attention_as_it_was_computed():
    from transformers import HieraModel

    model = HieraModel(hiera(mask_ratio=0.5).config, is_mae=True).eval()
    maps = attention(model, torch.randn(1, 3, 64, 64))
    assert maps[0].layout is None
    assert maps[0].shape == (1, 2, 64, 64)  # two units of the four, each in the place of a head


@pytest.mark.parametrize("which", ["swin", "swin padded", "hiera", "longformer"])
def test_one_map_out_of_the_heads_equals_what_the_whole_maps_give(which):
    maps = {
        "swin": lambda: attention(swin(32), torch.randn(2, 3, 32, 32)),
        "swin padded": lambda: attention(swin(36), torch.randn(2, 3, 36, 36)),
        "hiera": lambda: attention(hiera(), torch.randn(2, 3, 64, 64)),
        "longformer": lambda: attention(longformer(), with_global_tokens()),
    }[which]()
    for one in maps:
        whole = one.weights.float()
        mean, largest = one.mean(), one.largest()
        assert mean.shape == largest.shape == (whole.size(0), 1, *whole.shape[2:])
        assert torch.allclose(mean.weights[:, 0], whole.mean(1), atol=1e-6)
        assert torch.equal(largest.weights[:, 0], whole.amax(1))
        assert mean.stored.numel() * one.shape[1] == one.stored.numel()  # nothing was laid out


def test_heads_over_edges_become_one_and_those_at_points_cannot():
    from torch_geometric.nn import GATConv

    edges = torch.tensor([[0, 1, 2], [1, 2, 3]])
    (one,) = attention(GATConv(3, 4, heads=2), (torch.randn(4, 3), edges))
    assert torch.allclose(one.mean().dense()[0, 0], one.dense()[0].mean(0))
    assert torch.equal(one.largest().weights[:, 0], one.weights.amax(-1))


def by_the_paper(steps):
    """Equation 1 in double precision; a residual matrix beside each step."""
    result = None
    for weights, kept in steps:
        step = 0.5 * weights.double().mean(0) + 0.5 * kept.double()
        step = step / step.sum(-1, keepdim=True)
        result = step if result is None else step @ result
    return result


def merged(height, width):
    """(coarse tokens, tokens): each coarse token as the mean of the up to four it was made of."""
    coarse = -(-width // 2)
    found = torch.zeros(-(-height // 2) * coarse, height * width)
    for i, j in itertools.product(range(height), range(width)):
        found[(i // 2) * coarse + j // 2, i * width + j] = 1
    return found / found.sum(-1, keepdim=True)


@pytest.mark.parametrize("side", [32, 36, 40])
def test_rollout_goes_through_shifted_windows_and_merged_patches(side):
    x = torch.randn(2, 3, side, side)
    maps = attention(swin(side), x, exact=True)
    count = side // 4
    fewer = -(-count // 2)
    found = maps.rollout()
    assert found.shape == (2, fewer**2, count**2)
    merge = merged(count, count).double()
    for example in range(2):
        weights = [one.weights[example] for one in maps]
        fine = by_the_paper([(w, torch.eye(count**2)) for w in weights[:2]])
        coarse = by_the_paper([(w, torch.eye(fewer**2)) for w in weights[2:]])
        assert torch.allclose(found[example].double(), coarse @ merge @ fine, atol=1e-6)


def test_rollout_goes_through_layers_that_pool_their_queries():
    maps = attention(hiera(), torch.randn(1, 3, 64, 64), exact=True)
    sides, steps, pools = [16, 16, 8, 8, 4], [], [False, True, False, True, True]
    for one, side, pools_here in zip(maps, sides, pools, strict=True):
        steps.append((one.weights[0], merged(side, side) if pools_here else torch.eye(side**2)))
    found = maps.rollout()
    assert found.shape == (1, 4, 256)
    assert torch.allclose(found[0].double(), by_the_paper(steps), atol=1e-6)


def test_rollout_in_bands_equals_that_of_whole_maps():
    maps = attention(longformer(), with_global_tokens())
    expected = mixing.rollout([one.weights for one in maps])
    assert torch.allclose(maps.rollout(), expected, atol=1e-6)


class Pooled(nn.Module):
    """Two layers, whose tokens one learned query then pools."""

    def __init__(self):
        super().__init__()
        self.layers = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2)
        self.query, self.pool = nn.Parameter(torch.randn(1, 1, 8)), nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, x):
        x = self.layers(x)
        return self.pool(self.query.expand(len(x), -1, -1), x, x)[0]


def test_rollout_may_end_in_one_query_that_pools_all_tokens():
    torch.manual_seed(0)
    maps = attention(Pooled(), torch.randn(3, 5, 8), exact=True)
    one = AttentionMap(**{**vars_of(maps[-1]), "kind": "pooled"})
    found = rolling.rolled([*maps[:2], one])
    assert found.shape == (3, 1, 5)
    before = mixing.rollout([one.weights for one in maps[:2]])
    assert torch.allclose(found, maps[-1].weights.mean(1) @ before, atol=1e-6)


def vars_of(one):
    return {name: getattr(one, name) for name in AttentionMap.__dataclass_fields__}


def test_what_cannot_be_rolled_out_is_refused_with_the_reason():
    maps = attention(swin(32), torch.randn(1, 3, 32, 32))
    with pytest.raises(DataError, match="not by one of half its sides"):
        maps.rollout([maps.names[2], maps.names[0]])
    with pytest.raises(DataError, match="one size"):
        maps.flow()
    from torch_geometric.nn import GATConv

    graph = attention(GATConv(3, 4, heads=2), (torch.randn(4, 3), torch.tensor([[0, 1, 2], [1, 2, 3]])))
    with pytest.raises(DataError, match="edge"):
        graph.rollout(list(graph.names))
    layer = nn.MultiheadAttention(8, 2, batch_first=True)
    crossing = attention(layer, (torch.randn(1, 3, 8), torch.randn(1, 5, 8), torch.randn(1, 5, 8)))
    with pytest.raises(DataError, match="something else than what asks"):
        crossing.rollout(list(crossing.names))


def test_a_rollout_that_would_take_too_much_memory_is_refused_before_it_begins(monkeypatch):
    monkeypatch.setattr(rolling, "MOST_BYTES", 100_000)
    maps = attention(swin(32), torch.randn(40, 3, 32, 32))
    with pytest.raises(DataError, match="shorter input"):
        maps.rollout()


def test_windows_that_are_rolled_hold_every_token_once():
    tiles = partition(7, 10, 4, 2)
    held = tiles.places[tiles.places >= 0]
    assert sorted(held.tolist()) == list(range(70))


def led():
    from transformers import LEDConfig, LEDModel

    torch.manual_seed(0)
    config = LEDConfig(
        d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2, decoder_attention_heads=2,
        encoder_ffn_dim=16, decoder_ffn_dim=16, vocab_size=50, attention_window=[4], max_encoder_position_embeddings=64,
        max_decoder_position_embeddings=64, init_std=0.5,
    )  # fmt: skip
    return LEDModel(config).eval()


@pytest.mark.parametrize("far", [False, True])
@pytest.mark.parametrize("which", ["longformer", "led"])
def test_a_head_in_a_band_that_is_knocked_out_equals_one_whose_output_weights_are_zero(which, far):
    model = {"longformer": longformer, "led": led}[which]()
    inputs = with_global_tokens() if far else {"input_ids": with_global_tokens()["input_ids"]}
    if which == "led":
        inputs["decoder_input_ids"] = torch.tensor([[1, 2, 3], [4, 5, 6]])
    name = {"longformer": "encoder.layer.1.attention.self", "led": "encoder.layers.0.self_attn.longformer_self_attn"}
    found = knock_out(model, inputs, [(name[which], 1)])
    without = copy.deepcopy(model)
    ends = {"longformer": "encoder.layer.1.attention.output.dense", "led": "encoder.layers.0.self_attn.output"}
    with torch.no_grad():
        without.get_submodule(ends[which]).weight[:, 8:] = 0.0
        assert torch.allclose(found.after, without(**inputs).last_hidden_state, atol=1e-5)
    assert found.largest > 0.01


def test_importance_of_a_head_in_a_band_is_what_its_output_changes_by():
    model, inputs = longformer(), with_global_tokens()
    name, step = "encoder.layer.1.attention.self", 1e-2

    def target(output):
        return output.last_hidden_state[..., 0].pow(2).sum(1)

    found = head_importance(model, inputs, target=target)
    scores = []
    for factor in (1 + step, 1 - step):
        changed = copy.deepcopy(model)
        with torch.no_grad():
            changed.get_submodule("encoder.layer.1.attention.output.dense").weight[:, :8] *= factor
            scores.append(target(changed(**inputs)))
    slope = (scores[0] - scores[1]) / (2 * step)
    assert slope.abs().min() > 0.1
    assert torch.allclose(found.signed[name][:, 0], slope, rtol=1e-2, atol=1e-2)

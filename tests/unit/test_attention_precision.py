"""Attention weights in half precision: what rounding may cost, what stays exact, and that nobody computes in it."""

import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from workbench.interpret import Session, attention
from workbench.taps import AttentionTap
from workbench.taps.precision import HALF, LARGEST_ERROR, MOST_KEYS, SINGLE, fitting

IDS = torch.tensor([[3, 4, 5, 3, 4, 5, 6, 7]])


def bert(layers=2):
    from transformers import BertConfig, BertModel

    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=20, hidden_size=16, num_hidden_layers=layers, num_attention_heads=2, intermediate_size=32,
        initializer_range=0.5,
    )  # fmt: skip
    return BertModel(config).eval()


class Attending(nn.Module):
    """What a test wants to be done with softmax(x x^T) before it meets the values."""

    def __init__(self, change):
        super().__init__()
        self.change = change

    def forward(self, x):
        return self.change((x @ x.transpose(-1, -2)).softmax(-1)) @ x


def test_weights_are_half_unless_exact_ones_are_asked_for():
    maps, exact = attention(bert(), IDS), attention(bert(), IDS, exact=True)
    for one, own in zip(maps, exact, strict=True):
        assert (one.weights.dtype, own.weights.dtype) == (HALF, SINGLE)
        assert torch.equal(one.weights, own.weights.half())
        assert float((one.weights.float() - own.weights).abs().max()) <= LARGEST_ERROR
    assert "half precision" in maps.doubt
    assert "half precision" not in exact.doubt


@pytest.mark.parametrize("way", ["by hand", "by torch's kernel"])
def test_what_is_checked_are_the_weights_before_they_were_rounded(way):
    class Values(nn.Module):
        def forward(self, x):
            if way == "by hand":
                self.own = (x @ x.transpose(-1, -2)).softmax(-1) @ x
            else:
                self.own = F.scaled_dot_product_attention(x, x, x, scale=1.0)
            return self.own

    torch.manual_seed(0)
    model, x = Values(), torch.randn(1, 9, 6)
    maps = attention(model, x)
    assert maps.check() == attention(model, x, exact=True).check()
    assert max(maps.check().values()) < 1e-6
    rounded = maps[0].weights[0, 0].float() @ x[0]
    assert float((rounded - model.own[0]).abs().max() / model.own.abs().max()) > 1e-5


@settings(max_examples=60, deadline=None)
@given(keys=st.integers(1, 3000), sharpness=st.floats(0, 60), seed=st.integers(0, 99))
def test_rounding_moves_weights_and_sums_of_rows_no_further_than_is_said(keys, sharpness, seed):
    scores = sharpness * torch.randn(4, keys, generator=torch.Generator().manual_seed(seed))
    weights = scores.double().softmax(-1)
    assert fitting(weights.float()) is HALF
    kept = weights.float().to(HALF).double()
    assert float((kept - weights).abs().max()) <= LARGEST_ERROR + 1e-7
    assert float((kept.sum(-1) - 1).abs().max()) <= 2.0**-10


@pytest.mark.parametrize("keys", [MOST_KEYS // 3, MOST_KEYS * 3 // 4, MOST_KEYS - 1, MOST_KEYS + 1, 3 * MOST_KEYS])
def test_equal_weights_on_many_keys_still_add_up_to_one(keys):
    row = torch.full((1, keys), 1 / keys)
    assert fitting(row) is (HALF if keys <= MOST_KEYS else SINGLE)
    assert float((row.to(fitting(row)).double().sum() - 1).abs()) <= 2.0**-10


@pytest.mark.parametrize(
    ("change", "dtype"),
    [
        (lambda w: w, HALF),
        (lambda w: w * 3, SINGLE),
        (lambda w: w * -1.0, SINGLE),
        (lambda w: w.masked_fill(torch.eye(w.size(-1), dtype=torch.bool), torch.nan), HALF),
        (lambda w: F.dropout(w, 0.5), SINGLE),
    ],
    ids=["probabilities", "above one", "below zero", "not numbers", "scaled by dropout"],
)
def test_only_what_lies_between_zero_and_one_is_rounded(change, dtype):
    torch.manual_seed(0)
    (one,) = attention(Attending(change), torch.randn(1, 8, 4))
    assert one.weights.dtype is dtype


def test_weights_that_must_stay_exact_and_do_not_fit_are_left_out():
    x = torch.randn(1, 8, 4)
    room = 8 * 8 * 4
    for change, most, kept in [
        (lambda w: w, room // 2, 1),
        (lambda w: w * 3, room // 2, 0),
        (lambda w: w * 3, room, 1),
    ]:
        maps = attention(Attending(change), x, max_bytes=most)
        assert len(maps) == kept
        assert maps.needed <= room
        assert len(attention(Attending(change), x, max_bytes=maps.needed)) == 1


def test_weights_of_edges_and_of_points_and_in_bands_are_exact():
    from torch_geometric.nn import GATConv
    from transformers import LongformerConfig, LongformerModel

    edges = torch.tensor([[0, 1, 2], [1, 2, 3]])
    (one,) = attention(GATConv(3, 4, heads=2), (torch.randn(4, 3), edges))
    assert one.weights.dtype is SINGLE
    config = LongformerConfig(
        vocab_size=20, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32,
        attention_window=[4], max_position_embeddings=64,
    )  # fmt: skip
    (one,) = attention(LongformerModel(config).eval(), IDS)
    assert one.kind == "local"
    assert one.weights.dtype is SINGLE


def test_the_tap_counts_what_it_keeps():
    for exact, size in ((False, 2), (True, 4)):
        with torch.no_grad(), AttentionTap(bert(), exact=exact) as tap:
            tap._watch.root(IDS)
        assert tap.bytes == sum(record.weights.nbytes for record in tap.records) == 2 * 2 * 8 * 8 * size


def test_half_of_the_bytes_hold_twice_the_layers_in_a_session():
    room = 2 * 6 * (2 * 8 * 8) * 2  # the half of it that attention may hold is that of six layers, rounded
    held = Session(bert(layers=6), IDS, max_bytes=room)
    assert len(held.attention) == 6
    assert held.bytes == room // 2
    assert len(attention(bert(layers=6), IDS, max_bytes=room // 2, exact=True)) == 3


def test_rollout_flow_and_scores_compute_in_single_precision():
    maps, exact = attention(bert(), IDS), attention(bert(), IDS, exact=True)
    for one, own in ((maps.rollout(), exact.rollout()), (maps.flow(), exact.flow())):
        assert one.dtype is SINGLE
        assert torch.allclose(one, own, atol=2 * LARGEST_ERROR)
    assert torch.allclose(maps.rollout().sum(-1), torch.ones(1, 8), atol=1e-6)
    ours, theirs = maps.scores(), exact.scores()
    for name in ("entropy", "distance", "previous", "first", "induction"):
        assert getattr(ours, name).dtype is SINGLE
        assert torch.allclose(getattr(ours, name), getattr(theirs, name), atol=4e-3, rtol=1e-3)


def test_others_are_handed_single_precision():
    maps = attention(bert(), IDS)
    expected = maps[0].weights.float().numpy()
    assert maps[0].dense().dtype is SINGLE
    for found in (maps.numpy()[maps.names[0]], maps.to_xarray()[maps.names[0]].values):
        assert found.dtype == np.float32
        assert np.array_equal(found, expected)
    (drawn,) = maps.plot(0, head=1).data
    assert np.array_equal(np.asarray(drawn.z, dtype=np.float32), expected[0, 1])
    html = maps.bertviz("head").html
    data = json.JSONDecoder().raw_decode(html[html.index('{"attention"') :])[0]["attention"][0]
    assert np.allclose(data["attn"][0][1], expected[0, 1], atol=1e-7)

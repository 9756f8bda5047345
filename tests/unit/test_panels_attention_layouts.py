"""Attention in windows, in bands and by one pooling query in the panel: heads and layers as one, and rollout."""

import numpy as np
import pytest
import torch
from torch import nn

from workbench import interpret, panels
from workbench.panels.views import _attention_combining as combining


def swin():
    from transformers import SwinConfig, SwinModel

    torch.manual_seed(0)
    config = SwinConfig(
        image_size=32, patch_size=4, embed_dim=8, depths=[2, 1], num_heads=[2, 2], window_size=4, initializer_range=0.7
    )
    return SwinModel(config).eval(), {"pixel_values": torch.randn(2, 3, 32, 32)}


def longformer():
    from transformers import LongformerConfig, LongformerModel

    torch.manual_seed(0)
    config = LongformerConfig(
        hidden_size=16, num_attention_heads=2, intermediate_size=32, vocab_size=50, num_hidden_layers=2,
        attention_window=[4, 4], max_position_embeddings=64, initializer_range=0.5,
    )  # fmt: skip
    return LongformerModel(config).eval(), {"input_ids": torch.randint(3, 50, (2, 12))}


def shown(panel, **part):
    panel.show({"tab": "attention", "part": part}, 1)
    return panel.detail["meta"], unpacked(panel.detail)


def unpacked(message):
    array = message["arrays"]["head"]
    codes = np.frombuffer(array["data"], array["dtype"]).reshape(array["shape"]).astype(np.float64)
    return array["top"] * (codes / (2 ** (8 * np.dtype(array["dtype"]).itemsize) - 1)) ** array["power"]


@pytest.mark.parametrize("made", [swin, longformer])
def test_heads_and_layers_in_windows_and_bands_are_shown_as_one(made):
    model, inputs = made()
    maps = interpret.attention(model, inputs)
    panel = panels.attach(model, inputs).choose("attention")
    panel.session.select(example=1)
    whole = [one.weights[1].float() for one in maps][:2]
    expected = {
        "mean of heads": whole[1].mean(0),
        "largest of heads": whole[1].amax(0),
        "mean of layers": torch.stack(whole).mean((0, 1)),
        "largest of layers": torch.stack(whole).amax((0, 1)),
        "rollout": maps.rollout(maps.names[:2])[1],
    }
    assert shown(panel, layer=1)[0]["overs"] == list(expected)
    for over, right in expected.items():
        meta, found = shown(panel, layer=1, over=over)
        assert meta["over"] == over
        assert np.allclose(found, right.numpy(), atol=1e-4)
    assert panel.detail["code"].endswith(f"maps.rollout({list(maps.names[:2])})[1]")
    panel.close()


def test_layers_that_are_too_large_to_be_laid_out_offer_what_is_combined_as_it_is_stored(monkeypatch):
    model, inputs = swin()
    monkeypatch.setattr(combining, "MOST_PAIRS", 1000)
    panel = panels.attach(model, inputs).choose("attention")
    assert shown(panel, layer=1)[0]["overs"] == ["mean of heads", "largest of heads"]
    assert shown(panel, layer=1, over="rollout")[0]["over"] == ""
    panel.close()


class Pooled(nn.Module):
    """Two layers, whose tokens one learned query then pools."""

    def __init__(self):
        super().__init__()
        self.layers = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2)
        self.query, self.pool = nn.Parameter(torch.randn(1, 2, 1, 4)), nn.Linear(8, 16)

    def forward(self, x):
        x = self.layers(x)
        keys, values = self.pool(x).view(len(x), -1, 2, 2, 4).permute(3, 0, 2, 1, 4)
        weights = (self.query @ keys.transpose(-1, -2)).softmax(-1)
        return (weights @ values).flatten(1)


def test_one_query_that_pools_all_tokens_is_rolled_out_through_the_layers_before():
    torch.manual_seed(0)
    model, x = Pooled().eval(), torch.randn(2, 6, 8)
    maps = interpret.attention(model, x)
    assert [one.kind for one in maps] == ["self", "self", "pooled"]
    panel = panels.attach(model, x).choose("attention")
    meta, found = shown(panel, layer=2, over="rollout")
    assert meta["overs"] == ["mean of heads", "largest of heads", "rollout"]
    expected = maps.rollout(list(maps.names))[0]
    assert np.allclose(found, expected.numpy(), atol=1e-4)
    assert np.allclose(expected.sum(-1), 1, atol=1e-5)
    panel.close()

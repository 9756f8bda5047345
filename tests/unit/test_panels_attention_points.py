"""Deformable attention in the panel: the points that a query samples, their places on the picture, their weights."""

import numpy as np
import pytest
import torch

from workbench import interpret, panels
from workbench.panels.views import _attention_points as points


def deformable():
    import transformers as t

    torch.manual_seed(0)
    backbone = t.ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 8, 16, 16], depths=[1, 1, 1, 1],
        out_features=["stage2", "stage3", "stage4"], layer_type="basic",
    )  # fmt: skip
    config = t.DeformableDetrConfig(
        d_model=32, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2, num_queries=5,
        decoder_attention_heads=2, encoder_ffn_dim=16, decoder_ffn_dim=16, backbone_config=backbone,
        use_timm_backbone=False, backbone=None,
    )  # fmt: skip
    model = t.DeformableDetrModel(config).eval()
    for name, parameter in model.named_parameters():
        if "attention_weights.weight" in name:
            torch.nn.init.normal_(parameter)
    return model


@pytest.fixture(scope="module")
def shown():
    model, inputs = deformable(), {"pixel_values": torch.rand(2, 3, 96, 128)}
    panel = panels.attach(model, inputs).choose("attention")
    yield panel, interpret.attention(model, inputs)
    panel.close()


def ask(panel, **part):
    panel.show({"tab": "attention", "part": part}, 1)
    return panel.detail


def layer_of(maps, kind):
    return next(i for i, one in enumerate(maps) if one.kind == kind and "decoder" in one.module)


def sent(message, name):
    array = message["arrays"][name]
    return np.frombuffer(array["data"], array["dtype"]).reshape(array["shape"]).astype(np.float64), array["top"]


def test_points_and_weights_of_one_head_travel_as_they_are(shown):
    panel, maps = shown
    at, one = 0, maps[0]  # of the encoder, where examples differ
    assert not torch.allclose(one.weights[0], one.weights[1], atol=0.1)
    panel.session.select(example=1)
    found = ask(panel, layer=at, head=1)
    first, end, levels = found["meta"]["points"]
    assert (first, end, levels) == (0, one.shape[2], one.levels.tolist())
    assert maps[-1].queries[1] == ("0", "1", "2", "3", "4")
    places, _ = sent(found, "points")
    places = places / 65535 * (1 + 2 * points.REACH) - points.REACH
    expected = one.points[1, 1].clamp(-points.REACH, 1 + points.REACH)
    assert np.allclose(places, expected.numpy(), atol=1e-4)
    codes, top = sent(found, "pointed")
    assert np.allclose(top * (codes / 255) ** 2, one.weights[1, 1].numpy(), atol=5e-3)
    panel.session.select(example=0)


def test_points_of_all_heads_travel_where_heads_are_shown_as_one(shown):
    panel, maps = shown
    at = layer_of(maps, "deformable")
    one = maps[at]
    found = ask(panel, layer=at, head=0, over="mean of heads")
    codes, top = sent(found, "pointed")
    expected = one.weights[0].transpose(0, 1).flatten(1)
    assert np.allclose(top * (codes / 255) ** 2, expected.numpy(), atol=5e-3)
    assert found["meta"]["points"][2] == one.levels.tolist() * 2


def test_of_too_many_points_those_of_the_query_that_is_meant_travel(shown, monkeypatch):
    panel, maps = shown
    at = layer_of(maps, "deformable")
    monkeypatch.setattr(points, "MOST", 40)
    found = ask(panel, layer=at, head=0, over="", query=3)
    assert found["meta"]["points"][:2] == [3, 4]
    assert found["arrays"]["points"]["shape"] == [1, len(maps[at].levels), 2]


def test_the_picture_comes_with_the_first_layer_that_needs_it_and_no_differences_have_points(shown):
    panel, maps = shown
    plain = layer_of(maps, "self")
    panel.session.select(layer=maps[plain].name, head=0)
    panel.session.refresh()
    panel.choose("attention")
    assert panel.frame["meta"]["layer"] == plain
    assert "image" not in panel.frame["arrays"]
    at = layer_of(maps, "deformable")
    found = ask(panel, layer=at, head=0)
    assert found["arrays"]["image"]["shape"] == [96, 128, 3]
    assert "image" not in ask(panel, layer=at, head=1)["arrays"]
    assert "points" not in ask(panel, layer=at, head=1, against="pinned", pinned_layer=at, pinned_head=0)["meta"]

"""Attention of inputs that are too short, too long, empty, broken, or padded all over."""

import pytest
import torch
from torch import nn

from workbench.core.errors import AddressError
from workbench.interpret import attention
from workbench.taps import AttentionTap


def bert():
    from transformers import BertConfig, BertModel

    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=20, hidden_size=16, num_hidden_layers=3, num_attention_heads=2, intermediate_size=32,
        initializer_range=0.5,
    )  # fmt: skip
    return BertModel(config).eval()


def leftovers(model):
    from transformers.modeling_utils import AttentionInterface

    return (
        [sorted(vars(module)) for module in model.modules()],
        [len(module._forward_hooks) + len(module._forward_pre_hooks) for module in model.modules()],
        dict(AttentionInterface._global_mapping),
        nn.functional.scaled_dot_product_attention,
        torch._C._len_torch_function_stack(),
        torch.default_generator.get_state().tolist(),
        [module.training for module in model.modules()],
    )


@pytest.mark.parametrize("length", [0, 1])
def test_inputs_of_no_token_and_of_one(length):
    x = torch.randn(2, length, 8)
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).eval()
    (one,) = attention(layer, x)
    assert one.weights.shape == (2, 2, length, length)
    assert bool((one.weights == 1).all())
    assert one.queries == ((("0",) * length),) * 2
    assert one.error is not None
    assert one.error < 1e-5


def test_scores_and_rollout_of_one_token():
    maps = attention(bert(), torch.tensor([[3]]))
    scores = maps.scores()
    assert scores.entropy.tolist() == pytest.approx([0.0] * 6, abs=1e-6)
    assert bool(scores.previous.isnan().all())
    assert maps.rollout().tolist() == [[[1.0]]]


def test_an_example_that_is_all_padding_has_rows_of_zeros_or_of_equal_weights():
    ids = torch.tensor([[3, 4, 5], [3, 4, 5]])
    mask = torch.tensor([[1, 1, 1], [0, 0, 0]])
    maps = attention(bert(), {"input_ids": ids, "attention_mask": mask})
    for one in maps:
        assert bool(one.weights.isfinite().all())
        sums = one.weights[1].sum(-1)
        assert bool((((sums - 1).abs() < 1e-5) | (sums == 0)).all())
        assert one.error < 1e-4
    assert maps.scores().entropy.isfinite().all()


def test_weights_that_are_not_numbers_are_shown_and_said():
    model = bert()
    with torch.no_grad():
        model.encoder.layer[1].attention.self.query.weight[0, 0] = torch.nan
    maps = attention(model, torch.tensor([[3, 4, 5]]))
    assert not bool(maps[0].weights.isnan().any())
    assert bool(maps[1].weights[:, 0].isnan().any())
    assert not bool(maps[1].weights[:, 1].isnan().any())
    assert "encoder.layer.1.attention.self" in maps.doubt
    assert "not numbers" in maps.doubt
    assert "nan" in maps.doubt


def test_a_cap_says_what_is_kept_and_how_to_ask_for_more():
    model, ids = bert(), torch.randint(0, 20, (1, 40))
    cap = 10_000
    maps = attention(model, ids, max_bytes=cap)
    kept = sum(one.weights.nbytes for one in maps)
    assert 0 < kept <= cap
    assert len(maps.left_out) == 3 - len(maps)
    assert f"max_bytes={maps.needed:,}" in maps.doubt
    with pytest.raises(AddressError, match="max_bytes="):
        maps[maps.left_out[0]]
    assert not attention(model, ids, max_bytes=maps.needed).left_out
    assert "max_bytes=" in attention(model, ids, max_bytes=0).reason


def test_the_cap_holds_also_for_what_the_check_needs():
    model, ids = bert(), torch.randint(0, 20, (1, 12))
    for cap in (0, 3_000, 6_000, 12_000):
        tap = AttentionTap(model, max_bytes=cap)
        with torch.no_grad(), tap:
            model(ids)
        assert tap.bytes <= cap


@pytest.mark.parametrize("where", ["first", "middle", "after"])
def test_a_forward_that_raises_half_way_leaves_nothing(where):
    model, ids = bert(), torch.tensor([[3, 4, 5]])
    place = {"first": model.embeddings, "middle": model.encoder.layer[1].output, "after": model.pooler}[where]

    def fail(*_):
        raise ZeroDivisionError(where)

    before = leftovers(model)
    handle = place.register_forward_hook(fail)
    with pytest.raises(ZeroDivisionError, match=where):
        attention(model, ids)
    handle.remove()
    assert leftovers(model) == before
    assert len(attention(model, ids)) == 3


def test_what_was_looked_for_is_said_where_there_is_no_attention():
    maps = attention(nn.Sequential(nn.Linear(3, 4), nn.Tanh()), torch.randn(2, 3))
    assert not maps
    for word in ("scaled_dot_product_attention", "softmax(...) @ values", "sampled points", "PyG", "Tanh"):
        assert word in maps.reason
    assert maps.check() == {}
    assert maps.numpy() == {}

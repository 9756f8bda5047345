"""BigBird's sparse attention by query and key, against a matrix that is read off by probing the module."""

import pytest
import torch

from workbench.interpret import attention, implied_attention
from workbench.taps import AttentionTap, blocks

NAMES = {"bigbird": "encoder.layer.0.attention.self", "pegasus": "encoder.layers.0.self_attn.self"}


def bigbird(kind="bigbird", **options):
    import transformers as t

    torch.manual_seed(0)
    shared = {"attention_type": "block_sparse", "block_size": 4, "vocab_size": 50, "max_position_embeddings": 128}
    shared |= {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "sep_token_id": 3} | options
    if kind == "bigbird":
        sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
        drops = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
        return t.BigBirdModel(t.BigBirdConfig(**shared, **sizes, **drops, initializer_range=0.5)).eval()
    sizes = {"d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2}
    sizes |= {"decoder_attention_heads": 2, "encoder_ffn_dim": 32, "decoder_ffn_dim": 32}
    return t.BigBirdPegasusModel(t.BigBirdPegasusConfig(**shared, **sizes, init_std=0.5)).eval()


def inputs(length=64):
    return {"input_ids": torch.randint(4, 50, (2, length), generator=torch.Generator().manual_seed(0))}


@pytest.mark.parametrize("kind", NAMES)
@pytest.mark.parametrize("drawn", [1, 3])
def test_blocks_equal_the_matrix_that_probing_gives(kind, drawn):
    model, given = bigbird(kind, num_random_blocks=drawn), inputs()
    if kind == "pegasus":
        given |= {"decoder_input_ids": given["input_ids"][:, :3]}
    with torch.no_grad():
        plain = model(**given)[0]
        with AttentionTap(model):
            assert torch.equal(model(**given)[0], plain)
    one = attention(model, given, exact=True)[0]
    assert one.module == NAMES[kind]
    assert one.kind == "self"
    assert one.error < 1e-5
    assert torch.allclose(one.weights.sum(-1), torch.ones(()), atol=1e-5)
    expected = implied_attention(model, given, NAMES[kind], values="value")
    assert torch.allclose(one.weights, expected.weights, atol=1e-5)


def test_blocks_that_are_drawn_in_training_and_padding_are_proved():
    model, given = bigbird(num_random_blocks=2), inputs(80)
    given["attention_mask"] = torch.ones_like(given["input_ids"])
    given["attention_mask"][0, 50:] = 0
    with AttentionTap(model.train()) as tap:
        model(**given)
    (record,) = tap.records
    assert record.error < 1e-5
    assert float(record.weights[0, :, :, 52:].max()) < 1e-3
    seen = record.weights[1].reshape(2, 20, 4, 20, 4).sum((2, 4)) > 0
    assert not torch.equal(seen[0], seen[1])  # each head draws its own
    assert int(seen[0, 10].sum()) == 2 + 3 + 2


def test_a_wrong_matrix_would_be_told(monkeypatch):
    own = blocks._dense
    monkeypatch.setattr(blocks, "_dense", lambda names: own(names).roll(1, -1))
    assert attention(bigbird(), inputs())[0].error > 0.01


def test_a_head_of_an_attention_in_blocks_is_switched_off_in_all_of_them():
    model, found = bigbird(), []
    model.encoder.layer[0].attention.self.register_forward_hook(lambda _, __, output: found.append(output[0]))
    with torch.no_grad():
        model(**inputs())
        with AttentionTap(model, gate=lambda module, call: torch.tensor([0.0, 1.0])):
            model(**inputs())
    plain, gated = found
    assert not bool(gated[..., :8].any())
    assert torch.equal(gated[..., 8:], plain[..., 8:])


def test_a_map_in_blocks_that_does_not_fit_is_named():
    maps = attention(bigbird(), inputs(), max_bytes=1000)
    assert maps.left_out == (NAMES["bigbird"],)
    assert maps.needed >= 2 * 2 * 64 * 64 * 2

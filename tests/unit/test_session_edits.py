"""Edits of a session: methods see the edited model, the model itself stays as it was, and reset leaves nothing."""

import copy
import gc
import weakref

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.modules import module as torch_module

from workbench.core.errors import AddressError, DataError, ModelError
from workbench.interpret import Session, attention


def classifier(**options):
    torch.manual_seed(0)
    return Session(nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3)), torch.randn(5, 4), **options)


def language_model():
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_attention_heads": 4, "num_key_value_heads": 2}
    return LlamaForCausalLM(LlamaConfig(vocab_size=50, num_hidden_layers=2, **sizes))


def by_hand(one, change):
    """The classifier with its hidden values changed."""
    first, second, third = one.model
    with torch.no_grad():
        return third(change(second(first(*one.batch.inputs))))


def hooks():
    tables = vars(torch_module)
    return [
        len(tables[name]) for name in sorted(tables) if name.startswith("_global") and hasattr(tables[name], "keys")
    ]


def test_an_ablated_unit_is_zero_in_output_values_and_attribution():
    one = classifier()
    before = one.scores

    def change(hidden):
        return torch.cat([hidden[:, :3], torch.zeros(5, 1), hidden[:, 4:]], 1)

    one.ablate("1", 3)
    assert torch.allclose(one.scores, by_hand(one, change), atol=1e-6)
    assert torch.equal(one.untouched, before)
    assert not one.value("1")[:, 3].any()
    assert one.value("1")[:, 2].all()
    # Of a smooth model without a fourth unit, the attributions add up to the change in the edited score.
    found = one.attribution("integrated_gradients", steps=64, bound=float("inf"))
    zeros = copy.deepcopy(one.model)
    with torch.no_grad():
        zeros[2].weight[:, 3] = 0
    same = Session(zeros, one.batch).attribution("integrated_gradients", steps=64, bound=float("inf"))
    assert torch.allclose(found.scores, same.scores, atol=1e-5)
    assert torch.allclose(found.difference, same.difference, atol=1e-5)


def test_steering_adds_a_scaled_vector_and_doing_it_again_replaces_it():
    one, vector = classifier(), torch.arange(8.0)
    one.steer("1", vector, 0.5)
    assert torch.allclose(one.scores, by_hand(one, lambda hidden: hidden + 0.5 * vector), atol=1e-5)
    one.steer("1", vector, 2)
    assert len(one.edits) == 1
    assert torch.allclose(one.scores, by_hand(one, lambda hidden: hidden + 2 * vector), atol=1e-5)


def test_edits_are_said_in_words_and_their_effect_is_measured():
    one = classifier(names=["ant", "bee", "cat"])
    assert one.edits == ()
    assert one.effect() is None
    one.ablate("1")
    one.edit({"0": abs})
    one.steer("1", [3.0] + [0.0] * 7, 2)
    said = [edit.sentence for edit in one.edits]
    assert said == ["ablated 1", "edited 0 with abs", "steered 1 by 2 times a vector of length 3"]
    found = one.effect()
    moved = one.scores - one.untouched
    assert found.largest == pytest.approx(float(moved.abs().max()))
    assert found.relative == pytest.approx(float(moved.norm() / one.untouched.norm()))
    row = [["ant", "bee", "cat"][int(scores[0].argmax())] for scores in (one.untouched, one.scores)]
    assert found.sentence.partition(": ")[2].split()[::3] == row
    one.reset()
    assert one.edits == ()
    assert one.effect() is None


def test_the_attention_is_that_of_the_edited_model():
    one = Session(language_model(), {"input_ids": torch.randint(3, 50, (1, 6))})
    before = one.attention["model.layers.1.self_attn"].weights
    one.ablate("model.layers.0.mlp")
    edited = one.attention["model.layers.1.self_attn"].weights
    assert not torch.allclose(before, edited, atol=1e-4)
    plain = attention(one.model, one.batch, call=one.call)["model.layers.1.self_attn"].weights
    assert torch.equal(plain, edited)
    twin = copy.deepcopy(one.model)
    with torch.no_grad():
        twin.model.layers[0].mlp.down_proj.weight.zero_()
    assert torch.allclose(Session(twin, one.batch).attention[1].weights, edited, atol=1e-6)


names = st.sampled_from(["model.layers.0", "model.layers.1.mlp", "model.layers.0.self_attn", "model.norm", "lm_head"])


@settings(max_examples=8, deadline=None)
@given(st.lists(st.tuples(names, st.sampled_from(["all", "unit", "steer", "edit"])), min_size=1, max_size=4))
def test_reset_leaves_no_trace(edits):
    one = Session(language_model(), {"input_ids": torch.arange(3, 9)[None]})
    before, weights = one.attention, copy.deepcopy(one.model.state_dict())
    scores, registered = one.scores, hooks()
    explained = one.attribution("integrated_gradients", steps=2, bound=float("inf")).scores
    for address, kind in edits:
        width = 50 if address == "lm_head" else 16
        {
            "all": lambda a=address: one.ablate(a),
            "unit": lambda a=address: one.ablate(a, 1),
            "steer": lambda a=address, w=width: one.steer(a, torch.ones(w), 3.0),
            "edit": lambda a=address: one.edit({a: lambda value: value}),
        }[kind]()
    with torch.no_grad():  # nobody else sees the edits
        assert torch.equal(one.model.eval()(**one.batch.inputs).logits, scores)
    one.reset()
    assert one.call is None
    assert torch.equal(one.scores, scores)
    assert all(torch.equal(a.weights, b.weights) for a, b in zip(one.attention, before, strict=True))
    assert torch.equal(one.attribution("integrated_gradients", steps=2, bound=float("inf")).scores, explained)
    assert all(torch.equal(value, weights[name]) for name, value in one.model.state_dict().items())
    assert hooks() == registered


def test_an_edit_that_does_not_fit_is_one_sentence_and_is_not_made():
    one, told = classifier(), []
    scores = one.scores
    one.follow(told.append)
    for wrong, error, words in [
        (lambda: one.ablate("7"), AddressError, "no module '7'"),
        (lambda: one.ablate("1", 8), DataError, "units 0 to 7, not 8"),
        (lambda: one.steer("1", [1.0, 2.0]), DataError, "8 units, the steering vector 2"),
        (lambda: one.steer("1", torch.ones(2, 4)), DataError, "one axis"),
        (lambda: one.edit({"1": lambda value: value[:, :2]}), ModelError, "same shape"),
        (lambda: one.edit({"1": lambda value: value.zero_()}), ModelError, "in place"),
    ]:
        with pytest.raises(error, match=words):
            wrong()
        assert one.edits == ()
    assert told == []
    assert torch.equal(one.scores, scores)
    one.ablate("1", -1)
    kept = one.edits
    with pytest.raises(DataError):
        one.ablate("1", 99)
    assert one.edits == kept
    assert not one.value("1")[:, 7].any()


def test_edits_stay_when_input_target_and_weights_change_and_followers_are_told():
    one, told = classifier(), []
    one.follow(lambda session: told.append(len(session.edits)))
    one.ablate("1", 0)
    one.use(torch.randn(2, 4))
    assert not one.value("1")[:, 0].any()
    with torch.no_grad():
        one.model[2].weight.mul_(2)
    assert one.stale
    one.refresh()
    assert torch.allclose(one.untouched, by_hand(one, lambda hidden: hidden), atol=1e-6)
    one.reset()
    one.reset()
    assert told == [1, 1, 1, 0]


def test_the_second_input_is_edited_as_the_first():
    one = classifier()
    other = one.compare_with(torch.ones(2, 4))
    plain = other.scores
    one.ablate("1")
    assert torch.allclose(other.scores, one.model[2].bias.expand(2, 3))
    assert one.compare_with(torch.ones(2, 4)).edits == one.edits
    one.other.reset()
    assert one.edits == ()
    assert torch.equal(one.other.scores, plain)


def test_channels_of_pictures_are_units():
    torch.manual_seed(0)
    one = Session(nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU()), torch.randn(2, 1, 6, 6))
    one.ablate("0", 2)
    assert not one.scores[:, 2].any()
    assert one.scores[:, 1].any()
    one.reset()
    one.steer("0", [0.0, 0.0, 100.0, 0.0])
    assert bool((one.scores[:, 2] > 50).all())


def test_a_model_called_in_its_own_way_is_edited_too():
    class Strange(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(2, 2)

        def forward(self, *, this):
            return self.layer(this)

    one = Session(Strange(), torch.ones(3, 2), call=lambda model, inputs: model(this=inputs[0]))
    one.ablate("layer", 1)
    assert not one.scores[:, 1].any()
    assert one.scores[:, 0].any()


def test_an_edited_session_keeps_no_model_alive():
    one = classifier()
    one.ablate("1")
    alive = weakref.ref(one.model)
    del one
    gc.collect()
    assert alive() is None

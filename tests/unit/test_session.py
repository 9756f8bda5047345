"""Session: one forward serves every view; it knows when its weights have changed; testable without a browser."""

import threading

import pytest
import torch
from torch import nn

from workbench.core import live
from workbench.core.batch import Batch
from workbench.core.errors import AddressError, ConfigError, DataError
from workbench.interpret import Session


def language_model():
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=50,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        intermediate_size=32,
    )
    return LlamaForCausalLM(config)


def session(**options):
    return Session(language_model(), {"input_ids": torch.randint(3, 50, (2, 6))}, **options)


def classifier(**options):
    torch.manual_seed(0)
    return Session(nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3)), torch.randn(5, 4), **options)


def test_one_forward_serves_output_attention_values_and_target():
    one = session()
    runs = []
    handle = one.model.register_forward_hook(lambda *_: runs.append(1))
    one.want("model.layers.0", "model.layers.1.mlp")
    assert one.attention["model.layers.1.self_attn"].weights.shape == (2, 4, 6, 6)
    assert one.value("model.layers.1.mlp").shape == (2, 6, 16)
    assert one.value("model.layers.0")[0].shape[-1] == 16
    assert one.scores.shape == (2, 6, 50)
    assert "next token" in one.target.sentence
    handle.remove()
    assert len(runs) == one.forwards == 1
    assert one.bytes == 2 * (2 * 4 * 36 * 2) + 2 * (2 * 6 * 16 * 4)


def test_the_output_is_the_models_own():
    one = session()
    with torch.no_grad():
        assert torch.equal(one.scores, one.model.eval()(**one.batch.inputs).logits)


def test_changing_weights_makes_it_stale_until_it_is_refreshed():
    one = classifier()
    assert not one.stale
    before = one.scores
    assert not one.stale
    optimiser = torch.optim.AdamW(one.model.parameters())
    one.model(torch.randn(2, 4)).sum().backward()
    assert not one.stale
    optimiser.step()
    assert one.stale
    assert torch.equal(one.scores, before)
    one.refresh()
    assert not torch.equal(one.scores, before)
    assert not one.stale
    one.model.load_state_dict(one.model.state_dict())
    assert one.stale


def test_another_input_forgets_what_was_captured():
    one = classifier()
    first = one.value("0")
    one.select(example=3, layer="1")
    one.use(torch.randn(2, 4))
    assert one.value("0").shape == (2, 8)
    assert first.shape == (5, 8)
    assert one.selection.example == 0
    assert one.selection.layer == "1"
    assert one.forwards == 2


def test_followers_are_told_of_every_change_and_can_leave():
    one, told = classifier(), []
    leave = one.follow(lambda s: told.append(s.selection.token))
    one.select(token=2)
    one.select(token=2)
    one.use(torch.randn(2, 4))
    one.explain(1)
    one.refresh()
    assert told == [2, None, None, None]
    leave()
    leave()
    one.select(token=1)
    assert len(told) == 4
    with pytest.raises(ConfigError, match="example, token, node, pixel, layer, head, label"):
        one.select(tokn=1)


def test_targets_follow_what_was_asked_for_and_use_names():
    one = classifier(names=["ant", "bee", "cat"], target=2)
    assert one.target.labels == ("cat",) * 5
    one.explain([0, 1, 2, 0, 1])
    assert one.target.labels == ("ant", "bee", "cat", "ant", "bee")
    assert one.attribution().targets == one.target.labels
    one.explain(None)
    classes = one.scores.argmax(-1)
    assert one.target.labels == tuple(["ant", "bee", "cat"][int(c)] for c in classes)
    one.explain(7)
    with pytest.raises(DataError, match="from 0 to 2"):
        _ = one.target


def test_attributions_improve_and_are_kept_until_something_changes():
    one = session()
    results = list(one.attributions("integrated_gradients", steps=1, bound=1e-12, most=4))
    assert [r.steps for r in results][:3] == [1, 2, 4]
    one.explain(None)
    first = one.attribution()
    assert one.attribution() is first
    one.explain(3)
    second = one.attribution()
    assert second is not first
    with torch.no_grad():
        one.model.lm_head.weight.mul_(2)
    assert one.attribution() is not second


def test_an_overview_is_made_once_per_input():
    one = session()
    assert one.overview() is one.overview()
    assert one.overview().examples == 2


def test_the_byte_cap_is_shared_by_values_and_attention():
    one = session(max_bytes=512)
    one.want("model.layers.0.mlp")
    assert not one.attention
    assert "max_bytes" in one.attention.reason
    with pytest.raises(AddressError, match="max_bytes=256"):
        one.value("model.layers.0.mlp")
    assert one.scores.shape == (2, 6, 50)
    assert one.bytes <= 512
    with pytest.raises(AddressError, match="no module"):
        one.want("model.layers.7")


def test_tokens_come_from_the_processor():
    class Tokenizer:
        def convert_ids_to_tokens(self, index):
            return f"t{index}"

        def decode(self, ids):
            return f"t{ids[0]}"

    one = Session(language_model(), {"input_ids": torch.tensor([[3, 4]])}, processor=Tokenizer())
    assert one.tokens == [["t3", "t4"]]
    assert one.attention[0].keys == (("t3", "t4"),)
    assert session().tokens == []


def test_inputs_of_every_form_become_a_batch():
    model = nn.Linear(3, 2)
    x = torch.randn(4, 3)
    for inputs in (x, (x,), [x], {"input": x}, Batch((x,), torch.zeros(4))):
        assert torch.equal(Session(model, inputs).scores, model(x))
    from torch_geometric.data import Data
    from torch_geometric.nn import GATConv

    graph = Data(x=x, edge_index=torch.tensor([[0, 1], [1, 2]]))
    assert Session(GATConv(3, 2), graph).attention[0].kind == "edge"
    with pytest.raises(DataError, match="no input"):
        Session(model, None)


def test_a_forward_that_raises_leaves_the_session_usable():
    one = classifier()
    good = one.batch
    one.use(torch.randn(2, 9))
    with pytest.raises(RuntimeError):
        _ = one.output
    one.use(good)
    assert one.scores.shape == (5, 3)


def test_a_look_waits_for_the_step_and_never_blocks_one_that_asks_a_session():
    one = classifier()
    step = live.Step(0)
    step.enter(1)
    done = threading.Event()
    thread = threading.Thread(target=lambda: (one.snapshot(), done.set()))
    thread.start()
    assert not done.wait(0.2)
    assert one.scores.shape == (5, 3)  # the step itself asks, while another thread waits for it
    step.leave()
    assert done.wait(5)
    thread.join()
    assert one.forwards == 1


def test_looking_during_training_changes_nothing_that_is_trained():
    def train(look):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 3))
        one, optimiser = Session(model, torch.randn(5, 4)), torch.optim.SGD(model.parameters(), 0.1)
        for i in range(6):
            step = live.Step(7)
            step.enter(i)
            optimiser.zero_grad()
            model(torch.randn(16, 4)).square().mean().backward()
            optimiser.step()
            step.leave()
            if look:
                one.refresh()
                _ = (
                    one.output,
                    one.attention,
                    one.overview(),
                    one.attribution("integrated_gradients", steps=2, bound=float("inf")),
                )
        return model.state_dict()

    plain, watched = train(look=False), train(look=True)
    assert all(torch.equal(v, watched[k]) for k, v in plain.items())

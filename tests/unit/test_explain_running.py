"""How explain runs a model: what it remembers, what it leaves behind, how much memory it takes, how it goes on."""

import gc
import weakref
from collections import deque

import pytest
import torch
from torch import nn

from workbench.core.errors import ConfigError, ModelError
from workbench.interpret import explain, improving_explanation
from workbench.interpret.attributions import _memory, _reduced

INF = float("inf")


class Counted(nn.Module):
    """A network that notes the sizes of the batches it was given, outside itself."""

    def __init__(self, seen):
        super().__init__()
        torch.manual_seed(0)
        self.body = nn.Sequential(nn.Linear(12, 8), nn.Tanh(), nn.Linear(8, 2))
        self.note = seen.append
        self.flags = {"random": False}  # in a container: nothing tells that it has changed

    def forward(self, x):
        self.note(len(x))
        return self.body(x) + (torch.randn(len(x), 2) if self.flags["random"] else 0)


def asked(model, x, **settings):
    return explain(model, x, "kernel_shap", target=1, reference=0.0, samples=64, most=64, bound=INF, **settings)


# What is remembered


def test_a_second_call_runs_the_input_and_the_coalitions_and_nothing_else():
    seen = []
    model, x = Counted(seen), torch.randn(1, 12)
    first = asked(model, x)
    once = len(seen)
    seen.clear()
    again = asked(model, x)
    assert seen == [1, 66]
    assert once > len(seen)
    assert torch.allclose(first.scores, again.scores, atol=1e-6)


def weights_written(model):
    with torch.no_grad():
        model.body[0].weight.mul_(0.5)


def weight_replaced(model):
    model.body[2].bias = nn.Parameter(torch.ones(2))


def mode_changed(model):
    model.eval()


def module_replaced(model):
    model.body[1] = nn.Tanh()


def attribute_changed(model):
    model.body[0].scale = 2.0


def hooked(model):
    model.body[0].register_forward_hook(lambda *_: None)


@pytest.mark.parametrize(
    "change", [weights_written, weight_replaced, mode_changed, module_replaced, attribute_changed, hooked]
)
def test_what_was_found_out_is_forgotten_when_the_model_changes(change):
    seen = []
    model, x = Counted(seen), torch.randn(1, 12)
    asked(model, x)
    fresh = len(seen)
    asked(model, x)
    assert len(seen) - fresh == 2
    change(model)
    seen.clear()
    asked(model, x)
    assert len(seen) == fresh


def test_another_shape_or_target_is_found_out_anew():
    seen = []
    model = Counted(seen)
    asked(model, torch.randn(1, 12))
    fresh = len(seen)
    asked(model, torch.randn(1, 12))
    seen.clear()
    asked(model, torch.randn(2, 12))
    assert len(seen) == fresh
    seen.clear()
    explain(model, torch.randn(1, 12), "feature_ablation", target=lambda out: out[:, 0] - out[:, 1], reference=0.0)
    assert len(seen) > 2


def test_a_model_that_becomes_random_is_noticed_though_it_was_not_before():
    model, x = Counted([]), torch.randn(1, 12)
    assert "random" not in asked(model, x).doubt
    model.flags["random"] = True
    assert "random in evaluation mode" in asked(model, x).doubt


def test_rows_that_begin_to_influence_each_other_are_noticed():
    class Turning(nn.Module):
        mixing = False  # of the class: nothing of the instance changes

        def forward(self, x):
            return (x - x.mean(0) if type(self).mixing else x).square().sum(1, keepdim=True) + x[:, :1]

    model, x = Turning(), torch.randn(3, 4)
    explain(model, x, "feature_ablation", reference=0.0)
    Turning.mixing = True
    found = explain(model, x, "feature_ablation", reference=0.0)
    with torch.no_grad():
        lost = [model(x)[:, 0] - model(x * (torch.arange(4) != i))[:, 0] for i in range(4)]
    assert torch.allclose(found.scores, torch.stack(lost, 1), atol=1e-5)


def test_nothing_remembered_keeps_a_model_alive():
    from transformers import BertConfig, BertForSequenceClassification

    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    text = BertForSequenceClassification(BertConfig(vocab_size=50, **sizes))
    table = Counted([])
    explain(text, {"input_ids": torch.randint(5, 50, (1, 6))}, "gradient", call=lambda m, given: m(**given))
    asked(table, torch.randn(1, 12))
    watched = [weakref.ref(text), weakref.ref(table), weakref.ref(table.body)]
    del text, table
    gc.collect()
    assert [ref() for ref in watched] == [None] * 3


# What is left behind


class Stateful(nn.Module):
    """Every kind of state that a forward can leave behind."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3, 1)
        self.register_buffer("mean", torch.zeros(3))
        self.hidden = torch.zeros(3)
        self.calls = 0
        self.past = deque([torch.zeros(1)], maxlen=4)
        self.cache = {"last": torch.zeros(3)}

    def forward(self, x):
        drift = self.mean + self.hidden + self.cache["last"] + self.calls
        self.mean.add_(x.detach().mean(0))
        self.hidden = self.hidden + x.detach()[0]
        self.calls += 1
        self.past.append(x.detach().sum())
        self.cache["last"] += 1
        self.output = x.detach()
        return self.linear(x + drift)


@pytest.mark.parametrize("method", ["integrated_gradients", "kernel_shap", "feature_ablation", "deeplift"])
def test_state_that_a_forward_leaves_is_taken_away(method):
    model, x = Stateful(), torch.randn(2, 3)
    buffer, past = model.mean, model.past
    version = buffer._version
    found = explain(model, x, method, reference=0.0)
    assert model.mean is buffer
    assert buffer._version == version
    assert not bool(buffer.any())
    assert not bool(model.hidden.any())
    assert model.calls == 0
    assert model.past is past
    assert len(past) == 1
    assert not bool(model.cache["last"].any())
    assert not hasattr(model, "output")
    # Every forward began with the same state: the model is linear, and each point meets the drift of the first.
    assert torch.allclose(found.scores, x * model.linear.weight, atol=1e-4)
    assert "changed" not in found.doubt


def test_running_statistics_stay_though_a_layer_updates_them_in_evaluation_mode():
    class Always(nn.BatchNorm1d):
        def forward(self, x):
            with torch.no_grad():
                self.running_mean.mul_(0.9).add_(0.1 * x.mean(0))
                self.num_batches_tracked += 1
            return super().forward(x)

    model = nn.Sequential(Always(4), nn.Linear(4, 2))
    state = {name: value.clone() for name, value in model.state_dict().items()}
    explain(model, torch.randn(3, 4) + 5)
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())


# Memory


def test_batches_follow_from_free_memory_and_not_from_the_number_of_samples(monkeypatch):
    seen = []
    model, x = Counted(seen), torch.randn(1, 12)
    asked(model, x)
    roomy = asked(model, x)
    assert max(seen) == 66
    monkeypatch.setattr(_memory, "_free", lambda *_: 40_000)
    largest = []
    for samples in (64, 1024, 4096):
        seen.clear()
        found = explain(model, x, "kernel_shap", target=1, reference=0.0, samples=samples, most=samples, bound=INF)
        largest.append(max(seen))
        assert sum(seen) >= samples
    assert largest[0] == largest[1] == largest[2] < 64
    assert torch.allclose(found.scores, roomy.scores, atol=0.2)


def test_steps_of_a_path_are_run_in_batches_that_fit(monkeypatch):
    seen = []
    model, x = Counted(seen), torch.randn(1, 12)
    settings = {"target": 1, "reference": 0.0, "bound": INF, "steps": 128, "most": 128}
    roomy = explain(model, x, "integrated_gradients", **settings)
    monkeypatch.setattr(_memory, "_free", lambda *_: 40_000)
    seen.clear()
    small = explain(model, x, "integrated_gradients", **settings)
    assert max(seen) < 64
    assert torch.allclose(small.scores, roomy.scores, atol=1e-5)


class Narrow(nn.Module):
    """Takes so many rows and no more."""

    def __init__(self, most):
        super().__init__()
        self.most = most

    def forward(self, x):
        if len(x) > self.most:
            raise RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: not enough memory: you tried ...")
        return x.prod(1, keepdim=True) + x.sum(1, keepdim=True)


def test_a_batch_that_does_not_fit_is_halved_until_it_does():
    x = torch.rand(1, 12) + 0.5
    expected = explain(Narrow(10_000), x, "kernel_shap", reference=0.0, samples=200, most=200, bound=INF)
    found = explain(Narrow(5), x, "kernel_shap", reference=0.0, samples=200, most=200, bound=INF)
    assert torch.allclose(found.scores, expected.scores, atol=1e-5)


def test_memory_that_does_not_suffice_for_one_pass_is_one_sentence():
    with pytest.raises(ModelError, match="Memory does not suffice to run Narrow once on this input: give fewer"):
        explain(Narrow(0), torch.rand(1, 3))


# Going on


def test_long_sampling_gives_first_results_early_and_then_better_ones(monkeypatch):
    from workbench.interpret.attributions import _problem

    monkeypatch.setattr(_problem, "PATIENCE", 1e-9)
    model, x = Counted([]), torch.randn(1, 12)
    for name in ("kernel_shap", "lime"):
        found = list(improving_explanation(model, x, name, target=1, reference=0.0, samples=300, bound=INF))
        steps = [f.steps for f in found]
        assert steps == sorted(steps)
        assert steps[0] < 40
        assert len(steps) > 10
        early, late = found[0].interval["x"], found[-1].interval["x"]
        assert float(early.mean()) > float(late.mean())


def test_work_can_be_stopped_and_gives_what_it_has_with_a_wider_error():
    model, x = Counted([]), torch.randn(1, 12)
    settings = {"target": 1, "reference": 0.0, "bound": 1e-9, "pairs": 2}
    whole = [f for f in improving_explanation(model, x, "permutation_shapley", **settings) if "permutation" in f.method]
    stopped = explain(model, x, "permutation_shapley", seconds=1e-9, **settings)
    assert stopped.steps == whole[0].steps < whole[-1].steps
    assert float(stopped.relative_error) > float(whole[-1].relative_error)
    assert "No better result was waited for" in stopped.doubt
    with pytest.raises(ConfigError, match="seconds"):
        explain(model, x, seconds=0)
    with pytest.raises(ConfigError, match="reduced"):
        explain(model, x, reduced=0.0)


# Reduced precision


def plain(inputs=12):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(inputs, 64), nn.GELU(), nn.Linear(64, 2))


def test_bfloat16_is_used_where_it_is_close_and_its_deviation_is_said(monkeypatch):
    monkeypatch.setattr(_reduced, "has_bfloat16", lambda _: True)
    model, x, kinds = plain(), torch.randn(1, 12), []
    model[0].register_forward_hook(lambda _, __, output: kinds.append(output.dtype))
    settings = {"target": 1, "reference": 0.0, "samples": 200, "most": 200}
    exact = explain(model, x, "kernel_shap", bound=INF, **settings)
    assert set(kinds) == {torch.float32}
    found = explain(model, x, "kernel_shap", bound=INF, reduced=0.1, **settings)
    assert torch.bfloat16 in kinds
    said = float(found.method.split("off by ")[1].split("%")[0]) / 100
    missed = float((found.scores - exact.scores).abs().max() / exact.difference.abs().max())
    assert 0 < missed < 0.1
    assert 0 < said < 0.1
    assert found.scores.dtype == torch.float32


@pytest.mark.parametrize("name", ["feature_ablation", "lime"])
def test_bfloat16_is_switched_off_where_it_is_not_close(monkeypatch, name):
    class Far(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = plain(20)

        def forward(self, x):
            return self.body(x) + 1000  # of which bfloat16 loses the change

    monkeypatch.setattr(_reduced, "has_bfloat16", lambda _: True)
    model, x = Far(), torch.randn(1, 20)
    found = explain(model, x, name, target=1, reference=0.0, reduced=0.05)
    plainly = explain(model, x, name, target=1, reference=0.0)
    assert "Full precision was used: bfloat16 is off by" in found.doubt
    assert "in bfloat16" not in found.method
    assert torch.allclose(found.scores, plainly.scores, atol=1e-5)


def test_bfloat16_is_off_where_the_processor_has_none(monkeypatch):
    monkeypatch.setattr(_reduced, "has_bfloat16", lambda _: False)
    model, x = plain(), torch.randn(1, 12)
    found = explain(model, x, "lime", target=1, reference=0.0, reduced=0.05)
    assert "this processor has no arithmetic in bfloat16" in found.doubt
    assert torch.equal(found.scores, explain(model, x, "lime", target=1, reference=0.0).scores)

"""What is asked of an explanation before believing it: sampling error, a second opinion, random weights."""

import copy
import threading
from typing import ClassVar

import pytest
import torch
from scipy.stats import spearmanr
from torch import nn

from workbench.core.errors import ConfigError, DataError, MissingExtraError
from workbench.core.live import turn
from workbench.interpret import (
    agreement,
    attributions,
    explain,
    improving_explanation,
    improving_sanity_check,
    sanity_check,
)
from workbench.interpret.attributions import Estimate, Method

INF = float("inf")


def network(inputs=8):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(inputs, 16), nn.Tanh(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 3))


class Blind(Method):
    """A map of the input, whatever the model."""

    title = "blind"
    unit = "evidence"

    def results(self, problem):
        yield Estimate(parts=[v.abs() for v in problem.values], steps=1, work="1 look")


class Interacting(nn.Module):
    """Products of three, which no pair of orders gets right."""

    def forward(self, x):
        return (x[:, :4].prod(1) + 2 * x[:, 3:7].prod(1) + x.sum(1) ** 3 / 20)[:, None]


# Sampling error


@pytest.mark.parametrize(
    ("name", "settings", "truth"),
    [
        ("permutation_shapley", {"pairs": 16, "most": 16}, "exact_shapley"),
        ("kernel_shap", {"samples": 400, "most": 400}, "exact_shapley"),
        ("expected_gradients", {"samples": 64, "most": 64}, "integrated_gradients"),
    ],
)
def test_an_interval_holds_the_truth_about_nineteen_times_in_twenty(name, settings, truth):
    torch.manual_seed(0)
    model, x, background = Interacting(), torch.rand(1, 9) + 0.5, torch.rand(6, 9)
    expected = explain(model, x, truth, background=background, bound=INF).scores
    held = []
    for seed in range(40):
        found = explain(model, x, name, background=background, bound=INF, seed=seed, **settings)
        held.append((found.scores - expected).abs() <= found.interval["x"] + 1e-5)
    share = float(torch.stack(held).float().mean())
    assert 0.87 < share <= 1
    assert float(found.relative_error) > 1e-4


def test_the_sum_has_an_interval_where_it_is_drawn_and_none_to_speak_of_where_it_is_exact():
    torch.manual_seed(0)
    model, x, background = Interacting(), torch.rand(1, 9) + 0.5, torch.rand(6, 9)
    held = []
    for seed in range(40):
        drawn = explain(
            model, x, "expected_gradients", background=background, bound=INF, seed=seed, samples=64, most=64
        )
        held.append(float((drawn.scores.sum(1) - drawn.difference).abs()) <= float(drawn.total_interval))
    assert sum(held) / len(held) >= 0.8
    assert float(drawn.total_interval) < 0.5 * float(drawn.difference.abs())
    for name in ("permutation_shapley", "kernel_shap"):
        exact = explain(model, x, name, background=background, bound=INF)
        assert torch.equal(exact.total_interval, torch.zeros(1))
    assert not explain(model, x, "integrated_gradients", reference=0.0).total_interval.numel()


def test_the_interval_of_the_sum_of_a_fit_is_that_of_the_fit_itself():
    torch.manual_seed(0)
    x = torch.rand(1, 9) + 0.5
    sums, halves = [], []
    for seed in range(60):
        found = explain(Interacting(), x, "lime", reference=0.0, bound=INF, samples=300, seed=seed)
        sums.append(float(found.scores.sum()))
        halves.append(float(found.total_interval))
    spread = 1.96 * float(torch.tensor(sums).std())
    assert spread < sum(halves) / len(halves) < 2 * spread  # the input itself, never drawn, counts as if it were


@pytest.mark.parametrize("name", ["smoothgrad", "vargrad"])
def test_slopes_of_noisy_copies_have_an_interval_that_holds_what_many_copies_give(name):
    torch.manual_seed(0)
    model, x = network(), torch.randn(1, 8)
    truth = explain(model, x, name, target=0, samples=4000, seed=99).scores
    held = []
    for seed in range(30):
        found = explain(model, x, name, target=0, samples=40, seed=seed)
        held.append((found.scores - truth).abs() <= found.interval["input"])
    assert 0.8 < float(torch.stack(held).float().mean()) <= 1


def test_numbers_of_a_token_drawn_together_have_one_interval():
    torch.manual_seed(0)

    class Summed(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed = nn.Embedding(20, 8)
            self.last = nn.Linear(8, 1)

        def forward(self, input_ids):
            return self.last(self.embed(input_ids).sum(1)).tanh()

    model, batch = Summed(), {"input_ids": torch.randint(0, 20, (1, 5))}
    truth = explain(model, batch, "integrated_gradients", reference=3).scores
    held = []
    for seed in range(60):
        found = explain(model, batch, "expected_gradients", reference=3, bound=INF, samples=16, most=16, seed=seed)
        held.append((found.scores - truth).abs() <= found.interval["input_ids"] + 1e-6)
    assert float(torch.stack(held).float().mean()) > 0.85


def test_too_wide_an_interval_is_said():
    torch.manual_seed(0)
    few = {"reference": 0.0, "bound": 1e-4, "pairs": 2, "most": 2}
    first, *_ = improving_explanation(Interacting(), torch.rand(1, 9) + 0.5, "permutation_shapley", **few)
    assert "draw more samples" in first.doubt


# Agreement


def test_agreement_is_spearmans_rank_correlation_for_each_example():
    model, x, reference = network(), torch.randn(3, 8), torch.randn(3, 8)
    found = explain(model, x, "integrated_gradients", target=1, reference=reference)
    table = agreement(found, "exact_shapley", "feature_ablation", "gradient")
    others = [explain(model, x, n, target=1, reference=reference) for n in ("exact_shapley", "feature_ablation")]
    gradient = explain(model, x, "gradient", target=1).scores
    for j, other in enumerate(others, 1):
        naive = [spearmanr(a, b).statistic for a, b in zip(found.scores, other.scores, strict=True)]
        assert torch.allclose(table.each[:, 0, j], torch.tensor(naive), atol=1e-6)
    naive = [spearmanr(a.abs(), b.abs()).statistic for a, b in zip(found.scores, gradient, strict=True)]
    assert torch.allclose(table.each[:, 0, 3], torch.tensor(naive), atol=1e-6)
    assert torch.allclose(table.matrix, table.each.mean(0))
    assert torch.allclose(table.matrix.diagonal(), torch.ones(4, dtype=torch.float64))
    assert table.methods[0] == "integrated gradients"
    assert "exact Shapley" in str(table)
    assert "<table" in table._repr_html_()


def test_methods_that_rank_differently_are_said_and_those_that_rank_alike_are_not():
    x = torch.tensor([[1.0, 2.0, 3.0, 4.0]])

    class Needed(nn.Module):
        def forward(self, x):
            return (x * torch.tensor([1.0, 2.0, 0.5, -1.0])).sum(1, keepdim=True)

    alike = agreement(explain(Needed(), x, reference=0.0))
    assert float(alike.matrix.min()) == pytest.approx(1)
    assert not alike.warnings

    class Saturated(nn.Module):
        """Any of the first three is enough, so that leaving one out changes nothing."""

        def forward(self, x):
            enough = x[:, :3].sum(1).clamp_max(1)
            return (4 * enough + x[:, 3] / 100 - 0.001 * x[:, 0])[:, None]

    apart = agreement(explain(Saturated(), x, reference=0.0), "feature_ablation")
    assert "rank the features differently" in apart.warnings[0]


def test_pictures_are_compared_by_patches():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 64, 2))
    found = explain(model, torch.randn(2, 1, 8, 8), "integrated_gradients")
    table = agreement(found, "occlusion", "grad_cam")
    assert len(table.methods) == 3
    assert bool(table.each.isfinite().all())


def test_what_cannot_be_compared_is_said():
    found = explain(network(), torch.randn(1, 8))
    table = agreement(found, "exact_shapley", "grad_cam")
    assert len(table.methods) == 2
    assert "Grad-CAM was not compared" in table.warnings[0]
    with pytest.raises(DataError, match="was not compared"):
        agreement(found, "grad_cam")
    few = agreement(explain(network(2), torch.randn(1, 2)))
    assert "cannot be ranked" in few.warnings[0]


# Random weights


@pytest.mark.parametrize("name", ["integrated_gradients", "exact_shapley", "kernel_shap"])
def test_sound_methods_change_with_the_weights(name):
    torch.manual_seed(1)
    result = sanity_check(explain(network(), torch.randn(8, 8), name, target=0, reference=0.0), draws=4)
    assert result.passed
    assert float(result.similarity[-1]) < 0.6
    assert not result.warnings


def test_a_map_of_the_input_fails_the_sanity_check_and_says_so():
    result = sanity_check(explain(network(), torch.randn(4, 8), Blind()))
    assert float(result.similarity[-1]) == pytest.approx(1)
    assert not result.passed
    assert "blind shows the input" in result.warnings[0]


def test_weights_are_drawn_anew_from_the_output_downwards():
    result = sanity_check(explain(network(), torch.randn(6, 8), "gradient"), stages=3)
    assert result.stages == ("4", "2", "0")
    assert result.each.shape == (3, 3, 6)
    alone = sanity_check(explain(network(), torch.randn(6, 8), "gradient"), stages=50)
    assert alone.stages == ("4", "2", "0")


class Uncopied(nn.Module):
    """A model that refuses to be copied."""

    weights_seen: ClassVar[list] = []

    def __init__(self):
        super().__init__()
        self.body = network()

    def __deepcopy__(self, memo):
        raise TypeError("not copied")

    def forward(self, x):
        self.weights_seen.append(self.body[0].weight.detach().clone())
        return self.body(x)


@pytest.mark.parametrize("kind", [network, Uncopied])
def test_weights_are_the_same_bits_in_the_same_memory_afterwards(kind):
    model, x = kind(), torch.randn(2, 8)
    found = explain(model, x, "gradient")
    Uncopied.weights_seen.clear()
    kept = {n: (p.data_ptr(), p._version, p.detach().clone()) for n, p in model.named_parameters()}
    result = sanity_check(found)
    assert result.passed
    for name, parameter in model.named_parameters():
        place, version, value = kept[name]
        assert (parameter.data_ptr(), parameter._version) == (place, version)
        assert torch.equal(parameter, value)
        assert parameter.requires_grad
        assert parameter.grad is None
    if kind is Uncopied:
        assert any(not torch.equal(seen, kept["body.0.weight"][2]) for seen in model.weights_seen)


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_model_that_cannot_be_copied_is_put_back_when_the_check_breaks_or_is_stopped(error):
    model, x = Uncopied(), torch.randn(2, 8)
    found = explain(model, x, "gradient")
    before = copy.deepcopy(dict(model.body.state_dict()))

    class Broken(Blind):
        def results(self, problem):
            assert not torch.equal(model.body[0].weight, before["0.weight"])
            raise error

    with pytest.raises(error):
        sanity_check(type(found)(**{**vars(found), "by": Broken()}))
    assert all(torch.equal(v, before[k]) for k, v in model.body.state_dict().items())


def test_a_model_that_cannot_be_copied_is_whole_between_two_draws_and_for_everybody_else():
    model, x = Uncopied(), torch.randn(2, 8)
    found = explain(model, x, "gradient")
    before = model.body[0].weight.detach().clone()
    drawing, seen = improving_sanity_check(found, draws=8), []
    stop = threading.Event()

    def look():
        while not stop.is_set():
            with turn():
                seen.append(torch.equal(model.body[0].weight, before))

    other = threading.Thread(target=look)
    other.start()
    for _ in drawing:
        assert torch.equal(model.body[0].weight, before)
    stop.set()
    other.join()
    assert seen
    assert all(seen)


def test_what_the_check_cannot_tell_is_said():
    class Bare(nn.Module):
        def forward(self, x):
            return x.sum(1, keepdim=True)

    with pytest.raises(DataError, match="no weights"):
        sanity_check(explain(Bare(), torch.randn(1, 4), reference=0.0))
    assert "cannot be ranked" in sanity_check(explain(network(2), torch.randn(1, 2))).warnings[0]
    with pytest.raises(ConfigError, match="draws=0"):
        sanity_check(explain(network(), torch.randn(1, 8)), draws=0)


# Both, on the explanation


def test_an_explanation_is_checked_and_carries_what_was_found():
    found = explain(network(), torch.randn(6, 8), target=0, reference=0.0)
    assert found.agreement is None
    assert found.sanity is None
    checked = found.checked()
    assert checked.agreement.methods == ("integrated gradients", "exact Shapley values")
    assert checked.sanity.passed
    assert checked.warnings == found.warnings
    assert torch.equal(checked.scores, found.scores)
    blind = explain(network(), torch.randn(6, 8), Blind()).checked()
    assert any("shows the input" in said for said in blind.warnings)
    assert "shows the input" in blind.doubt


def test_rank_correlations_name_the_extra_that_brings_scipy(monkeypatch):
    import sys

    found = explain(network(), torch.randn(1, 8))
    monkeypatch.setitem(sys.modules, "scipy.stats", None)
    with pytest.raises(MissingExtraError, match="explain"):
        agreement(found)


def test_every_method_can_be_doubted():
    x = torch.randn(2, 8)
    found = explain(network(), x, "integrated_gradients", reference=0.0)
    names = [n for n in attributions.names() if "cam" not in n]
    table = agreement(found, *names)
    assert len(table.methods) + sum("was not compared" in said for said in table.warnings) == len(names) + 1
    assert len(table.methods) > 10

"""Measures of faithfulness: the same figures as Quantus, naive replicas, and what they say of good and bad orders."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from workbench.core.errors import ConfigError, DataError, MissingExtraError, UnknownNameError
from workbench.interpret import explain, faithfulness, measures
from workbench.interpret.attributions import Axiom, Estimate, Method
from workbench.interpret.measures.infidelity import drawn
from workbench.interpret.measures.max_sensitivity import MaxSensitivity
from workbench.interpret.measures.road import imputed

ORDERED = ["deletion", "insertion", "comprehensiveness", "sufficiency"]
BIG = {"disable_warnings": True, "display_progressbar": False}


def pictures():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 64, 3)).eval()
    x, reference = torch.randn(3, 1, 8, 8), torch.randn(1, 1, 8, 8)
    return model, x, reference


def table():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 2)), torch.randn(3, 6), torch.randn(3, 6)


class Given(Method):
    """Scores that a test has made up."""

    title = "given"
    axioms = frozenset({Axiom.DUMMY})

    def results(self, problem):
        yield Estimate(parts=[GIVEN.expand_as(problem.values[0])], steps=1, work="none")


GIVEN = torch.tensor([5.0, 4.0, 3.0, 2.0, 1.0, 0.0])


class Weighed(nn.Module):
    def forward(self, x):
        return (x * torch.tensor([5.0, 4.0, 3.0, 2.0, 1.0, 0.0])).sum(1, keepdim=True)


# The same as Quantus


def quantus_of(metric, model, x, classes, scores, **more):
    return metric(
        model=model, x_batch=x.numpy(), y_batch=np.asarray(classes), a_batch=scores.numpy(), device="cpu",
        channel_first=True, softmax=False, **more,
    )  # fmt: skip


def test_deletion_has_the_curve_of_quantus():
    import quantus

    model, x, _ = pictures()
    found = explain(model, x, "integrated_gradients", target=1, reference=0.25)
    ours = faithfulness(found, "deletion", patches=8, steps=64)
    metric = quantus.PixelFlipping(features_in_step=1, perturb_baseline=0.25, normalise=False, **BIG)
    theirs = torch.tensor(quantus_of(metric, model, x, [1, 1, 1], found.scores), dtype=torch.float32)
    assert torch.allclose(ours.curve[1:].T, theirs, atol=1e-4)
    assert torch.allclose(ours.curve[0], model(x)[:, 1], atol=1e-4)
    assert torch.allclose(ours.values, torch.trapezoid(ours.curve, ours.places, dim=0), atol=1e-4)


def test_insertion_has_the_curve_of_quantus_from_the_reference_to_the_picture():
    import quantus

    model, x, reference = pictures()
    found = explain(model, x[:1], "integrated_gradients", target=1, reference=reference)
    ours = faithfulness(found, "insertion", patches=8, steps=64)

    def put_back(arr, indices, **_):
        changed = arr.copy()
        for row, places in enumerate(indices):
            changed[row, places] = x.numpy().reshape(3, -1)[row, places]
        return changed

    metric = quantus.PixelFlipping(features_in_step=1, perturb_func=put_back, normalise=False, **BIG)
    theirs = torch.tensor(quantus_of(metric, model, reference, [1], found.scores), dtype=torch.float32)
    assert torch.allclose(ours.curve[1:].T, theirs, atol=1e-4)


def test_infidelity_on_the_same_sets_is_that_of_quantus():
    import quantus

    model, x, reference = pictures()
    found = explain(model, x, "gradient", target=2, reference=reference)
    ours = faithfulness(found, "infidelity", samples=30, patches=8)
    hidden = drawn(64, 30, found.source().generator(17)).numpy()
    calls = iter(hidden)

    def replaced(arr, **_):
        return np.where(next(calls), reference.numpy().reshape(1, -1), x.numpy().reshape(3, -1))

    metric = quantus.Infidelity(
        perturb_func=replaced, perturb_patch_sizes=[8], n_perturb_samples=30, normalise=False, **BIG
    )
    theirs = quantus_of(metric, model, x, [2, 2, 2], found.scores)
    assert torch.allclose(ours.values, torch.tensor(theirs, dtype=torch.float64), rtol=1e-3)


def test_max_sensitivity_on_the_same_inputs_is_that_of_quantus():
    import quantus

    model, x, reference = pictures()
    found = explain(model, x, "input_x_gradient", target=0, reference=reference)
    measure = MaxSensitivity(samples=4, radius=0.1)
    near = iter([measure.nearby(found.source(), i).values[0].numpy() for i in range(4)])

    def explained(model, inputs, targets, **_):
        return explain(model, torch.as_tensor(inputs), "input_x_gradient", target=0, reference=reference).scores.numpy()

    metric = quantus.MaxSensitivity(
        nr_samples=4, perturb_func=lambda arr, **_: next(near).reshape(3, -1), normalise=False, **BIG
    )
    theirs = quantus_of(metric, model, x, [0, 0, 0], found.scores, explain_func=explained)
    assert torch.allclose(faithfulness(found, measure).values, torch.tensor(theirs, dtype=torch.float32), rtol=1e-4)
    assert float(min(theirs)) > 0.01


def test_imputed_pixels_and_the_share_of_right_answers_are_those_of_quantus():
    import quantus
    from quantus.functions.perturb_func import noisy_linear_imputation

    model, x, _ = pictures()
    colour = torch.randn(3, 9, 7)
    places = torch.randperm(63)[:40]
    theirs = noisy_linear_imputation(colour.double().numpy(), places.numpy(), noise=0.0)
    assert np.allclose(imputed(colour, places).numpy(), theirs, atol=1e-5)
    classes = model(x).argmax(1)
    right = lambda output: (output.argmax(1) == classes[: len(output)]).float()  # noqa: E731 - a name says more
    scored = explain(model, x, "input_x_gradient", target=[int(c) for c in classes], reference=0.0)
    percentages = (10.0, 40.0, 80.0)
    metric = quantus.ROAD(percentages=list(percentages), noise=0.0, normalise=False, **BIG)
    theirs = quantus_of(metric, model, x, classes.numpy(), scored.scores)
    asked = explain(model, x, Fixed(scored.scores), target=right, reference=0.0)
    ours = faithfulness(asked, "road", percentages=percentages, noise=0.0)
    assert ours.curve.mean(1).tolist() == pytest.approx([theirs[p] for p in percentages])


class Fixed(Method):
    """Scores that another explanation has."""

    title = "fixed"

    def __new__(cls, scores):
        return super().__new__(cls)

    def __init__(self, scores):
        super().__init__()
        object.__setattr__(self, "_scores", scores)

    def results(self, problem):
        yield Estimate(parts=[self._scores], steps=1, work="none")


def test_the_pointing_game_is_that_of_quantus():
    import quantus

    model, x, reference = pictures()
    found = explain(model, x, "integrated_gradients", reference=reference)
    mask = torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(2)) < 0.5
    metric = quantus.PointingGame(normalise=False, **BIG)
    theirs = metric(
        model=model, x_batch=x.numpy(), y_batch=np.zeros(3, int), a_batch=found.scores.numpy(), s_batch=mask.numpy(),
        device="cpu", channel_first=True,
    )  # fmt: skip
    ours = faithfulness(found, "pointing_game", mask=mask[:, 0])
    assert ours.values.bool().tolist() == [bool(v) for v in theirs]
    assert torch.allclose(ours.chance, mask.double().mean((1, 2, 3)))


# Naive replicas


@pytest.mark.parametrize("name", ["comprehensiveness", "sufficiency"])
def test_erasers_measures_by_their_formulas(name):
    model, x, reference = table()
    found = explain(model, x, "exact_shapley", target=1, reference=reference)
    for row, value in enumerate(faithfulness(found, name).values):
        order = found.scores[row].argsort(descending=True)
        lost = []
        for share in (0.01, 0.05, 0.1, 0.2, 0.5):
            chosen = order[: max(1, math.ceil(share * 6))]
            changed = x[row].clone() if name == "comprehensiveness" else reference[row].clone()
            changed[chosen] = reference[row][chosen] if name == "comprehensiveness" else x[row][chosen]
            with torch.no_grad():
                lost.append(float(model(x[row : row + 1])[0, 1] - model(changed[None])[0, 1]))
        assert float(value) == pytest.approx(sum(lost) / 5, abs=1e-5)


def test_contributions_of_a_linear_model_are_wholly_faithful():
    torch.manual_seed(0)
    model, x = nn.Linear(6, 2), torch.randn(4, 6)
    for method in ("integrated_gradients", "kernel_shap", "gradient"):
        found = explain(model, x, method, target=0, reference=0.5)
        ours = faithfulness(found, "infidelity")
        assert float(ours.values.max()) < 1e-6
        assert ours.interval.shape == (4,)
    doubled = explain(model, x, Fixed(2 * found.scores * (x - 0.5)), target=0, reference=0.5)
    assert float(faithfulness(doubled, "infidelity").values.min()) > 0.01


def test_a_constant_explanation_has_no_sensitivity_and_a_steep_one_much():
    x = torch.randn(2, 6)
    assert float(faithfulness(explain(Weighed(), x, "gradient"), "max_sensitivity").values.max()) == 0

    class Steep(nn.Module):
        def forward(self, x):
            return torch.sin(60 * x).sum(1, keepdim=True)

    assert float(faithfulness(explain(Steep(), x, "gradient"), "max_sensitivity").values.min()) > 0.3


# What they say


@pytest.mark.parametrize("name", ORDERED)
def test_the_right_order_is_better_than_chance_and_the_wrong_one_is_said_to_be_worse(name):
    x = torch.ones(2, 6)
    right = faithfulness(explain(Weighed(), x, Given(), reference=0.0), name)
    sign = 1 if right.better == "higher" else -1
    assert bool((sign * right.values > sign * right.chance).all())
    assert not right.warnings
    wrong = faithfulness(explain(Weighed(), x, Fixed(-GIVEN.expand(2, 6)), reference=0.0), name)
    assert bool((sign * wrong.values < sign * right.values).all())
    assert "no better than a random one on 2 of 2 examples" in wrong.warnings[0]
    assert "better" in str(right)
    assert "<table" in right._repr_html_()


def test_deletion_of_a_linear_model_is_known_in_closed_form():
    found = explain(Weighed(), torch.ones(1, 6), Given(), reference=0.0)
    assert faithfulness(found, "deletion").curve[:, 0].tolist() == pytest.approx([15, 10, 6, 3, 1, 0, 0])
    assert faithfulness(found, "insertion").curve[:, 0].tolist() == pytest.approx([0, 5, 9, 12, 14, 15, 15])
    assert float(faithfulness(found, "deletion").values) == pytest.approx((7.5 + 10 + 6 + 3 + 1) / 6)


def test_a_tolerance_widens_the_mask():
    model, x, reference = pictures()
    found = explain(model, x[:1], "integrated_gradients", reference=reference)
    place = int(found.scores[0].sum(0).argmax())
    row, column = divmod(place, 8)
    mask = torch.zeros(8, 8, dtype=torch.bool)
    mask[(row + 2) % 8 if row < 6 else row - 2, column] = True
    assert float(faithfulness(found, "pointing_game", mask=mask).values) == 0
    assert float(faithfulness(found, "pointing_game", mask=mask, tolerance=2).values) == 1


def test_tokens_and_graphs_are_measured_on_the_problem_they_were_explained_on():
    pytest.importorskip("torch_geometric")
    from torch_geometric.nn import GCNConv

    class Words(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed, self.last = nn.Embedding(30, 8), nn.Linear(8, 2)

        def forward(self, input_ids):
            return self.last(self.embed(input_ids).sum(1))

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = GCNConv(3, 2)

        def forward(self, x, edge_index):
            return self.conv(x, edge_index).tanh()

    torch.manual_seed(0)
    words = explain(Words(), {"input_ids": torch.randint(0, 30, (2, 5))}, target=1, reference=3)
    graph = {"x": torch.randn(4, 3), "edge_index": torch.tensor([[0, 1, 2], [1, 2, 3]])}
    nodes = explain(Net(), graph, target=lambda output: output[3:, 0], reference=0.0)
    for name in ("deletion", "sufficiency", "max_sensitivity", "infidelity"):
        assert faithfulness(words, name).values.shape == (2,)
        assert faithfulness(nodes, name).values.shape == (1,)
    assert float(faithfulness(words, "infidelity").values.max()) < 1e-6


@pytest.mark.parametrize("name", measures.names())
def test_a_file_declares_what_it_is(name):
    measure = measures.load(name)
    assert measure.title
    assert measure.papers
    assert measure.better in ("higher", "lower")
    assert all(field.description for field in measure.model_fields.values())


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        ({"measure": "delition"}, UnknownNameError, "deletion"),
        ({"measure": "deletion", "steps": 0}, ConfigError, "steps"),
        ({"measure": "deletion", "mask": torch.ones(6)}, ConfigError, "takes no mask"),
        ({"measure": "pointing_game"}, DataError, "pass mask="),
        ({"measure": "pointing_game", "mask": torch.ones(7)}, DataError, "cannot be spread"),
        ({"measure": "pointing_game", "mask": torch.zeros(6)}, DataError, "nothing to point at"),
        ({"measure": "road"}, DataError, "measures pictures"),
    ],
)
def test_what_does_not_fit_is_one_sentence(given, error, said):
    model, x, reference = table()
    with pytest.raises(error, match=said):
        faithfulness(explain(model, x, reference=reference), **given)


def test_a_map_without_units_has_no_infidelity():
    model, x, _ = pictures()
    with pytest.raises(DataError, match="where, not how much"):
        faithfulness(explain(model, x, "grad_cam"), "infidelity")


def test_road_names_the_extra_that_brings_scipy(monkeypatch):
    import sys

    model, x, _ = pictures()
    found = explain(model, x, "gradient")
    monkeypatch.setitem(sys.modules, "scipy.sparse", None)
    with pytest.raises(MissingExtraError, match="explain"):
        faithfulness(found, "road")

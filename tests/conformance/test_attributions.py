"""Every method of attribution keeps the axioms that it declares, on models where they can be checked exactly."""

import pytest
import torch
from torch import nn

from workbench.core.entry import Paper
from workbench.interpret import attributions, explain
from workbench.interpret.attributions import Axiom

NAMES = attributions.names()
TABLES = [name for name in NAMES if attributions.load(name).takes == "anything"]
"""what others promise is about pictures and graphs, and is tested where their formulas are"""


def having(axiom):
    return [name for name in TABLES if axiom in attributions.load(name).axioms]


class Function(nn.Module):
    """A function of one row at a time, with nothing in it that a library could hook."""

    def __init__(self, function):
        super().__init__()
        self.function = function
        self.register_buffer("unused", torch.zeros(()))

    def forward(self, x):
        return self.function(x)


def mixed(x):
    return torch.tanh(x[:, 0] * x[:, 1]) + 0.5 * x[:, 2] ** 2 + x[:, 3] * x[:, 4].sigmoid()


def scores_of(name, function, x, reference, **settings):
    model = function if isinstance(function, nn.Module) else Function(function)
    found = explain(model, x, name, reference=reference, bound=float("inf"), **settings)
    assert found.method.startswith(attributions.load(name).title), found.warnings
    return found


def inputs():
    random = torch.Generator().manual_seed(3)
    return torch.randn(2, 5, generator=random), torch.randn(2, 5, generator=random)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_declares_what_it_is(name):
    method = attributions.load(name)
    assert method.title
    assert method.papers
    assert all(isinstance(paper, Paper) for paper in method.papers)
    assert method.__doc__
    assert all(field.description for field in method.model_fields.values())
    assert method().model_dump_json() == method.from_json(method().model_dump_json()).model_dump_json()


@pytest.mark.parametrize("name", having(Axiom.LINEAR_MODEL))
def test_a_linear_model_is_taken_apart(name):
    torch.manual_seed(0)
    model, (x, reference) = nn.Linear(5, 2), inputs()
    found = scores_of(name, model, x, reference, target=1)
    assert torch.allclose(found.scores, (x - reference) * model.weight[1], atol=2e-4)
    assert torch.allclose(found.difference, (model(x) - model(reference))[:, 1], atol=1e-5)


@pytest.mark.parametrize("name", having(Axiom.COMPLETENESS))
def test_scores_add_up_to_the_change_in_score(name):
    torch.manual_seed(0)
    model, (x, reference) = nn.Sequential(nn.Linear(5, 16), nn.ReLU(), nn.Linear(16, 3), nn.Tanh()), inputs()
    found = explain(model, x, name, target=2, reference=reference)
    change = (model(x) - model(reference))[:, 2]
    assert found.method.startswith(attributions.load(name).title), found.warnings
    assert torch.allclose(found.scores.sum(1), change, rtol=0, atol=0.02 * float(found.difference.abs().max()))
    assert float(found.relative_gap.max()) < 0.01
    assert found.converged


@pytest.mark.parametrize("name", having(Axiom.CONSERVATION))
def test_without_biases_scores_add_up_to_the_score(name):
    torch.manual_seed(0)
    layers = (nn.Linear(5, 16, bias=False), nn.ReLU(), nn.Linear(16, 3, bias=False), nn.Tanh())
    model, (x, reference) = nn.Sequential(*layers), inputs()
    found = scores_of(name, model, x, reference, target=2)
    assert torch.allclose(found.scores.sum(1), model(x)[:, 2], atol=1e-4)
    assert float(found.relative_gap.max()) < 1e-3


@pytest.mark.parametrize("name", having(Axiom.SENSITIVITY))
def test_the_only_feature_that_differs_has_the_score(name):
    x, reference = inputs()
    only = reference.clone()
    only[:, 2] = x[:, 2] + 1
    found = scores_of(name, lambda x: (x[:, 2] - 1).relu() + x[:, 0], only, reference=only.clone().index_fill_(
        1, torch.tensor([2]), 5.0
    ))  # fmt: skip
    assert bool((found.difference.abs() > 0.1).all())
    assert bool((found.scores[:, 2].abs() > 1e-3).all())


@pytest.mark.parametrize("name", having(Axiom.DUMMY))
def test_a_feature_that_is_not_used_has_no_score(name):
    x, reference = inputs()
    found = scores_of(name, lambda x: torch.tanh(x[:, 0] * x[:, 1]) + x[:, 3].exp(), x, reference)
    assert float(found.scores[:, [2, 4]].abs().max()) < 1e-5
    assert float(found.scores[:, [0, 1, 3]].abs().max()) > 0.05


@pytest.mark.parametrize("name", having(Axiom.IMPLEMENTATION_INVARIANCE))
def test_two_networks_of_one_function_have_the_same_scores(name):
    x, reference = inputs()
    one = scores_of(name, lambda x: (x[:, 0] * x[:, 1]).relu() + x[:, 2], x, reference)
    product = lambda x: x[:, 0] * x[:, 1]  # noqa: E731 - said twice below
    other = scores_of(name, lambda x: (product(x) + product(x).abs()) / 2 + x[:, 2], x, reference)
    assert torch.allclose(one.scores, other.scores, atol=1e-4)


@pytest.mark.parametrize("name", having(Axiom.LINEARITY))
def test_scores_of_a_sum_are_the_sum_of_scores(name):
    x, reference = inputs()
    other = lambda x: (x[:, 1] * x[:, 2]).sin()  # noqa: E731 - said twice below
    settings = {"samples": 64, "most": 64} if name == "expected_gradients" else {}
    parts = [scores_of(name, f, x, reference, **settings).scores for f in (mixed, other)]
    whole = scores_of(name, lambda x: 2 * mixed(x) - 3 * other(x), x, reference, **settings)
    assert torch.allclose(whole.scores, 2 * parts[0] - 3 * parts[1], atol=2e-3)


@pytest.mark.parametrize("name", having(Axiom.SYMMETRY))
def test_features_that_are_treated_alike_have_equal_scores(name):
    x, reference = inputs()
    x[:, 1], reference[:, 1] = x[:, 0], reference[:, 0]
    found = scores_of(name, lambda x: (x[:, 0] * x[:, 1]).tanh() + x[:, 0] + x[:, 1] + x[:, 2] ** 2, x, reference)
    assert torch.allclose(found.scores[:, 0], found.scores[:, 1], atol=1e-4)


@pytest.mark.parametrize("name", TABLES)
def test_the_same_seed_gives_the_same_scores_and_the_model_stays_as_it_was(name):
    torch.manual_seed(0)
    model, (x, reference) = nn.Sequential(nn.Linear(5, 8), nn.Dropout(0.5), nn.ReLU(), nn.Linear(8, 2)), inputs()
    model.train()
    state, generator = {k: v.clone() for k, v in model.state_dict().items()}, torch.get_rng_state()
    one, other = (explain(model, x, name, reference=reference) for _ in range(2))
    assert torch.equal(one.scores, other.scores)
    assert one.scores.shape == x.shape
    assert model.training
    assert model[1].training
    assert torch.equal(generator, torch.get_rng_state())
    assert all(torch.equal(v, state[k]) for k, v in model.state_dict().items())
    assert not any(module._forward_hooks or module._backward_hooks for module in model.modules())
    assert all(p.grad is None for p in model.parameters())


@pytest.mark.parametrize("name", TABLES)
def test_every_row_of_a_batch_is_explained_as_if_alone(name):
    torch.manual_seed(0)
    model, (x, reference) = nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 2)), inputs()
    settings = {"samples": 4096, "most": 4096} if name == "expected_gradients" else {}
    if name in ("smoothgrad", "vargrad"):
        settings = {"samples": 3000}
    both = explain(model, x, name, target=0, reference=reference, bound=float("inf"), **settings)
    alone = explain(model, x[1:], name, target=0, reference=reference[1:], bound=float("inf"), **settings)
    allowed = 0.1 if settings else 1e-4
    assert torch.allclose(both.scores[1:], alone.scores, atol=allowed)

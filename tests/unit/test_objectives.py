"""Objectives against torch's own losses and closed forms."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from workbench.core.batch import Batch
from workbench.core.errors import DataError, ModelError
from workbench.objectives import Adversarial, Supervised


def only(objective, model, batch, call=None):
    (phase,) = objective.phases(call)
    return phase.loss(model, batch)[0]


def test_classes_are_cross_entropy():
    model, x, y = nn.Linear(4, 3), torch.randn(5, 4), torch.tensor([0, 1, 2, 0, 1])
    assert torch.equal(only(Supervised(), model, Batch((x,), y)), F.cross_entropy(model(x), y))


def test_the_next_token_has_its_class_axis_last():
    model, x = nn.Embedding(7, 7), torch.randint(7, (2, 5))
    y = torch.randint(7, (2, 5))
    expected = F.cross_entropy(model(x).transpose(1, 2), y)
    torch.testing.assert_close(only(Supervised(), model, Batch({"input": x}, y)), expected)


def test_the_mask_says_where_it_counts():
    model, x, y = nn.Linear(4, 3), torch.randn(6, 4), torch.tensor([0, 1, 2, 0, 1, 2])
    mask = torch.tensor([True, False, True, False, False, True])
    figures = Supervised().measure(model, Batch((x,), y, mask))
    torch.testing.assert_close(figures["loss"], F.cross_entropy(model(x)[mask], y[mask]))
    assert float(figures["accuracy"]) == pytest.approx(float((model(x).argmax(-1) == y)[mask].float().mean()))


def test_numbers_are_squared_error_with_or_without_a_last_axis():
    model, x, y = nn.Linear(4, 1), torch.randn(6, 4), torch.randn(6)
    expected = F.mse_loss(model(x).squeeze(-1), y)
    torch.testing.assert_close(only(Supervised(), model, Batch((x,), y)), expected)
    torch.testing.assert_close(only(Supervised(), model, Batch((x,), y[:, None])), expected)


def test_another_way_of_calling_is_respected():
    model, x, y = nn.Linear(4, 3), torch.randn(5, 4), torch.zeros(5, dtype=torch.long)
    loss = only(Supervised(), model, Batch((x,), y), call=lambda m, inputs: m(inputs[0] * 0))
    torch.testing.assert_close(loss, F.cross_entropy(model(x * 0), y))


def test_labels_beyond_the_classes_are_one_sentence():
    with pytest.raises(DataError, match="labels from 0 to 5; the model has 3 classes, so labels go from 0 to 2"):
        only(Supervised(), nn.Linear(4, 3), Batch((torch.randn(2, 4),), torch.tensor([0, 5])))


def test_scores_that_do_not_fit_the_target_are_one_sentence():
    with pytest.raises(DataError, match=r"scores of shape \(2, 3\); the target of shape \(2, 4\)"):
        only(Supervised(), nn.Linear(4, 3), Batch((torch.randn(2, 4),), torch.zeros(2, 4, dtype=torch.long)))
    with pytest.raises(DataError, match="no target"):
        only(Supervised(), nn.Linear(4, 3), Batch((torch.randn(2, 4),)))


class Pair(nn.Module):
    def __init__(self):
        super().__init__()
        self.generator, self.discriminator = nn.Linear(3, 2), nn.Linear(2, 1)


def test_adversarial_losses_are_log_two_for_a_blind_judge():
    model = Pair()
    nn.init.zeros_(model.discriminator.weight)
    nn.init.zeros_(model.discriminator.bias)
    critic, fool = Adversarial(latent=3).phases()
    batch = Batch((torch.randn(8, 2),))
    assert float(critic.loss(model, batch)[0].detach()) == pytest.approx(2 * math.log(2), rel=1e-6)
    assert float(fool.loss(model, batch)[0].detach()) == pytest.approx(math.log(2), rel=1e-6)


def test_the_critic_phase_gives_the_generator_no_gradient():
    model = Pair()
    critic, _ = Adversarial(latent=3).phases()
    critic.loss(model, Batch((torch.randn(8, 2),)))[0].backward()
    assert model.generator.weight.grad is None
    assert model.discriminator.weight.grad is not None


def test_samples_follow_from_the_seed():
    model, objective = Pair(), Adversarial(latent=3)
    a, b, c = (objective.sample(model, 5, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)
    assert a.shape == (5, 2)


def test_what_an_objective_cannot_do_it_says():
    with pytest.raises(ModelError, match="does not generate"):
        Supervised().sample(nn.Linear(1, 1), 3)
    with pytest.raises(DataError, match="one input tensor"):
        Adversarial().predict(Pair(), Batch((torch.ones(1), torch.ones(1))))

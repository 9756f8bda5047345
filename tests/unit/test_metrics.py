"""Metrics against scikit-learn and closed forms, weighted by example, where the mask counts, leaving no trace."""

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, log_loss, mean_absolute_error, mean_squared_error
from torch import nn

from workbench import data, metrics
from workbench.core.batch import Batch
from workbench.core.errors import DataError

ROWS = 700
"""more than two batches, the last of them smaller"""


def rows(classes=4, features=3, *, numbers=False):
    generator = torch.Generator().manual_seed(5)
    x = torch.randn(ROWS, features, generator=generator)
    y = torch.randn(ROWS, 2, generator=generator) if numbers else torch.randint(classes, (ROWS,), generator=generator)
    return data.of((x, y), validation=0, test=0.9)


def scored(source, model):
    batch = source.sample_batch(ROWS)
    with torch.no_grad():
        return model(batch.inputs[0]).numpy(), batch.target.numpy()


def linear(inputs, outputs):
    torch.manual_seed(1)
    return nn.Linear(inputs, outputs)


def test_accuracy_and_cross_entropy_are_those_of_scikit_learn():
    source, model = rows(), linear(3, 4)
    scores, truth = scored(source, model)
    probabilities = torch.from_numpy(scores).double().softmax(1).numpy()
    assert metrics.accuracy(model, source) == pytest.approx(accuracy_score(truth, scores.argmax(1)), abs=1e-7)
    assert metrics.cross_entropy(model, source) == pytest.approx(log_loss(truth, probabilities), rel=1e-5)
    assert metrics.accuracy(model, source, split="train") != metrics.accuracy(model, source)


def test_errors_are_those_of_scikit_learn():
    source, model = rows(numbers=True), linear(3, 2)
    guess, truth = scored(source, model)
    assert metrics.mean_squared_error(model, source) == pytest.approx(mean_squared_error(truth, guess), rel=1e-5)
    assert metrics.mean_absolute_error(model, source) == pytest.approx(mean_absolute_error(truth, guess), rel=1e-5)


def test_a_uniform_guess_costs_the_logarithm_of_the_vocabulary():
    ids = torch.randint(0, 16, (40, 9), generator=torch.Generator().manual_seed(0))
    source = data.of((ids[:, :-1], ids[:, 1:]), labels=tuple(map(str, range(16))))

    class Uniform(nn.Module):
        def forward(self, x):
            return torch.zeros(*x.shape, 16)

    assert source.target == "next_token"
    assert metrics.bits_per_token(Uniform(), source) == pytest.approx(4.0, abs=1e-5)


def test_only_masked_nodes_count():
    graph = data.load("karate_club")

    class Knows(nn.Module):
        """Right everywhere but on the nodes of the train split."""

        def forward(self, x, edge_index):
            guess = torch.where(graph.masks["train"], (graph.y + 1) % 4, graph.y)
            return torch.eye(4)[guess]

    assert metrics.accuracy(Knows(), graph) == 1.0
    assert metrics.accuracy(Knows(), graph, split="train") == 0.0


def test_measuring_leaves_mode_and_generator_and_gradients_alone():
    source = rows()
    model = nn.Sequential(nn.Linear(3, 8), nn.Dropout(0.5), nn.BatchNorm1d(8), nn.Linear(8, 4))
    model[2].eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    state = torch.random.get_rng_state()
    assert metrics.accuracy(model, source) == metrics.accuracy(model, source)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert (model.training, model[1].training, model[2].training) == (True, True, False)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_a_model_may_be_called_in_another_way():
    source, model = rows(), linear(3, 4)

    class Odd(nn.Module):
        def forward(self, *, wrapped):
            return {"logits": model(wrapped["x"])}

    odd = metrics.accuracy(Odd(), source, lambda m, inputs: m(wrapped={"x": inputs[0]}))
    assert odd == metrics.accuracy(model, source)


def test_an_example_weighs_the_same_in_a_small_last_batch():
    """257 examples: 256 wrong, the one in the last batch right."""
    x = torch.arange(300.0)[:, None]

    class Source:
        name, splits = "rows", ("test",)

        def size(self, split):
            return 257 if split == "test" else 0

        def batch(self, split, index):
            return Batch((x[index],), (index == 256).long())

    class Ones(nn.Module):
        def forward(self, x):
            return torch.tensor([[0.0, 1.0]]).expand(len(x), 2)

    assert metrics.accuracy(Ones(), Source()) == pytest.approx(1 / 257)
    assert metrics.cross_entropy(Ones(), Source()) == pytest.approx(math.log(1 + math.e) - 1 / 257, rel=1e-5)


@pytest.mark.parametrize(
    ("measure", "source", "outputs", "said"),
    [
        (metrics.accuracy, {"numbers": True}, 2, "number and no class"),
        (metrics.mean_squared_error, {}, 4, "class and no number"),
        (metrics.accuracy, {"classes": 4}, 2, "the model has 2 classes"),
        (metrics.mean_absolute_error, {"numbers": True}, 5, "target has shape"),
    ],
)
def test_a_metric_that_does_not_fit_is_one_sentence(measure, source, outputs, said):
    with pytest.raises(DataError, match=said):
        measure(linear(3, outputs), rows(**source))


def test_a_split_that_is_not_there_and_data_without_target_are_one_sentence():
    with pytest.raises(DataError, match="no examples in split 'validation'"):
        metrics.accuracy(linear(3, 4), rows(), split="validation")
    with pytest.raises(DataError, match="no target"):
        metrics.accuracy(linear(3, 4), data.of(torch.zeros(9, 3)))
    with pytest.raises(DataError, match="classes last"):
        metrics.accuracy(nn.Flatten(0), data.of((np.zeros((20, 3)), np.zeros(20, dtype=int))))

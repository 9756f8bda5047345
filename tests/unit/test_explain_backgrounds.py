"""Backgrounds: what an input is compared with where many examples are at hand."""

import pytest
import torch
from torch import nn

from workbench.core.errors import DataError
from workbench.interpret import explain
from workbench.interpret.attributions._centres import centres

METHODS = ["integrated_gradients", "expected_gradients", "exact_shapley", "kernel_shap", "deeplift", "input_x_gradient"]


def clusters(rows=60):
    random = torch.Generator().manual_seed(1)
    middles = torch.tensor([[0.0, 0.0, 0.0, 0.0], [6.0, 0.0, 6.0, 1.0], [0.0, 6.0, -6.0, 1.0]])
    which = torch.randint(3, (rows,), generator=random)
    table = middles[which] + 0.3 * torch.randn(rows, 4, generator=random)
    table[:, 3] = middles[which, 3]  # zeros and ones
    return table, which


def test_centres_stand_for_as_many_rows_as_lie_near_them():
    table, which = clusters()
    found, shares = centres(table, 3, torch.Generator().manual_seed(0))
    order = [int((found - table[which == i].mean(0)).norm(dim=1).argmin()) for i in range(3)]
    assert sorted(order) == [0, 1, 2]
    assert torch.allclose(shares[order], torch.bincount(which) / len(which))
    for i in range(4):
        assert set(found[:, i].tolist()) <= set(table[:, i].tolist())


def test_centres_are_as_good_as_those_of_scikit_learn():
    cluster = pytest.importorskip("sklearn.cluster")
    random = torch.Generator().manual_seed(0)
    table = torch.randn(400, 5, generator=random)
    table = table / table.std(0, correction=0)
    ours = min(_inertia(table, centres(table, 8, torch.Generator().manual_seed(i))[0]) for i in range(5))
    theirs = cluster.KMeans(8, n_init=5, random_state=0).fit(table.numpy()).inertia_
    assert ours < 1.1 * theirs  # what is lost by taking numbers that occur is little


def _inertia(table, found):
    return float(torch.cdist(table, found).min(1).values.square().sum())


def test_fewer_kinds_of_rows_than_centres_give_fewer_centres():
    table = torch.tensor([[0.0], [1.0]]).repeat(20, 1)
    found, shares = centres(table, 10, torch.Generator().manual_seed(0))
    assert sorted(found[:, 0].tolist()) == [0.0, 1.0]
    assert torch.allclose(shares, torch.tensor([0.5, 0.5]))


def linear():
    torch.manual_seed(0)
    return nn.Linear(4, 2)


@pytest.mark.parametrize("method", METHODS)
def test_many_rows_of_a_table_are_compared_with_their_centres(method):
    model, (table, _) = linear(), clusters()
    settings = {"patches": 7} if method == "exact_shapley" else {}
    found = explain(model, table, method, target=1, **settings)
    if method in ("integrated_gradients", "input_x_gradient"):  # these compare with one reference
        assert "the mean of the 60 examples" in found.reference
        return
    assert "10 centres of the 60 examples (k-means)" in found.reference
    points, shares = centres(table, 10, torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert float((found.base - found.base[0]).abs().max()) < 1e-5  # the same for every row
        middle = table[0] - found.scores[0] / model.weight[1]
        assert torch.allclose(middle @ model.weight[1] + model.bias[1], found.base[0], atol=0.02)
        assert float((middle - table.mean(0)).abs().max()) < 1.0
    assert len(points) == len(shares) == 10


def test_shares_count_in_every_method_alike():
    model, (table, _) = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 2)), clusters()
    exact = explain(model, table, "exact_shapley", target=1)
    kernel = explain(model, table, "kernel_shap", target=1)
    assert torch.allclose(exact.base, kernel.base)
    assert torch.allclose(exact.scores, kernel.scores, atol=1e-4)
    assert float(exact.relative_gap.max()) < 1e-3
    assert float(explain(model, table, "expected_gradients", target=1).relative_gap.max()) < 0.05


def test_few_rows_are_all_taken_and_many_pictures_drawn():
    assert explain(linear(), torch.randn(6, 4), "deeplift").reference == "each of the 6 examples"
    pictures = nn.Sequential(nn.Flatten(), nn.Linear(64, 2))
    found = explain(pictures, torch.randn(30, 1, 8, 8), "deeplift")
    assert found.reference == "10 of the 30 examples, drawn at random"


@pytest.mark.parametrize("shape", [(3, 5), (0, 4), (3,), (3, 4, 1)])
def test_a_background_of_the_wrong_shape_is_one_sentence(shape):
    with pytest.raises(DataError, match=r"background of 'input' has shape .* it must be \(examples, 4\)"):
        explain(linear(), torch.randn(2, 4), background=torch.zeros(shape))

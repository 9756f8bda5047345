"""What explain does with models and inputs that are not what methods hope for: a sentence each, and a sound answer."""

import sys
import warnings

import pytest
import torch
from torch import nn

from workbench.core.errors import DataError, MissingExtraError
from workbench.interpret import explain

SWITCHED = ("exact Shapley", "permutation Shapley", "partition SHAP")


def network(inputs=5):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(inputs, 8), nn.Tanh(), nn.Linear(8, 2)).eval()


class Without(nn.Module):
    """A model whose forward keeps no graph."""

    def __init__(self, context):
        super().__init__()
        self.body, self.context = network(), context

    def forward(self, x):
        with self.context():
            return self.body(x).clone()


@pytest.mark.parametrize("context", [torch.no_grad, torch.inference_mode])
def test_a_forward_without_gradients_is_explained_by_switching_features_and_said(context):
    model, x = Without(context), torch.randn(3, 5)
    found = explain(model, x, target=1, reference=0.0)
    sound = explain(model.body, x, "exact_shapley", target=1, reference=0.0)
    assert found.method.startswith("exact Shapley")
    assert torch.allclose(found.scores, sound.scores, atol=1e-5)
    assert "integrated gradients was not used" in found.doubt
    assert "does not depend on its input by a gradient" in found.doubt


def frozen(model, x):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.jit.freeze(torch.jit.trace(model, x))


def exported(model, x):
    return torch.export.export(model, (x,)).module()


@pytest.mark.parametrize("graph", [frozen, exported])
def test_a_frozen_graph_is_explained_as_the_model_it_was_made_from(graph):
    model, x = network(), torch.randn(3, 5)
    found = explain(graph(model, x), x, target=1, reference=0.0)
    sound = explain(model, x, "exact_shapley", target=1, reference=0.0)
    assert float(found.relative_gap.max()) < 0.01
    assert torch.allclose(found.scores.sum(1), sound.scores.sum(1), atol=0.01 * float(sound.difference.abs().max()))


def test_integers_without_an_embedding_are_refused_in_one_sentence():
    class Counted(nn.Module):
        def forward(self, x):
            return x.float().sum(1, keepdim=True)

    with pytest.raises(DataError, match=r"looked for numbers .* found x int64\[2, 3\]"):
        explain(Counted(), torch.ones(2, 3, dtype=torch.int64))


def test_integers_beside_numbers_are_left_as_they_are_and_only_the_numbers_explained():
    class Both(nn.Module):
        def forward(self, x, kind):
            return (x * (1 + kind.float())[:, None]).sum(1, keepdim=True)

    x, kind = torch.randn(3, 4), torch.tensor([0, 1, 2])
    found = explain(Both(), {"x": x, "kind": kind}, reference=0.0)
    assert list(found.parts) == ["x"]
    assert torch.allclose(found.scores, x * (1 + kind.float())[:, None], atol=1e-4)


@pytest.mark.parametrize("method", ["auto", "exact_shapley", "kernel_shap", "lime", "gradient", "expected_gradients"])
def test_a_constant_output_gives_zeros_and_a_sentence(method):
    class Constant(nn.Module):
        def forward(self, x):
            return torch.full((len(x), 2), 3.0) + 0 * x[:, :2]

    found = explain(Constant(), torch.rand(2, 3), method)
    assert float(found.scores.abs().max()) < 1e-6
    assert "nothing to explain" in found.doubt
    assert float(found.relative_gap.nan_to_num(0).max()) == 0


@pytest.mark.parametrize(
    "method", ["auto", "occlusion", "partition_shap", "kernel_shap", "lime", "permutation_shapley"]
)
def test_a_single_feature_has_the_whole_change(method):
    model = nn.Sequential(nn.Linear(1, 4), nn.Tanh(), nn.Linear(4, 1))
    found = explain(model, torch.randn(2, 1), method, reference=0.3)
    assert torch.allclose(found.scores[:, 0], found.difference, atol=1e-4)


@pytest.mark.parametrize("method", ["auto", "permutation_shapley", "gradient"])
def test_a_model_that_is_random_in_evaluation_mode_is_named_with_how_far_its_scores_are_apart(method):
    class Noisy(nn.Module):
        def forward(self, x):
            return nn.functional.dropout(x, 0.5, training=True).sum(1, keepdim=True)

    found = explain(Noisy(), torch.rand(2, 12) + 1, method, reference=0.0)
    assert "random in evaluation mode" in found.doubt
    assert "apart" in found.doubt


@pytest.mark.parametrize("shape", [(2, 3, 4, 5, 6), (2, 3, 4, 5, 6, 7)])
def test_an_output_of_a_shape_nobody_knows_asks_for_a_target_with_an_example(shape):
    class Volume(nn.Module):
        def forward(self, x):
            return x.sum() + torch.zeros(shape) + x[:, 0].reshape(-1, *(1,) * (len(shape) - 1))

    x = torch.rand(2, 3)
    with pytest.raises(DataError, match="pass target=lambda output"):
        explain(Volume(), x)
    found = explain(Volume(), x, target=lambda output: output.flatten(1).mean(1), reference=0.0)
    assert float(found.relative_gap.max()) < 0.01


def test_gradients_that_are_not_numbers_are_refused_and_said():
    class Broken(nn.Module):
        """Its gradient is 0 · inf wherever the first number is positive."""

        def forward(self, x):
            root = torch.where(x > 0, x, torch.zeros_like(x)).sqrt()
            return (torch.where(x > 0, root, 0 * x) + x)[:, :2].sum(1, keepdim=True) + 0 * (0 * x).sqrt().sum(1)[
                :, None
            ]

    found = explain(Broken(), torch.tensor([[4.0, 9.0, 1.0]]), reference=0.0)
    assert found.method.startswith(SWITCHED)
    assert torch.allclose(found.scores, torch.tensor([[6.0, 12.0, 0.0]]), atol=1e-4)
    assert "integrated gradients was refused" in found.doubt
    plain = explain(Broken(), torch.tensor([[4.0, 9.0, 1.0]]), "gradient", reference=0.0)
    assert "not finite" in plain.doubt


@pytest.mark.parametrize(
    ("library", "ask"),
    [
        ("shap", lambda: explain(network(), torch.randn(2, 5)).to_shap()),
        ("scipy", lambda: explain(network(), torch.randn(2, 5)).checked()),
    ],
)
def test_a_missing_library_is_named_with_the_extra_that_brings_it(monkeypatch, library, ask):
    for name in [n for n in sys.modules if n.partition(".")[0] == library]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingExtraError, match=rf"{library} is needed .*neural-workbench\[explain\]"):
        ask()

"""explain: automatic choice by measuring, refusals that are said, any kind of input, one Attribution for all."""

import pytest
import torch
from torch import nn

from workbench.core.errors import ConfigError, DataError, UnknownNameError
from workbench.interpret import Attribution, attributions, explain, improving_explanation
from workbench.interpret.attributions.kernel_shap import KernelShap


def table_model():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 16), nn.GELU(), nn.Linear(16, 3))


class FunctionalRelu(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(4, 16), nn.Linear(16, 2)

    def forward(self, x):
        return self.last(torch.relu(self.first(x)))


class ReusedRelu(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.middle, self.last, self.act = nn.Linear(4, 16), nn.Linear(16, 16), nn.Linear(16, 2), nn.ReLU()

    def forward(self, x):
        return self.last(self.act(self.middle(self.act(self.first(x)))))


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.last = nn.TransformerEncoderLayer(4, 2, 16, dropout=0.0, batch_first=True), nn.Linear(4, 2)

    def forward(self, x):
        return self.last(self.body(x[:, None])[:, 0])


FIVE = {
    "functional": FunctionalRelu,
    "reused": ReusedRelu,
    "separate": lambda: nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 2)),
    "norm": lambda: nn.Sequential(nn.Linear(4, 16), nn.LayerNorm(16), nn.GELU(), nn.Linear(16, 2)),
    "encoder": Encoder,
}


@pytest.mark.parametrize("name", FIVE)
def test_the_automatic_choice_adds_up_on_five_ordinary_networks(name):
    torch.manual_seed(0)
    model, x = FIVE[name](), torch.randn(6, 4)
    found = explain(model, x, background=torch.randn(20, 4))
    assert isinstance(found, Attribution)
    assert float(found.relative_gap.max()) < 0.01
    assert found.converged
    assert not found.warnings
    with torch.no_grad():
        assert torch.allclose(found.scores.sum(1), found.difference, atol=0.02 * float(found.difference.abs().max()))


@pytest.mark.parametrize("name", FIVE)
def test_deeplift_adds_up_on_five_ordinary_networks(name):
    torch.manual_seed(0)
    model, x = FIVE[name](), torch.randn(6, 4)
    for given in ({"reference": torch.randn(4)}, {"background": torch.randn(20, 4)}):
        found = explain(model, x, "deeplift", **given)
        assert found.method.startswith("DeepLIFT")
        assert float(found.relative_gap.max()) < 1e-4
        assert not found.warnings


def test_without_a_gradient_shapley_values_take_over_and_say_so():
    class Rounded(nn.Module):
        def forward(self, x):
            return (x[:, :1] > 0).float() + x[:, 1:2].detach()

    found = explain(Rounded(), torch.tensor([[1.0, 2.0, 3.0]]), reference=-1.0)
    assert found.method.startswith("exact Shapley")
    assert torch.allclose(found.scores, torch.tensor([[1.0, 3.0, 0.0]]))
    assert "integrated gradients was not used" in found.doubt


def test_a_path_that_never_adds_up_is_replaced():
    class Steps(nn.Module):
        def forward(self, x):
            return torch.floor(3 * x).sum(1, keepdim=True) + 0.01 * x.sum(1, keepdim=True)

    x = torch.rand(2, 14) * 5
    found = explain(Steps(), x, reference=0.0)
    assert found.method.startswith("permutation Shapley")
    assert "integrated gradients was refused for this model" in found.doubt
    expected = torch.floor(3 * x) + 0.01 * x
    assert torch.allclose(found.scores, expected, atol=1e-3)


def test_gradients_that_are_not_finite_are_refused():
    class Root(nn.Module):
        def forward(self, x):
            return x.clamp_min(0).sqrt().sum(1, keepdim=True) + 0 * (x * 0).sqrt().sum(1, keepdim=True)

    found = explain(Root(), torch.tensor([[4.0, 9.0]]), reference=0.0)
    assert found.method.startswith("exact Shapley")
    assert torch.allclose(found.scores, torch.tensor([[2.0, 3.0]]))
    assert "refused" in found.doubt


def test_a_model_that_is_random_in_evaluation_mode_is_said():
    class Noisy(nn.Module):
        def forward(self, x):
            return x.sum(1, keepdim=True) + torch.randn(len(x), 1)

    found = explain(Noisy(), torch.rand(2, 3), reference=0.0)
    assert "random in evaluation mode" in found.doubt


def test_a_constant_output_has_nothing_to_explain():
    class Constant(nn.Module):
        def forward(self, x):
            return 0 * x.sum(1, keepdim=True) + 3

    found = explain(Constant(), torch.rand(2, 3))
    assert "nothing to explain" in found.doubt
    assert not bool(found.scores.any())


def test_one_feature_has_the_whole_change():
    model = nn.Sequential(nn.Linear(1, 4), nn.Tanh(), nn.Linear(4, 1))
    x = torch.randn(3, 1)
    for name in ("auto", "kernel_shap", "permutation_shapley", "partition_shap", "feature_ablation", "lime"):
        found = explain(model, x, name, reference=0.5)
        assert torch.allclose(found.scores[:, 0], found.difference, atol=1e-4), name


def test_tokens_are_explained_at_their_embedding():
    from transformers import BertConfig, BertForSequenceClassification

    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    model = BertForSequenceClassification(BertConfig(vocab_size=50, initializer_range=0.5, **sizes))
    batch = {"input_ids": torch.randint(5, 50, (2, 6)), "attention_mask": torch.ones(2, 6, dtype=torch.int64)}
    names = [n for n in attributions.names() if attributions.load(n).takes == "anything"]
    for name in ("auto", *names):
        found = explain(model, batch, name, target=1)
        assert found.scores.shape == (2, 6), name
        assert torch.equal(found.features["input_ids"], batch["input_ids"])
        if found.complete:
            assert torch.allclose(
                found.scores.sum(1), found.difference, atol=0.02 * float(found.difference.abs().max())
            )


def test_several_inputs_are_explained_at_once():
    class Two(nn.Module):
        def forward(self, left, right):
            return (left.sum(1) * 2 + right.sum((1, 2))).tanh()[:, None] + left[:, :1]

    batch = {"left": torch.randn(3, 2), "right": torch.randn(3, 2, 2)}
    for name in ("auto", "exact_shapley", "kernel_shap", "deeplift"):
        found = explain(Two(), batch, name, reference=0.0)
        assert set(found.scores) == {"left", "right"}
        assert found.scores["right"].shape == (3, 2, 2)
        total = found.scores["left"].sum(1) + found.scores["right"].sum((1, 2))
        assert torch.allclose(total, found.difference, atol=0.01)


def test_graphs_are_explained_as_one_and_never_stacked():
    pytest.importorskip("torch_geometric")
    from torch_geometric.data import Data
    from torch_geometric.nn import GCNConv

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = GCNConv(3, 2)

        def forward(self, x, edge_index):
            return self.conv(x, edge_index).tanh()

    torch.manual_seed(0)
    graph = Data(x=torch.randn(4, 3), edge_index=torch.tensor([[0, 1, 2], [1, 2, 3]]))
    for name in ("auto", "exact_shapley", "permutation_shapley"):
        found = explain(Net(), graph, name, target=lambda output: output[3:, 0], reference=0.0)
        assert found.scores.shape == (4, 3)
        assert float(found.relative_gap.max()) < 0.01
        assert not bool(found.scores[:2].any())  # one hop away is node 2 only
        assert bool(found.scores[2].any())


def test_a_model_made_for_one_size_of_batch_is_run_point_by_point():
    class Fixed(nn.Module):
        def forward(self, x):
            if x.shape != (2, 3):
                raise ValueError("made for two rows")
            return x.prod(1, keepdim=True) + x.sum()

    x = torch.rand(2, 3) + 0.5
    for name in ("integrated_gradients", "exact_shapley"):
        found = explain(Fixed(), x, name, reference=0.1, bound=float("inf"))
        assert found.scores.shape == (2, 3)


def test_rows_that_would_influence_each_other_when_stacked_are_not_stacked():
    class Centred(nn.Module):
        def forward(self, x):
            return ((x - x.mean(0)) ** 2 * torch.tensor([1.0, 2.0, 3.0])).sum(1, keepdim=True)

    x = torch.randn(4, 3)
    found = explain(Centred(), x, "feature_ablation", reference=0.0)
    expected = torch.stack([Centred()(x)[:, 0] - Centred()(x * (torch.arange(3) != i))[:, 0] for i in range(3)], 1)
    assert torch.allclose(found.scores, expected, atol=1e-5)


def test_results_improve_and_the_last_is_what_explain_returns():
    class Steep(nn.Module):
        def forward(self, x):
            return torch.tanh(100 * (x - 0.4321)).sum(-1, keepdim=True)

    found = list(improving_explanation(Steep(), torch.ones(1, 3), "integrated_gradients", reference=0.0, steps=2))
    gaps = [float(f.relative_gap) for f in found]
    assert [f.steps for f in found] == [2 * 2**i for i in range(len(found))]
    assert gaps[-1] < 0.01 <= min(gaps[:-1])
    assert not found[0].converged
    assert "do not read" in found[0].doubt


def test_a_path_on_which_more_steps_bring_nothing_is_given_up_early():
    found = list(improving_explanation(Cliff(), torch.ones(1, 3), reference=0.0))
    assert [f.steps for f in found if f.method.startswith("integrated")] == [16, 32, 64]
    assert found[-1].method.startswith("exact Shapley")
    assert found[-1].converged


class Cliff(nn.Module):
    def forward(self, x):
        return torch.sigmoid(1e6 * (x - 0.4321)).sum(1, keepdim=True)


def test_a_background_is_averaged_over():
    model, x, background = table_model(), torch.randn(3, 5), torch.randn(12, 5)
    with torch.no_grad():
        base = model(background)[:, 1].mean()
    for name in ("integrated_gradients", "expected_gradients", "exact_shapley", "kernel_shap"):
        found = explain(model, x, name, target=1, background=background)
        assert torch.allclose(found.base, base.expand(3), atol=1e-5)
        assert "12 background examples" in found.reference


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        ({"method": "no_such"}, UnknownNameError, "no_such"),
        ({"method": "integrated_gradients", "steps": 0}, ConfigError, "steps"),
        ({"method": "smoothgrad", "sampels": 3}, ConfigError, "samples"),
        ({"samples": 3}, ConfigError, "name it by method"),
        ({"background": torch.zeros(3, 7)}, DataError, "background"),
        ({"background": torch.zeros(0, 5)}, DataError, "background"),
        ({"target": 9}, DataError, "does not fit"),
        ({"target": lambda output: output}, DataError, "one for each example"),
        ({"reference": torch.zeros(7)}, DataError, "reference"),
        ({"bound": 0.0}, ConfigError, "bound"),
        ({"method": "grad_cam"}, DataError, "pictures"),
    ],
)
def test_what_does_not_fit_is_one_sentence(given, error, said):
    with pytest.raises(error, match=said):
        explain(table_model(), torch.randn(2, 5), **given)


def test_too_many_features_for_every_coalition_names_the_way_out():
    with pytest.raises(DataError, match="permutation_shapley"):
        explain(nn.Linear(30, 1), torch.randn(1, 30), "exact_shapley")


def test_a_method_with_its_settings_can_be_handed_over():
    model, x = table_model(), torch.randn(2, 5)
    one = explain(model, x, KernelShap(samples=20, most=20), bound=float("inf"))
    other = explain(model, x, "kernel_shap", samples=20, most=20, bound=float("inf"))
    assert torch.equal(one.scores, other.scores)
    assert one.interval["input"].shape == x.shape


def test_an_explanation_is_drawn_and_given_to_shap():
    shap = pytest.importorskip("shap")
    x = torch.randn(4, 5)
    found = explain(table_model(), x, "exact_shapley")
    given = found.to_shap()
    assert isinstance(given, shap.Explanation)
    assert given.values.shape == (4, 5)
    assert torch.allclose(
        torch.from_numpy(given.values.sum(1) + given.base_values), (found.base + found.difference).double(), atol=1e-5
    )
    drawn = found.plot(2)
    assert sorted(float(v) for v in drawn.data[0].x) == sorted(found.scores[2].tolist())
    with pytest.raises(DataError, match="example 4"):
        found.plot(4)


def test_a_model_that_hooks_itself_in_its_first_forward_is_not_made_to_hook_itself_twice():
    class Capturing(nn.Module):
        """As models of transformers do it that record what their layers return."""

        def __init__(self):
            super().__init__()
            self.first, self.last, self.seen = nn.Linear(3, 4), nn.Linear(4, 1), None

        def forward(self, x):
            if not getattr(self, "hooked", False):
                self.first.register_forward_hook(lambda module, inputs, output: self.noted.append(output))
                self.hooked = True
            self.noted = []
            self.first(x)
            (only,) = self.noted
            return self.last(only.tanh())

    model = Capturing()
    found = explain(model, torch.randn(2, 3), reference=0.0)
    assert float(found.relative_gap.max()) < 0.01
    assert model(torch.randn(2, 3)).shape == (2, 1)


def test_tokens_are_halved_where_a_path_does_not_add_up_and_columns_are_drawn_in_orders():
    class Steps(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed = nn.Embedding(20, 4)

        def forward(self, input_ids):
            values = (self.embed(input_ids).sum(-1) > 0).float() + 1e-3 * self.embed(input_ids).sum(-1)
            return (values[:, ::2].prod(1) + values.sum(1))[:, None]

    torch.manual_seed(0)
    batch = {"input_ids": torch.randint(0, 20, (1, 14))}
    found = explain(Steps(), batch, reference=3)
    assert found.method.startswith("partition SHAP")
    assert "not split further" not in found.method
    assert "integrated gradients was refused" in found.doubt
    assert float(found.relative_gap.max()) < 1e-3

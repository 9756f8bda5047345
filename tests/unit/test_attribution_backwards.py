"""Guided backpropagation, deconvnet and attention x gradient: formulas, other libraries, and where they fail."""

from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from workbench.interpret import explain


class Modules(nn.Module):
    def __init__(self, depth=3, classes=3):
        super().__init__()
        torch.manual_seed(0)
        widths = (2, *(8 for _ in range(depth)))
        self.layers = nn.ModuleList(nn.Conv2d(i, o, 3, padding=1) for i, o in pairwise(widths))
        self.acts = nn.ModuleList(nn.ReLU() for _ in self.layers)
        self.last = nn.Linear(8, classes)

    def forward(self, x):
        for layer, act in zip(self.layers, self.acts, strict=True):
            x = act(layer(x))
        return self.last(x.mean((2, 3)))


class Functions(Modules):
    """The same with a functional ReLU, one in place and a clamp, each followed by one that is used again."""

    def forward(self, x):
        for layer, act in zip(self.layers, (F.relu, F.relu_, lambda x: x.clamp(min=0)), strict=True):
            x = torch.maximum(F.relu(act(layer(x))), x.new_zeros(()))
        return self.last(x.mean((2, 3)))


@pytest.mark.parametrize(("name", "theirs"), [("guided_backprop", "GuidedBackprop"), ("deconvnet", "Deconvolution")])
def test_both_equal_captum_on_modules_and_stay_the_same_on_functions(name, theirs):
    import captum.attr

    x = torch.randn(2, 2, 8, 8)
    expected = getattr(captum.attr, theirs)(Modules()).attribute(x.clone().requires_grad_(), target=1).detach()
    found = explain(Modules(), x, name, target=1)
    assert found.method.endswith("3 ReLUs")
    assert torch.allclose(found.scores, expected, atol=1e-6)
    # A ReLU after a ReLU changes nothing but how often it runs.
    functions = explain(Functions(), x, name, target=1)
    assert functions.method.endswith("9 ReLUs")
    assert torch.allclose(functions.scores, expected, atol=1e-6)
    wrong = getattr(captum.attr, theirs)(Functions()).attribute(x.clone().requires_grad_(), target=1).detach()
    assert float((wrong - expected).abs().max()) > 0.01 * float(expected.abs().max())


@pytest.mark.parametrize("name", ["guided_backprop", "deconvnet"])
def test_both_are_their_formula_on_two_layers(name):
    torch.manual_seed(1)
    model, x = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2)), torch.randn(3, 4)
    with torch.no_grad():
        back = model[2].weight[1].clamp_min(0).expand(3, 8)
        back = back * (model[0](x) > 0) if name == "guided_backprop" else back
        naive = back @ model[0].weight
    assert torch.allclose(explain(model, x, name, target=1).scores, naive, atol=1e-6)


@pytest.mark.parametrize("act", [nn.GELU(), nn.Hardtanh(), nn.LeakyReLU()])
def test_without_a_relu_they_are_refused(act):
    model = nn.Sequential(nn.Linear(4, 8), act, nn.Linear(8, 2))
    found = explain(model, torch.randn(2, 4), "guided_backprop")
    assert "no ReLU ran" in found.doubt
    assert found.method.startswith("integrated gradients")


def test_guided_backprop_hardly_sees_which_weights_are_above():
    """Adebayo et al. 2018, arXiv:1810.03292: the sanity check that it fails, and the gradient passes."""
    torch.manual_seed(3)
    model, x = nn.Sequential(nn.Linear(32, 4096), nn.ReLU(), nn.Linear(4096, 2)), torch.randn(1, 32)

    def maps():
        return [F.normalize(explain(model, x, name, target=0).scores) for name in ("guided_backprop", "gradient")]

    before = maps()
    model[2].reset_parameters()
    same = [float((one * other).sum()) for one, other in zip(before, maps(), strict=True)]
    assert same[0] > 0.8
    assert abs(same[1]) < 0.5


def test_deconvnet_does_not_see_the_input():
    model = Modules()
    one, other = (explain(model, torch.randn(1, 2, 8, 8), "deconvnet", target=1).scores for _ in range(2))
    assert torch.allclose(one, other, atol=1e-7)
    assert bool(one.any())


# Attention x gradient


class Attention(nn.Module):
    """Two layers of two heads by hand, read from the first position."""

    def __init__(self, layers=2):
        super().__init__()
        torch.manual_seed(5)
        self.projections = nn.ModuleList(nn.Linear(4, 12) for _ in range(layers))
        self.last = nn.Linear(4, 3)
        self.seen = []

    def forward(self, x):
        self.seen.clear()
        for projection in self.projections:
            q, k, v = (t.unflatten(-1, (2, 2)).transpose(1, 2) for t in projection(x).chunk(3, -1))
            weights = (q @ k.transpose(-1, -2)).softmax(-1)
            self.seen.append(weights)
            x = x + torch.tanh((weights @ v).transpose(1, 2).flatten(2))
        return self.last(x[:, 0])


def test_attention_x_gradient_is_its_formula():
    model, x = Attention(), torch.randn(2, 5, 4)
    score = model(x.clone().requires_grad_())[:, 1]
    slopes = torch.autograd.grad(score.sum(), model.seen)
    naive = torch.zeros(2, 5)
    for row in range(2):
        relevance = torch.eye(5)
        for weights, slope in zip(model.seen, slopes, strict=True):
            a = sum((weights[row, h] * slope[row, h]).clamp_min(0) for h in range(2)).detach() / 2
            relevance = relevance + a @ relevance
        naive[row] = relevance[0] - torch.eye(5)[0]
    found = explain(model, x, "attention_x_gradient", target=1)
    assert found.method == "attention x gradient, 2 layers"
    assert torch.allclose(found.scores.sum(-1), naive, atol=1e-6)


def test_attention_x_gradient_is_the_same_on_every_kernel():
    class Fused(Attention):
        def forward(self, x):
            for projection in self.projections:
                q, k, v = (t.unflatten(-1, (2, 2)).transpose(1, 2) for t in projection(x).chunk(3, -1))
                x = x + torch.tanh(F.scaled_dot_product_attention(q, k, v, scale=1.0).transpose(1, 2).flatten(2))
            return self.last(x[:, 0])

    x = torch.randn(2, 5, 4)
    one, other = (explain(make(), x, "attention_x_gradient", target=1) for make in (Attention, Fused))
    assert torch.allclose(one.scores, other.scores, atol=1e-6)


def test_weights_that_are_divided_in_place_are_followed():
    class Routed(Attention):
        """Its output is mixed by a softmax that is normalised in place, as routers of experts do."""

        def forward(self, x):
            weights, _ = x[:, 0].softmax(-1).topk(2, -1)
            weights /= weights.sum(-1, keepdim=True)
            return super().forward(x)[:, :2] * weights

    x = torch.randn(2, 5, 4)
    for name in ("attention_x_gradient", "lrp", "deeplift"):
        assert not any("not used" in said for said in explain(Routed(), x, name, target=1, bound=float("inf")).warnings)


def test_patches_of_a_picture_have_one_number_each():
    import transformers

    torch.manual_seed(6)
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    config = transformers.ViTConfig(image_size=16, patch_size=4, initializer_range=0.5, **sizes)
    found = explain(transformers.ViTForImageClassification(config), torch.randn(2, 3, 16, 16), "attention_x_gradient")
    cells = found.scores[0, 0].unflatten(0, (4, 4)).unflatten(2, (4, 4))
    assert bool((cells == cells[:, :1, :, :1]).all())
    assert len(cells[:, 0, :, 0].unique()) == 16


def test_attention_x_gradient_does_not_see_what_goes_past_attention():
    class Past(Attention):
        def forward(self, x):
            return 5 * x[:, :1, 0] + 0.01 * super().forward(x)[:, :1]

    x = torch.randn(1, 5, 4, generator=torch.Generator().manual_seed(1))
    evidence = explain(Past(), x, "attention_x_gradient", reference=0.0).scores[0].sum(-1)
    exact = explain(Past(), x, "integrated_gradients", reference=0.0).scores[0].sum(-1)
    assert float(exact[0] / exact.sum()) > 0.95
    assert float(evidence[0] / evidence.sum()) < 0.6


def test_attention_between_two_sequences_has_no_rule():
    class Crossing(nn.Module):
        def forward(self, x):
            return (torch.softmax(x[:, :2] @ x.transpose(1, 2), -1) @ x).sum((1, 2))

    found = explain(Crossing(), torch.randn(2, 5, 4), "attention_x_gradient")
    assert "not within one sequence" in found.doubt

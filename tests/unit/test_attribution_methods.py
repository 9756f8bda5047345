"""Each method of attribution against a naive replica or its library, and on a model where it is known to fail."""

from itertools import combinations, permutations, product
from math import factorial

import pytest
import torch
from torch import nn

from workbench.core import seeds
from workbench.interpret import explain

INF = float("inf")


class Function(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


class Saturated(nn.Module):
    """1 - relu(1 - x): flat above one, where the change has already happened (Shrikumar et al. 2017, figure 1)."""

    def forward(self, x):
        return 1 - (1 - x.sum(1, keepdim=True)).relu()


def network(inputs=5, classes=3):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(inputs, 16), nn.Tanh(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, classes))


def either(x):
    """One of two is enough."""
    return torch.maximum(x[:, 0], x[:, 1])


def all_of(x):
    """Every one is needed."""
    return x.prod(1)


# Gradients


def test_gradient_is_the_slope_by_finite_differences():
    model, x = network().double(), torch.randn(2, 5, dtype=torch.float64)
    found = explain(model, x, "gradient", target=1).scores
    step = 1e-5 * torch.eye(5, dtype=torch.float64)
    with torch.no_grad():
        naive = torch.stack([(model(x + s)[:, 1] - model(x - s)[:, 1]) / 2e-5 for s in step], 1)
    assert torch.allclose(found, naive, atol=1e-7)


@pytest.mark.parametrize("name", ["gradient", "input_x_gradient", "smoothgrad", "vargrad"])
def test_local_gradients_are_blind_to_a_change_that_is_over(name):
    x = torch.tensor([[1.5, 1.0]])
    found = explain(Saturated(), x, name, reference=0.0)
    assert float(found.difference) == 1
    assert not bool(found.scores.any())
    assert "does not depend on" in found.doubt
    sound = explain(Saturated(), x, reference=0.0)
    assert float(sound.scores.sum()) == pytest.approx(1, abs=0.01)


def test_input_x_gradient_equals_captum():
    from captum.attr import InputXGradient

    model, x = network(), torch.randn(3, 5)
    expected = InputXGradient(model).attribute(x.clone().requires_grad_(), target=2)
    assert torch.allclose(explain(model, x, "input_x_gradient", target=2, reference=0.0).scores, expected, atol=1e-6)


def noisy_gradients(model, x, samples, noise):
    random, width = seeds.generator(0, 1), noise * (x.max(1).values - x.min(1).values)
    drawn = torch.randn((samples, *x.shape), generator=random)
    found = []
    for one in drawn:
        point = (x + one * width[:, None]).requires_grad_()
        found.append(torch.autograd.grad(model(point)[:, 0].sum(), point)[0])
    return torch.stack(found)


def test_smoothgrad_and_vargrad_are_mean_and_variance_of_noisy_gradients():
    model, x = network(), torch.randn(2, 5)
    gradients = noisy_gradients(model, x, 20, 0.3)
    smooth = explain(model, x, "smoothgrad", target=0, samples=20, noise=0.3)
    assert torch.allclose(smooth.scores, gradients.mean(0), atol=1e-5)
    assert torch.allclose(smooth.interval["input"], 1.96 * gradients.std(0) / 20**0.5, atol=1e-5)
    spread = explain(model, x, "vargrad", target=0, samples=20, noise=0.3)
    assert torch.allclose(spread.scores, gradients.var(0), atol=1e-5)


def test_vargrad_does_not_see_what_a_linear_model_weighs():
    found = explain(nn.Linear(4, 1), torch.randn(1, 4), "vargrad", reference=0.0)
    assert float(found.scores.abs().max()) < 1e-10


# Paths


def test_integrated_gradients_of_a_product_halve_it_and_equal_captum():
    from captum.attr import IntegratedGradients

    x = torch.tensor([[2.0, 3.0]])
    found = explain(Function(lambda x: x[:, 0] * x[:, 1]), x, "integrated_gradients", reference=0.0)
    assert torch.allclose(found.scores, torch.tensor([[3.0, 3.0]]), atol=1e-5)
    model, x, reference = network(), torch.randn(3, 5), torch.randn(3, 5)
    expected = IntegratedGradients(model).attribute(x, reference, target=1, n_steps=32, method="gausslegendre")
    found = explain(model, x, "integrated_gradients", target=1, reference=reference, steps=32, most=32, bound=INF)
    assert torch.allclose(found.scores, expected.float(), atol=1e-5)


def test_integrated_gradients_step_over_a_cliff_and_are_refused():
    cliff = Function(lambda x: torch.sigmoid(1e6 * (x - 0.4321)).sum(1))
    x = torch.ones(1, 3)
    seen = explain(cliff, x, "integrated_gradients", reference=0.0, most=64, bound=INF)
    assert float(seen.relative_gap) > 0.5
    found = explain(cliff, x, "integrated_gradients", reference=0.0, most=64)
    assert found.method.startswith("exact Shapley")
    assert torch.allclose(found.scores, torch.ones(1, 3), atol=1e-4)
    assert "integrated gradients was refused" in found.doubt


def test_expected_gradients_are_integrated_gradients_averaged_over_the_background():
    from captum.attr import IntegratedGradients

    model, x, background = network(), torch.randn(2, 5), torch.randn(8, 5)
    engine = IntegratedGradients(model)
    naive = torch.stack([engine.attribute(x, b.expand_as(x), target=1, n_steps=64) for b in background]).mean(0)
    found = explain(model, x, "expected_gradients", target=1, background=background, samples=4096, most=4096)
    assert torch.allclose(found.scores, naive.float(), atol=0.03)
    inside = (found.scores - naive).abs() <= found.interval["input"] + 1e-4
    assert float(inside.float().mean()) >= 0.7


def test_expected_gradients_miss_a_cliff_and_are_refused():
    cliff = Function(lambda x: torch.sigmoid(1e6 * (x - 0.4321)).sum(1))
    found = explain(cliff, torch.ones(1, 3), "expected_gradients", reference=0.0, most=128)
    assert "expected gradients was refused" in found.doubt
    assert float(found.relative_gap) < 0.01


# DeepLIFT


def test_deeplift_is_the_rescale_rule_by_hand():
    torch.manual_seed(1)
    model, x, reference = (
        nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2)),
        torch.randn(3, 4),
        torch.randn(3, 4),
    )
    with torch.no_grad():
        before, after = model[0](reference), model[0](x)
        multiplier = (after.relu() - before.relu()) / (after - before)
        naive = (x - reference) * ((multiplier * model[2].weight[1]) @ model[0].weight)
    found = explain(model, x, "deeplift", target=1, reference=reference)
    assert found.method.startswith("DeepLIFT")
    assert torch.allclose(found.scores, naive, atol=1e-5)


def pooling(pool):
    torch.manual_seed(2)
    return nn.Sequential(
        nn.Conv2d(2, 4, 3), nn.ReLU(), pool, nn.Flatten(), nn.Linear(36, 8), nn.Sigmoid(), nn.Linear(8, 2)
    )


def test_deeplift_equals_captum_where_captum_is_right():
    from captum.attr import DeepLift

    for model, shape in ((network(), (3, 5)), (pooling(nn.AvgPool2d(2)), (3, 2, 8, 8))):
        x, reference = torch.randn(shape), torch.randn(shape)
        expected = DeepLift(model).attribute(x.requires_grad_(), reference, target=1).detach()
        found = explain(model, x.detach(), "deeplift", target=1, reference=reference)
        assert found.method.startswith("DeepLIFT")
        assert torch.allclose(found.scores, expected, atol=1e-6)


def test_deeplift_shares_what_is_pooled_as_shap_does_where_captum_misses_the_change():
    from captum.attr import DeepLift

    shap = pytest.importorskip("shap")
    model, x, reference = pooling(nn.MaxPool2d(2)), torch.randn(1, 2, 8, 8), torch.randn(1, 2, 8, 8)
    expected = shap.DeepExplainer(model, reference).shap_values(x)[..., 1]
    found = explain(model, x, "deeplift", target=1, reference=reference)
    assert torch.allclose(found.scores, torch.from_numpy(expected).float(), atol=1e-6)
    theirs = DeepLift(model).attribute(x.requires_grad_(), reference, target=1).detach()
    assert abs(float(theirs.sum() - found.difference)) > 0.05 * abs(float(found.difference))


def test_deeplift_of_captums_documented_models():
    from captum.testing.helpers.basic_models import BasicModelWithReusedModules, ReLUDeepLiftModel

    class Apart(nn.Module):
        """x1 and x2 as one table, which captum's model takes apart."""

        def __init__(self):
            super().__init__()
            self.model = ReLUDeepLiftModel()

        def forward(self, x):
            return self.model(x[:, 0], x[:, 1])

    found = explain(Apart(), torch.tensor([[1.0, 2.0]]), "deeplift", reference=0.0)
    assert torch.allclose(found.scores, torch.tensor([[2.0, 1.0]]), atol=1e-6)
    torch.manual_seed(0)
    model = BasicModelWithReusedModules()  # captum raises for it
    for layer in (model.lin1, model.lin2):
        nn.init.normal_(layer.weight)
    found = explain(model, torch.randn(2, 3), "deeplift", target=0, reference=-1.0)
    assert found.method.startswith("DeepLIFT")
    assert float(found.relative_gap.max()) < 1e-4


def test_deeplift_depends_on_how_a_function_is_written():
    x = torch.tensor([[2.0, 1.0]])
    one = explain(Function(either), x, "deeplift", reference=0.0)
    other = explain(Function(lambda x: (x[:, 0] - x[:, 1]).relu() + x[:, 1]), x, "deeplift", reference=0.0)
    assert torch.allclose(one.scores, torch.tensor([[1.5, 0.5]]))
    assert torch.allclose(other.scores, torch.tensor([[2.0, 0.0]]))  # the same function


def test_deeplift_is_refused_where_it_has_no_rule():
    x = torch.tensor([[2.0, 1.5, 1.0]])
    wrong = explain(Function(all_of), x, "deeplift", reference=0.1, bound=INF)
    assert wrong.method.startswith("DeepLIFT")
    assert float(wrong.relative_gap.max()) > 0.5
    found = explain(Function(all_of), x, "deeplift", reference=0.1)
    assert "DeepLIFT was refused" in found.doubt
    assert float(found.relative_gap.max()) < 0.01


def test_deeplift_says_where_the_reference_takes_another_path():
    class Branching(nn.Module):
        def forward(self, x):
            return x.exp().sum(1) if bool(x.sum() > 0) else x.tanh().sum(1)

    found = explain(Branching(), torch.ones(1, 3), "deeplift", reference=-1.0)
    assert "another path" in found.doubt
    assert not found.method.startswith("DeepLIFT")


# Class activation maps


class Pictures(nn.Module):
    def __init__(self, pooled):
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.pooled = nn.Conv2d(2, 3, 3, padding=1), pooled
        self.last = nn.Linear(3 if pooled else 3 * 64, 2)

    def forward(self, x):
        maps = self.conv(x)
        return self.last(maps.mean((2, 3)) if self.pooled else maps.flatten(1))


def replicas(model, x, target):
    """Feature maps and slopes by hand, and the three maps by their formulas, cell by cell."""
    maps = model.conv(x).detach().requires_grad_()
    logit = model.last(maps.mean((2, 3)) if model.pooled else maps.flatten(1))[:, target]
    (slopes,) = torch.autograd.grad(logit.sum(), maps)
    rows, channels, height, width = maps.shape
    found = {name: torch.zeros(rows, height, width) for name in ("grad_cam", "grad_cam_plus_plus", "hires_cam")}
    maps = maps.detach()
    for n, c in product(range(rows), range(channels)):
        a, s = maps[n, c], slopes[n, c]
        below = 2 * s**2 + a.sum() * s**3
        alpha = torch.where(below == 0, 0.0, s**2 / below)
        found["grad_cam"][n] += s.mean() * a
        found["grad_cam_plus_plus"][n] += (alpha * s.relu()).sum() * a
        found["hires_cam"][n] += s * a
    return {name: value.relu() for name, value in found.items()}


@pytest.mark.parametrize("pooled", [True, False])
@pytest.mark.parametrize("name", ["grad_cam", "grad_cam_plus_plus", "hires_cam"])
def test_activation_maps_follow_their_formulas(name, pooled):
    model, x = Pictures(pooled), torch.randn(2, 2, 8, 8)
    found = explain(model, x, name, target=1)
    assert found.scores.shape == x.shape
    assert torch.allclose(found.scores.sum(1), replicas(model, x, 1)[name], atol=1e-5)
    assert "8x8 at conv" in found.method


def test_grad_cam_equals_captum():
    from captum.attr import LayerGradCam

    model, x = Pictures(pooled=False), torch.randn(2, 2, 8, 8)
    expected = LayerGradCam(model, model.conv).attribute(x, target=0, relu_attributions=True)
    assert torch.allclose(explain(model, x, "grad_cam", target=0).scores.sum(1), expected[:, 0], atol=1e-5)


class Corners(nn.Module):
    """The upper half speaks for the class, the lower half slightly less strongly against it."""

    def __init__(self, against):
        super().__init__()
        self.conv, self.against = nn.Conv2d(1, 1, 1, bias=False), against
        nn.init.ones_(self.conv.weight)

    def forward(self, x):
        maps = self.conv(x)
        return (maps[:, :, :4].sum((1, 2, 3)) - self.against * maps[:, :, 4:].sum((1, 2, 3)))[:, None]


def test_grad_cam_shows_what_speaks_against_and_hires_cam_does_not():
    x = torch.ones(1, 1, 8, 8)
    shown = explain(Corners(0.8), x, "grad_cam", reference=0.0).scores[0, 0]
    assert float(shown[4:].min()) > 0  # the lower half lowers the score, and is shown as if it raised it
    right = explain(Corners(0.8), x, "hires_cam", reference=0.0).scores[0, 0]
    assert float(right[4:].max()) == 0
    assert float(right[:4].min()) > 0


def test_grad_cam_plus_plus_drops_what_counts_through_negative_slopes():
    class Negated(Corners):
        def forward(self, x):
            return -self.conv(x).sum((1, 2, 3))[:, None]

    model, x = Negated(0.0), torch.ones(1, 1, 8, 8)
    nn.init.constant_(model.conv.weight, -1.0)  # maps of -1 at slopes of -1: every cell raises the score
    assert float(explain(model, x, "hires_cam", reference=0.0).scores.min()) > 0
    assert not bool(explain(model, x, "grad_cam_plus_plus", reference=0.0).scores.any())


def test_hires_cam_is_empty_where_the_score_is_saturated():
    class Capped(Corners):
        def forward(self, x):
            return super().forward(x).clamp(max=1.0)

    found = explain(Capped(0.0), torch.ones(1, 1, 8, 8), "hires_cam", reference=0.0)
    assert float(found.difference) == 1
    assert not bool(found.scores.any())
    assert "does not depend" in found.doubt


# Perturbation


def test_ablation_and_occlusion_of_a_table_equal_captum():
    from captum.attr import FeatureAblation, Occlusion

    model, x, reference = network(), torch.randn(3, 5), torch.randn(3, 5)
    expected = FeatureAblation(model).attribute(x, reference, target=1)
    assert torch.allclose(
        explain(model, x, "feature_ablation", target=1, reference=reference).scores, expected, atol=1e-5
    )
    expected = Occlusion(model).attribute(x, (1,), baselines=reference, target=1)
    assert torch.allclose(explain(model, x, "occlusion", target=1, reference=reference).scores, expected, atol=1e-5)


def test_occlusion_of_a_picture_slides_over_it():
    model, x = Pictures(pooled=False), torch.randn(1, 2, 8, 8)
    found = explain(model, x, "occlusion", target=0, reference=0.0, window=2, patches=4)
    total, seen = torch.zeros(4, 4), torch.zeros(4, 4)
    with torch.no_grad():
        for i, j in product(range(3), range(3)):
            hidden = x.clone()
            hidden[..., 2 * i : 2 * i + 4, 2 * j : 2 * j + 4] = 0
            total[i : i + 2, j : j + 2] += float(model(x)[0, 0] - model(hidden)[0, 0]) / 4
            seen[i : i + 2, j : j + 2] += 1
    cells = found.scores[0].sum(0).unflatten(0, (4, 2)).unflatten(2, (4, 2)).sum((1, 3))
    assert torch.allclose(cells, total / seen, atol=1e-5)


@pytest.mark.parametrize("name", ["feature_ablation", "occlusion"])
def test_hiding_one_of_two_that_are_enough_shows_neither(name):
    found = explain(Function(either), torch.ones(1, 2), name, reference=0.0)
    assert not bool(found.scores.any())
    assert float(found.relative_gap) == 1
    assert "miss the change by 100.0%" in found.doubt


def test_lime_is_a_weighted_regression_on_coalitions():
    model, x = network(), torch.randn(1, 5)
    found = explain(model, x, "lime", target=1, reference=0.0, samples=300)
    kept = torch.rand(300, 5, generator=seeds.generator(0, 4)) < 0.5
    kept[0] = True
    with torch.no_grad():
        values = model(torch.where(kept, x, torch.zeros(1)))[:, 1].double()
    closeness = torch.exp(-((1 - kept.double().mean(1).sqrt()) ** 2) / 0.25**2).sqrt()
    design = torch.cat([torch.ones(300, 1), kept], 1).double()
    naive = torch.linalg.lstsq(closeness[:, None] * design, (closeness * values)[:, None]).solution[1:, 0]
    assert torch.allclose(found.scores[0].double(), naive, atol=1e-4)


def test_lime_gives_away_most_of_what_only_all_together_do():
    found = explain(Function(all_of), torch.ones(1, 8), "lime", reference=0.0)
    assert float(found.relative_gap) > 0.3
    assert float(explain(Function(all_of), torch.ones(1, 8), "exact_shapley", reference=0.0).relative_gap) < 1e-3


# Shapley values


def value_of(function, x, reference, members):
    point = reference.clone()
    point[:, list(members)] = x[:, list(members)]
    return float(function(point))


def shapley(function, x, reference):
    m = x.shape[1]
    found = torch.zeros(1, m)
    for i in range(m):
        others = [j for j in range(m) if j != i]
        for size in range(m):
            weight = factorial(size) * factorial(m - size - 1) / factorial(m)
            for s in combinations(others, size):
                gain = value_of(function, x, reference, (*s, i)) - value_of(function, x, reference, s)
                found[0, i] += weight * gain
    return found


def tangled(x):
    return torch.tanh(x[:, 0] * x[:, 1] * x[:, 2]) + (x[:, 3] - x[:, 4]).relu() * x[:, 0]


def test_exact_shapley_values_by_their_definition_and_by_shap():
    shap = pytest.importorskip("shap")
    x, reference = torch.randn(1, 5), torch.randn(1, 5)
    found = explain(Function(tangled), x, "exact_shapley", reference=reference)
    assert torch.allclose(found.scores, shapley(tangled, x, reference), atol=1e-5)
    theirs = shap.ExactExplainer(lambda rows: tangled(torch.from_numpy(rows).float()).numpy(), reference.numpy())
    assert torch.allclose(found.scores, torch.from_numpy(theirs(x.numpy()).values).float(), atol=1e-5)


def test_shapley_values_do_not_say_what_removing_a_feature_does():
    found = explain(Function(either), torch.ones(1, 2), "exact_shapley", reference=0.0)
    assert torch.allclose(found.scores, torch.full((1, 2), 0.5))  # though the score stays when either is removed


def test_permutation_shapley_is_the_mean_over_orders():
    x, reference = torch.randn(1, 4), torch.randn(1, 4)
    function = lambda x: torch.tanh(x[:, 0] * x[:, 1] * x[:, 2]) + x[:, 3]  # noqa: E731 - said twice below
    naive = torch.zeros(1, 4)
    for order in permutations(range(4)):
        for place, i in enumerate(order):
            gain = value_of(function, x, reference, order[: place + 1]) - value_of(
                function, x, reference, order[:place]
            )
            naive[0, i] += gain / 24
    found = explain(Function(function), x, "permutation_shapley", reference=reference, pairs=512, most=512, bound=INF)
    assert torch.allclose(found.scores, naive, atol=float(found.interval["x"].max()) * 1.5 + 1e-5)


def test_one_order_and_its_reverse_are_exact_for_pairs_of_features():
    x = torch.randn(2, 6)
    pairs = Function(lambda x: x[:, 0] * x[:, 1] + 3 * x[:, 2] * x[:, 5] + x[:, 3])
    found = explain(pairs, x, "permutation_shapley", reference=0.0, pairs=2)
    exact = explain(pairs, x, "exact_shapley", reference=0.0)
    assert torch.allclose(found.scores, exact.scores, atol=1e-5)
    assert float(found.relative_error.max()) < 1e-4


@pytest.mark.parametrize(
    ("name", "work"), [("permutation_shapley", {"pairs": 4, "most": 4}), ("kernel_shap", {"samples": 64, "most": 64})]
)
def test_few_draws_do_not_settle_what_only_all_together_do(name, work):
    x = torch.ones(1, 14)
    seen = explain(Function(all_of), x, name, reference=0.0, bound=INF, **work)
    assert float((seen.scores - 1 / 14).abs().max()) > 0.03 or float(seen.relative_error.max()) > 0.05
    found = explain(Function(all_of), x, name, reference=0.0, **work)
    assert found.method.startswith("integrated gradients") or "draw more samples" in found.doubt
    assert "refused" in found.doubt


def test_kernel_shap_finds_the_exact_values_with_an_honest_interval():
    torch.manual_seed(3)
    model, x = network(12, 2), torch.randn(3, 12)
    exact = explain(model, x, "exact_shapley", target=0, reference=0.0)
    found = explain(model, x, "kernel_shap", target=0, reference=0.0, samples=600, most=600, bound=INF)
    missed = (found.scores - exact.scores).abs()
    assert float(missed.max()) < 0.1 * float(exact.difference.abs().max())
    assert float((missed <= found.interval["input"]).float().mean()) > 0.8
    assert torch.allclose(found.scores.sum(1), exact.scores.sum(1), atol=1e-4)


def test_kernel_shap_with_all_coalitions_equals_shap():
    shap = pytest.importorskip("shap")
    x, reference = torch.randn(1, 5), torch.randn(1, 5)
    theirs = shap.KernelExplainer(lambda rows: tangled(torch.from_numpy(rows).float()).numpy(), reference.numpy())
    expected = torch.from_numpy(theirs.shap_values(x.numpy(), nsamples=1000, silent=True)).float()
    found = explain(Function(tangled), x, "kernel_shap", reference=reference)
    assert torch.allclose(found.scores, expected.reshape(1, 5), atol=1e-3)


def owen(function, x, reference, members, context):
    """Owen values of a hierarchy of halves, by recursion."""
    if len(members) == 1:
        gain = value_of(function, x, reference, [*context, *members]) - value_of(function, x, reference, context)
        return {members[0]: gain}
    left, right = members[: len(members) // 2], members[len(members) // 2 :]
    found = {}
    for half, other in ((left, right), (right, left)):
        for around in (context, [*context, *other]):
            for i, gain in owen(function, x, reference, half, around).items():
                found[i] = found.get(i, 0.0) + gain / 2
    return found


def test_partition_shap_is_owens_value_by_recursion():
    x, reference = torch.randn(1, 5), torch.randn(1, 5)
    naive = owen(tangled, x, reference, [0, 1, 2, 3, 4], [])
    found = explain(Function(tangled), x, "partition_shap", reference=reference)
    assert torch.allclose(found.scores, torch.tensor([[naive[i] for i in range(5)]]), atol=1e-5)


def test_partition_shap_favours_whom_the_hierarchy_sets_apart():
    alike = Function(lambda x: x[:, :3].max(1).values)
    found = explain(alike, torch.ones(1, 3), "partition_shap", reference=0.0).scores[0]
    assert float(found[0]) == pytest.approx(0.5)  # alone in its half; the other two share theirs
    assert torch.allclose(found[1:], torch.full((2,), 0.25))
    fair = explain(alike, torch.ones(1, 3), "exact_shapley", reference=0.0).scores[0]
    assert torch.allclose(fair, torch.full((3,), 1 / 3))


def test_partition_shap_says_what_it_had_no_time_to_split():
    model, x = network(64, 1), torch.randn(1, 64)
    found = explain(model, x, "partition_shap", reference=0.0, evaluations=16)
    assert "not split further" in found.method
    assert found.steps <= 16
    assert float(found.relative_gap) < 1e-3

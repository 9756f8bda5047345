"""Truths that cannot be argued with, over every method that is found: what was planted is what is seen."""

from itertools import combinations, permutations
from math import factorial

import pytest
import torch
from torch import nn

from workbench.core.errors import DataError
from workbench.interpret import attributions, explain
from workbench.interpret.attributions import Axiom

NAMES = attributions.names()
INF = float("inf")
SHAPLEY = ["exact_shapley", "kernel_shap", "permutation_shapley"]
SETTINGS = {"occlusion": {"window": 1}, "permutation_shapley": {"pairs": 64, "most": 64}}
"""windows that hide neighbours together share what they find among them"""
BLIND = {"deconvnet"}
"""it lets pass what is positive on the way back, whatever was active on the way forth, and misses what was planted"""


def own(name, model, batch, **more):
    """What a method itself gives, without fallbacks; None where it says that it does not apply."""
    try:
        found = explain(model, batch, name, bound=INF, **SETTINGS.get(name, {}), **more)
    except DataError:
        return None
    if type(found.by) is not attributions.load(name):
        assert any(attributions.load(name).title in said for said in found.warnings), (name, found.warnings)
        return None
    return found


def seen(found, cells=None):
    """(features,) size of the scores of the first example, by feature."""
    scores = found.scores[0] if found.scores.dim() > 1 else found.scores
    return scores.abs().double() if cells is None else cells(scores.abs().double())


def applied(results):
    return {name for name, found in results.items() if found is not None}


# Linear models


def contributing():
    return [n for n in NAMES if Axiom.LINEAR_MODEL in attributions.load(n).axioms]


@pytest.mark.parametrize("name", contributing())
def test_a_linear_model_of_tokens_is_taken_apart(name):
    class Bag(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed, self.last = nn.Embedding(30, 6), nn.Linear(6, 2)

        def forward(self, input_ids):
            return self.last(self.embed(input_ids)).sum(1)

    torch.manual_seed(0)
    model, batch = Bag(), {"input_ids": torch.randint(0, 30, (2, 6))}
    found = own(name, model, batch, target=1, reference=4)
    if found is None:
        return
    with torch.no_grad():
        weights = model.last.weight[1]
        expected = (model.embed(batch["input_ids"]) - model.embed(torch.tensor(4))) @ weights
    assert torch.allclose(found.scores, expected, atol=1e-3)


@pytest.mark.parametrize("name", contributing())
def test_a_linear_model_of_pictures_is_taken_apart_by_patch(name):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 3, 3, padding=1), nn.Flatten(), nn.Linear(3 * 16, 2))
    x, reference = torch.randn(1, 1, 4, 4), torch.randn(1, 1, 4, 4)
    found = own(name, model, x, target=0, reference=reference)
    if found is None:
        return
    slope = torch.autograd.functional.jacobian(lambda v: model(v)[0, 0], x)
    expected = (slope * (x - reference)).detach()
    assert torch.allclose(found.scores.sum((1, 2, 3)), expected.sum((1, 2, 3)), atol=2e-3)
    assert torch.allclose(found.scores, expected, atol=5e-3)  # seven patches along a side of four are single pixels


# Shapley values of up to ten features


def tangled(x):
    return torch.tanh(x[:, 0] * x[:, 1] - x[:, 2]) + x[:, 3:].relu().prod(1) + (x.sum(1) / 3).sin()


class Function(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)[:, None]


def orders_of(function, x, reference):
    """The mean gain over every order in which the features can join."""
    count, scores = x.size(1), torch.zeros(x.size(1), dtype=torch.float64)
    table = {}
    for size in range(count + 1):
        for kept in combinations(range(count), size):
            mixed = reference.clone()
            mixed[:, list(kept)] = x[:, list(kept)]
            table[frozenset(kept)] = float(function(mixed))
    for order in permutations(range(count)):
        joined = frozenset()
        for feature in order:
            scores[feature] += table[joined | {feature}] - table[joined]
            joined |= {feature}
    return scores / factorial(count)


def subsets_of(function, x, reference):
    """The same by Shapley's weights of coalitions, which ten features need."""
    count, scores = x.size(1), torch.zeros(x.size(1), dtype=torch.float64)
    for feature in range(count):
        others = [i for i in range(count) if i != feature]
        for size in range(count):
            weight = factorial(size) * factorial(count - size - 1) / factorial(count)
            sets = list(combinations(others, size))
            mixed = reference.repeat(len(sets), 1)
            for row, kept in enumerate(sets):
                mixed[row, list(kept)] = x[0, list(kept)]
            joined = mixed.clone()
            joined[:, feature] = x[0, feature]
            scores[feature] += weight * float((function(joined) - function(mixed)).sum())
    return scores


@pytest.mark.parametrize("name", SHAPLEY)
@pytest.mark.parametrize(("features", "naive"), [(6, orders_of), (10, subsets_of)])
def test_shapley_values_are_those_of_every_order(name, features, naive):
    torch.manual_seed(features)
    x, reference = torch.rand(1, features) + 0.3, torch.randn(1, features) / 2
    expected = naive(tangled, x, reference)
    found = own(name, Function(tangled), x, reference=reference)
    half = found.interval.get("x", torch.zeros(1, features))
    assert torch.allclose(found.scores.double().sum(), expected.sum(), atol=1e-4)
    assert bool(((found.scores[0] - expected).abs() <= 2 * half[0] + 1e-4).all())


# What was planted


class Patch(nn.Module):
    """Answers to a bright square of three pixels anywhere."""

    def __init__(self):
        super().__init__()
        self.look = nn.Conv2d(1, 1, 3, bias=True)
        self.act = nn.ReLU()
        self.last = nn.Conv2d(1, 1, 1, bias=False)
        with torch.no_grad():
            self.look.weight.fill_(1.0)
            self.look.bias.fill_(-6.0)
            self.last.weight.fill_(1.0)

    def forward(self, x):
        return self.last(self.act(self.look(x))).sum((2, 3))


@pytest.fixture(scope="module")
def patched():
    picture = 0.1 * torch.rand(1, 1, 21, 21, generator=torch.Generator().manual_seed(1))
    picture[:, :, 12:15, 3:6] = 1.0  # the fifth patch from above, the second from the left
    return {name: own(name, Patch(), picture, reference=0.0) for name in NAMES}


BLURRED = {"vargrad", "smoothgrad", "grad_cam", "grad_cam_plus_plus", "hires_cam", "information_bottleneck"}
"""their maps are wider than what they show: the planted patch is among the nine strongest"""


def test_a_planted_patch_is_seen_by_every_method_that_takes_pictures(patched):
    by_patch = lambda s: s.reshape(7, 3, 7, 3).sum((1, 3)).flatten()  # noqa: E731 - a name says more
    wrong = {}
    for name in applied(patched):
        if len(patched[name].parts) != 1:
            continue
        order = seen(patched[name], by_patch).argsort(descending=True)
        allowed = 9 if name in BLURRED else 1
        if 4 * 7 + 1 not in order[:allowed]:
            wrong[name] = order[:3].tolist()
    assert set(wrong) == BLIND, wrong
    assert len(applied(patched)) >= 16, set(NAMES) - applied(patched)


class Keyword(nn.Module):
    """Answers to one token of its vocabulary, wherever it stands."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(40, 8)
        self.act = nn.ReLU()
        self.read = nn.Linear(8, 1)
        self.last = nn.Linear(1, 1, bias=False)
        with torch.no_grad():
            self.embed.weight.copy_(torch.randn(40, 8, generator=torch.Generator().manual_seed(3)) / 4)
            self.embed.weight[7] = 2.0
            self.read.weight.fill_(0.5)
            self.read.bias.fill_(-7.0)
            self.last.weight.fill_(1.0)

    def forward(self, input_ids):
        return self.last(self.act(self.read(self.embed(input_ids))).sum(1))


def test_a_planted_token_is_seen_by_every_method_that_takes_tokens():
    tokens = torch.tensor([[12, 30, 5, 21, 7, 33, 9, 18]])
    results = {name: own(name, Keyword(), {"input_ids": tokens}, reference=5) for name in NAMES}
    wrong = {n: seen(results[n]).tolist() for n in applied(results) if int(seen(results[n]).argmax()) != 4}
    assert set(wrong) == BLIND, wrong
    assert len(applied(results)) >= 12, set(NAMES) - applied(results)


def test_a_planted_interaction_is_shared_by_its_two_features_and_nobody_else():
    class Both(nn.Module):
        def forward(self, x):
            return (x[:, 1] * x[:, 4])[:, None] + 0 * x.sum(1, keepdim=True)

    x = torch.tensor([[1.0, 2.0, -1.0, 0.5, 2.0, 3.0]])
    results = {name: own(name, Both(), x, reference=0.0) for name in NAMES}
    shared = [n for n in applied(results) if {Axiom.COMPLETENESS, Axiom.SYMMETRY} <= attributions.load(n).axioms]
    for name in applied(results):
        assert set(seen(results[name]).topk(2).indices.tolist()) == {1, 4}, (name, results[name].scores)
    for name in (*shared, "kernel_shap", "permutation_shapley"):
        assert torch.allclose(results[name].scores, torch.tensor([[0.0, 2, 0, 0, 2, 0]]), atol=1e-3), name
    ablation = results["feature_ablation"].scores[0]
    assert ablation[1] == pytest.approx(4)  # either alone undoes it: ablation counts the interaction twice
    assert ablation[4] == pytest.approx(4)
    assert len(applied(results)) >= 12


class Triangle(nn.Module):
    """Answers to marked nodes that have two marked neighbours."""

    def forward(self, x, edge_index):
        source, target = edge_index
        around = torch.zeros_like(x).index_add(0, target, x[source])
        return ((x * around - 1.2).relu()).sum(0, keepdim=True)


def test_a_planted_motif_is_seen_by_every_method_that_takes_graphs():
    ring = [(i, (i + 1) % 10) for i in range(10)]
    edges = [*ring, (2, 4)]  # nodes 2, 3 and 4 are a triangle
    both = torch.tensor([*edges, *[(b, a) for a, b in edges]]).T
    x = torch.zeros(10, 1)
    x[[2, 3, 4]] = 1.0
    x[[0, 7]] = 1.0  # marked as well, with no marked neighbour
    results = {}
    for name in NAMES:
        graph = {"x": x, "edge_index": both}
        found = own(name, Triangle(), graph, target=lambda output: output.reshape(-1), reference=0.0)
        results[name] = found if found is not None and "x" in found.parts and bool(found.parts["x"].any()) else None
    wrong = {}
    for name in applied(results):
        strongest = results[name].parts["x"].abs().reshape(-1).topk(3).indices.tolist()
        if set(strongest) != {2, 3, 4}:
            wrong[name] = results[name].parts["x"].reshape(-1).tolist()
    assert set(wrong) == BLIND, wrong
    assert len(applied(results)) >= 8, set(NAMES) - applied(results)

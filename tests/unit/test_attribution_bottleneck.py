"""Information bottleneck: a planted patch and token, the paper's formulas in a replica, and where it fails."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from workbench.core import seeds
from workbench.core.errors import AddressError, ConfigError, DataError
from workbench.interpret import explain

METHOD = "information_bottleneck"


class Patch(nn.Module):
    """Class 1 is told by a bright patch; the picture may be moved aside before it is looked at."""

    def __init__(self, aside=0):
        super().__init__()
        self.aside, self.seeing, self.last = aside, nn.Conv2d(1, 4, 3, padding=1), nn.Linear(1, 2)
        with torch.no_grad():
            self.seeing.weight.fill_(1 / 9)
            self.seeing.bias.zero_()
            self.last.weight.copy_(torch.tensor([[-300.0], [300.0]]))
            self.last.bias.copy_(torch.tensor([1.0, -1.0]))

    def forward(self, x):
        return self.after(self.seeing(x.roll(self.aside, 3)))

    def after(self, seen):
        return self.last((seen.mean(1) - 0.5).relu().mean((1, 2))[:, None])


def pictures():
    x = 0.2 * torch.rand(2, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    x[0, 0, 2:6, 3:7] = 1
    x[1, 0, 9:13, 8:12] = 1
    return x


def inside(found):
    """Which part of the bits passes where the patches are, and one place around them, which the convolution blurs."""
    maps = found.scores[:, 0]
    return [float(maps[0, 1:7, 2:8].sum() / maps[0].sum()), float(maps[1, 8:14, 7:13].sum() / maps[1].sum())]


def test_bits_pass_where_the_planted_patch_is():
    found = explain(Patch(), pictures(), METHOD, beta=1.0)
    assert found.unit == "evidence"
    assert found.scores.shape == (2, 1, 16, 16)
    assert bool((found.scores >= 0).all())
    assert min(inside(found)) > 0.9
    assert "bits through seeing, which leave the class 9" in found.method


def test_a_prediction_that_is_lost_is_said():
    said = explain(Patch(), pictures(), METHOD, beta=1000.0).method
    assert float(said.split("which leave the class ")[1].split("%")[0]) < 50
    assert said.endswith("% of 100%")


def test_a_map_is_at_the_place_in_the_layer_and_not_at_that_in_the_picture():
    """What is drawn over the picture is where information passes inside: there the picture was moved aside."""
    assert max(inside(explain(Patch(aside=6), pictures(), METHOD, beta=1.0))) < 0.1


def blurred(maps, width=1.0, reach=2):
    taps = torch.tensor([math.exp(-0.5 * (i / width) ** 2) for i in range(-reach, reach + 1)])
    kernel = (taps[:, None] * taps / taps.sum() ** 2).expand(maps.size(1), 1, -1, -1)
    return F.conv2d(F.pad(maps, (reach,) * 4, mode="replicate"), kernel, groups=maps.size(1))


def test_bits_are_those_of_the_formulas():
    model, x = Patch(), pictures()
    with torch.no_grad():
        seen = model.seeing(x)
    mean = seen.mean((0, 2, 3), keepdim=True)
    spread = ((seen - mean) ** 2).sum((0, 2, 3), keepdim=True).div(2 * 256 - 1).sqrt()
    opening, random = torch.full_like(seen, 5.0, requires_grad=True), seeds.generator(0, 41)
    optimiser = torch.optim.Adam([opening], lr=1.0)

    def information():
        part = blurred(opening.sigmoid())
        center, variance = part * (seen - mean) / spread, (1 - part) ** 2
        return part, 0.5 * (variance + center**2 - 1 - variance.log())  # KL(N(center, variance) || N(0, 1))

    for _ in range(10):
        part, nats = information()
        losses = []
        drawn = torch.randn((10 * 2, *seen.shape[1:]), generator=random).unflatten(0, (10, 2))
        for noise in drawn:
            restricted = part * seen + (1 - part) * (mean + spread * noise)
            losses.append(F.cross_entropy(model.after(restricted), torch.tensor([1, 1]), reduction="none"))
        optimiser.zero_grad()
        (torch.stack(losses).mean(0) + 10 * nats.mean((1, 2, 3))).sum().backward()
        optimiser.step()
    bits = information()[1].detach().sum(1) / math.log(2)
    found = explain(model, x, METHOD, reference=0.0).scores[:, 0]
    assert torch.allclose(found, bits, atol=1e-4 * float(bits.max()))


def test_what_a_bit_costs_is_turned_by_beta():
    totals = [float(explain(Patch(), pictures(), METHOD, beta=beta).scores.sum()) for beta in (1.0, 10.0, 1000.0)]
    assert totals[0] > totals[1] > totals[2]


def test_a_map_of_few_places_is_drawn_at_the_size_of_the_picture_with_the_same_bits():
    class Coarse(Patch):
        def forward(self, x):
            self.coarse = F.avg_pool2d(self.seeing(x), 4)
            return self.last((self.act(self.coarse).mean(1) - 0.4).relu().mean((1, 2))[:, None])

    model = Coarse()
    model.act = nn.Identity()
    x = pictures()
    x[0, 0, 4:8, 4:8] = 1
    found = explain(model, x, METHOD, layer="act")
    said = float(found.method.split(", ")[1].split(" bits")[0])
    assert float(found.scores.sum() / 2) == pytest.approx(said, rel=0.01)
    assert found.scores.shape == x.shape


class Words(nn.Module):
    """Class 1 is told by token 7, at any position."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(20, 8)
        torch.manual_seed(0)
        nn.init.normal_(self.embedding.weight)
        self.register_buffer("seven", self.embedding.weight[7].detach().clone())

    def forward(self, ids):
        near = (self.embedding(ids) @ self.seven / self.seven.square().sum() - 0.6).relu().sum(1)
        return torch.stack([1 - 8 * near, 8 * near - 1], 1)


def test_bits_pass_at_the_planted_token():
    ids = torch.tensor([[1, 2, 7, 3, 4, 5], [9, 8, 10, 11, 12, 7]])
    found = explain(Words(), ids, METHOD, smooth=0.0)
    assert found.scores.shape == (2, 6)
    assert found.scores.argmax(1).tolist() == [2, 5]


def test_a_score_that_is_no_class_is_kept_as_it_is():
    class Sum(Patch):
        def after(self, seen):
            return (seen.mean(1) - 0.5).relu().sum((1, 2))

    found = explain(Sum(), pictures(), METHOD, beta=0.1)
    assert "which change the score by" in found.method
    assert min(inside(found)) > 0.8


def test_the_model_stays_as_it_was_and_the_seed_decides():
    model, x = Patch(), pictures()
    model.train()
    generator = torch.get_rng_state()
    one, other = (explain(model, x, METHOD) for _ in range(2))
    assert torch.equal(one.scores, other.scores)
    assert torch.equal(generator, torch.get_rng_state())
    assert model.training
    assert all(p.grad is None for p in model.parameters())
    assert not any(module._forward_hooks for module in model.modules())


def test_what_it_cannot_restrict_is_one_sentence():
    with pytest.raises(DataError, match="places are those of the input"):
        explain(nn.Linear(4, 2), torch.randn(2, 4), METHOD)
    with pytest.raises(DataError, match=r"last.*has shape \(2, 2\)"):
        explain(Patch(), pictures(), METHOD, layer="last")
    with pytest.raises(AddressError):
        explain(Patch(), pictures(), METHOD, layer="nowhere")
    with pytest.raises(ConfigError, match="beta"):
        explain(Patch(), pictures(), METHOD, beta=-1.0)


def test_a_model_without_gradients_is_explained_by_another_method():
    class Cut(Patch):
        def forward(self, x):
            return super().forward(x).detach()

    found = explain(Cut(), pictures(), METHOD)
    assert "information bottleneck was not used: the score does not depend on 'seeing' by a gradient" in found.doubt

"""tcav: a planted concept is found, chance is called chance, and a confounded concept misleads."""

import numpy as np
import pytest
import torch
from torch import nn

from workbench.core.errors import AddressError, ConfigError, DataError, MissingExtraError
from workbench.interpret import tcav


class Planted(nn.Module):
    """Class 1 is told by the first feature; the second is seen and not used."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.hidden = nn.Linear(6, 6, bias=False)
        nn.init.orthogonal_(self.hidden.weight)
        self.register_buffer("used", self.hidden.weight[:, 0].detach().clone())

    def forward(self, x):
        score = (self.hidden(x) @ self.used) ** 3
        return torch.stack([-score, score], 1)


def drawn(count, seed, **shifted):
    x = torch.randn(count, 6, generator=torch.Generator().manual_seed(seed)) + 0.5
    for name, shift in shifted.items():
        x[:, int(name[1:])] += shift
    return x


def asked(concepts, **given):
    return tcav(Planted(), drawn(30, 1), concepts, drawn(200, 2), "hidden", 1, **given)


def test_the_concept_that_is_used_raises_the_score_and_the_other_may_be_chance():
    found = asked({"used": drawn(60, 3, f0=4.0), "seen": drawn(60, 4, f1=4.0)})
    assert found["used"].score > 0.95
    assert found["used"].significant
    assert found["used"].accuracy > 0.9
    assert not found["seen"].significant
    assert "may be chance" in str(found)
    assert "hidden" in found._repr_html_()
    against = asked({"against": drawn(60, 3, f0=-4.0)})
    assert against["against"].score < 0.05
    assert against["against"].significant


def test_fractions_are_those_of_directional_derivatives():
    """Kim et al. 2018, equations 1 and 2, by a replica: which scores rise by a step along the direction."""
    from sklearn.linear_model import LogisticRegression

    class Bent(Planted):
        """How the score changes along a direction depends on where it is."""

        def forward(self, x):
            hidden = self.hidden(x)
            return torch.stack([hidden[:, 0], (hidden * hidden.roll(1, 1)).sum(1)], 1)

    model, x, concept, others = Bent(), drawn(100, 1), drawn(400, 3, f0=2.0), drawn(200, 2)
    with torch.no_grad():
        seen = [model.hidden(concept), model.hidden(others)]
        labels = np.repeat([1, 0], [400, 200])
        fit = LogisticRegression(max_iter=1000, class_weight="balanced").fit(torch.cat(seen).numpy(), labels)
        step = 1e-3 * torch.from_numpy(fit.coef_[0]).float()
        hidden = model.hidden(x)
        rises = ((hidden + step) * (hidden + step).roll(1, 1)).sum(1) > (hidden * hidden.roll(1, 1)).sum(1)
    found = tcav(model, x, {"used": concept}, others, "hidden", 1)
    naive = float(rises.float().mean())
    assert 0.1 < naive < 0.9
    assert found["used"].score == pytest.approx(naive, abs=0.05)


def test_a_concept_of_nothing_is_called_noise():
    found = asked({"nothing": drawn(60, 9)})
    assert found["nothing"].accuracy < 0.6
    assert "cannot be told from random ones" in str(found)
    assert not found["nothing"].significant
    # Without the test one fraction would say a lot: random directions reach all examples or none.
    assert float(found.random.max() - found.random.min()) > 0.9


def test_a_concept_that_comes_with_another_misleads():
    """The known failure: examples that show two things say nothing about which of them counts."""
    confounded = asked({"seen": drawn(60, 4, f0=4.0, f1=4.0)})
    assert confounded["seen"].significant  # though the second feature is not used


def test_the_model_stays_as_it_was():
    model = Planted().train()
    state = {k: v.clone() for k, v in model.state_dict().items()}
    one, other = (
        tcav(model, drawn(10, 1), {"used": drawn(40, 3, f0=4.0)}, drawn(60, 2), "hidden", 1) for _ in range(2)
    )
    assert torch.equal(one["used"].scores, other["used"].scores)
    assert model.training
    assert all(torch.equal(v, state[k]) for k, v in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())
    assert not any(m._forward_hooks for m in model.modules())


def test_examples_that_are_used_twice_are_said():
    assert "makes p too small" in str(asked({"few": drawn(20, 3, f0=4.0)}))
    assert "makes p too small" not in str(asked({"enough": drawn(40, 3, f0=4.0)}))


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        ({"runs": 3}, ConfigError, "10 or more"),
        ({"others": drawn(5, 2)}, DataError, "8 or more"),
        ({"concepts": {"few": drawn(2, 3)}}, DataError, "few"),
        ({"address": "nowhere"}, AddressError, "nowhere"),
    ],
)
def test_what_does_not_fit_is_one_sentence(given, error, said):
    known = {"concepts": {"used": drawn(20, 3)}, "others": drawn(60, 2), "address": "hidden", **given}
    with pytest.raises(error, match=said):
        tcav(Planted(), drawn(10, 1), target=1, **known)


def test_without_scikit_learn_the_extra_is_named(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "sklearn.linear_model", None)
    with pytest.raises(MissingExtraError, match=r"neural-workbench\[data\]"):
        asked({"used": drawn(40, 3)})

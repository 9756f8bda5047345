"""counterfactuals: the closed form on linear models, constraints that are kept, and that the answer is not unique."""

import pytest
import torch
from torch import nn

from workbench.core.errors import ConfigError, DataError
from workbench.interpret import counterfactuals


def table(count=200):
    random = torch.Generator().manual_seed(0)
    return torch.randn(count, 4, generator=random) * torch.tensor([1.0, 5.0, 0.3, 2.0])


def deviations(data):
    return (data - data.median(0).values).abs().median(0).values


def linear(classes=2):
    torch.manual_seed(1)
    return nn.Linear(4, classes)


class Without(nn.Module):
    """The same answers without a gradient, as a tree gives them."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, x):
        with torch.no_grad():
            return self.model(x)


@pytest.mark.parametrize("index", range(4))
def test_on_a_linear_model_it_is_the_nearest_point_behind_the_hyperplane(index):
    """Under a weighted sum of absolute changes, all goes to the column with the most effect for its deviation."""
    model, data = linear(), table()
    row = data[index]
    with torch.no_grad():
        output = model(row)
        now = int(output.argmax())
        weights = model.weight[1 - now] - model.weight[now]
        gap = output[now] - output[1 - now]
    each = gap / (weights.abs() * deviations(data))
    best = int(each.argmin())
    nearest = row.clone()
    nearest[best] += gap / weights[best]
    wide = dict.fromkeys(range(4), (-1e3, 1e3))
    found = counterfactuals(model, row, data, ranges=wide, steps=2000)
    assert found[0].distance == pytest.approx(float(each.min()), rel=1e-3)
    assert torch.allclose(found[0].row, nearest, atol=1e-3 * float(deviations(data).max()))
    assert list(found[0].changes) == [f"feature {best}"]
    assert int(model(found[0].row).argmax()) == 1 - now


def test_random_search_takes_over_where_there_is_no_gradient_and_comes_near():
    model, data = linear(), table()
    with_gradient = counterfactuals(model, data[0], data)
    without = counterfactuals(Without(model), data[0], data)
    assert "no gradient" in str(without)
    assert "gradients" in with_gradient.by
    assert int(model(without[0].row).argmax()) != int(model(data[0]).argmax())
    assert with_gradient[0].distance <= without[0].distance <= 1.2 * with_gradient[0].distance


def test_no_feature_is_changed_that_could_be_given_back():
    torch.manual_seed(2)
    data = torch.randn(200, 8)
    model = nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 3))
    row = data[0]
    found = counterfactuals(model, row, data, wanted=(int(model(row).argmax()) + 1) % 3, count=3)
    aim = int(found.wanted.split()[-1])
    for one in found.found:
        assert int(model(one.row).argmax()) == aim
        changed = (one.row != row).nonzero().flatten().tolist()
        assert changed
        for column in changed:
            other = one.row.clone()
            other[column] = row[column]
            assert int(model(other).argmax()) != aim
    assert [one.distance for one in found.found] == sorted(one.distance for one in found.found)
    assert len({tuple(one.changes) for one in found.found}) == len(found)


class Coded(nn.Module):
    """Without a gradient: the first two of eight codes decide, and the others do nothing."""

    def forward(self, x):
        both = ((x[:, 0] == 3) & (x[:, 1] == 2)).float()
        return torch.stack([0.5 - both, both - 0.5], 1)


def test_codes_that_were_drawn_for_nothing_are_given_back():
    data = torch.randint(0, 4, (100, 8), generator=torch.Generator().manual_seed(0)).float()
    found = counterfactuals(Coded(), torch.zeros(8), data, categorical=range(8), tries=300)
    assert found[0].changes == {"feature 0": ("0", "3"), "feature 1": ("0", "2")}
    assert found[0].distance == 2


class Mixed(nn.Module):
    """Raised by the first column, by category 2 of the second, and by the last of three one-hot columns."""

    def forward(self, x):
        score = x[:, 0] + 3 * (x[:, 1] == 2) + 2.5 * x[:, 4] - 2
        return torch.stack([torch.zeros_like(score), score], 1)


def mixed(count=200):
    random = torch.Generator().manual_seed(3)
    numbers = torch.randn(count, 1, generator=random)
    codes = torch.randint(0, 3, (count, 1), generator=random).float()
    hot = nn.functional.one_hot(torch.randint(0, 3, (count,), generator=random), 3).float()
    ages = torch.randint(20, 60, (count, 1), generator=random).float()
    return torch.cat([numbers, codes, hot, ages], 1)


NAMES = ("income", "job", "red", "green", "blue", "age")
GROUPS = ("job", ("red", "green", "blue"))


def test_categories_stay_categories_and_immutable_columns_stay_as_they_are():
    data = mixed()
    row = torch.tensor([-1.0, 0.0, 1.0, 0.0, 0.0, 30.0])
    given = {"names": NAMES, "categorical": GROUPS, "count": 3}
    found = counterfactuals(Mixed(), row, data, 1, **given)
    for one in found.found:
        assert float(one.row[1]) in (0, 1, 2)
        assert sorted(one.row[2:5].tolist()) == [0, 0, 1]
    assert "job" in str(found)
    assert counterfactuals(Mixed(), row, data, 1, **given, immutable=["income"])[0].changes == {
        "job": ("0", "2"), "red/green/blue": ("red", "blue")
    }  # fmt: skip
    with pytest.raises(DataError, match="No row with class 1 was found"):
        counterfactuals(Mixed(), row, data, 1, **given, immutable=["income", "job", "green"])
    bounded = counterfactuals(Mixed(), row, data, 1, **given, ranges={"income": (-1.0, -0.5)})
    assert all(float(one.row[0]) <= -0.5 for one in bounded.found)


def test_columns_of_whole_numbers_keep_to_them():
    class Old(nn.Module):
        def forward(self, x):
            return torch.stack([0 * x[:, 5], x[:, 5] - 41.5], 1)

    found = counterfactuals(Old(), torch.tensor([0.0, 0.0, 1.0, 0.0, 0.0, 30.0]), mixed(), names=NAMES)
    assert found[0].changes == {"age": ("30", "42")}


def test_a_predicted_value_is_brought_between_bounds():
    model, data = linear(1), table()
    with torch.no_grad():
        now = float(model(data[0]))
    found = counterfactuals(model, data[0], data, (now + 1, now + 2))
    assert float(model(found[0].row)) == pytest.approx(now + 1, abs=1e-2)
    assert float(model(found[0].row)) > now + 1
    with pytest.raises(DataError, match="give wanted="):
        counterfactuals(model, data[0], data)
    with pytest.raises(DataError, match="already"):
        counterfactuals(model, data[0], data, (now - 1, now + 1))


def test_the_nearest_change_is_not_unique():
    """Two columns that a model treats alike: one way is shown, the other as good, and only the second says so."""

    class Alike(nn.Module):
        def forward(self, x):
            score = x[:, 0] + x[:, 1] - 2
            return torch.stack([torch.zeros_like(score), score], 1)

    half = torch.randn(100, 1, generator=torch.Generator().manual_seed(0))
    data, row = half.expand(-1, 2).clone(), torch.zeros(2)
    one = counterfactuals(Alike(), row, data)
    assert len(one[0].changes) == 1
    assert "which one is shown is chance" in str(one)
    both = counterfactuals(Alike(), row, data, count=2)
    assert {tuple(c.changes) for c in both.found} == {("feature 0",), ("feature 1",)}
    assert both[0].distance == pytest.approx(both[1].distance, rel=1e-3)
    assert "unlike any example" in str(both)  # one column moved alone, where both always move together


def test_the_model_stays_as_it_was_and_the_seed_decides():
    model, data = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.Tanh(), nn.Linear(8, 2)).train(), table()
    generator = torch.get_rng_state()
    one, other = (counterfactuals(model, data[0], data, seed=5) for _ in range(2))
    assert torch.equal(one[0].row, other[0].row)
    assert torch.equal(generator, torch.get_rng_state())
    assert model.training
    assert all(p.grad is None for p in model.parameters())


def test_it_prints_as_a_table_of_what_to_change_and_escapes_names():
    data = table()
    found = counterfactuals(linear(), data[0], data, names=["<b>", "<b>2", "<b>3", "<b>4"])
    assert str(found).splitlines()[0].split() == ["feature", "now", "change", "to"]
    assert "&lt;b&gt;" in found._repr_html_()
    assert "<b>" not in found._repr_html_()
    assert [paper.year for paper in found.cited] == [2017, 2020]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"wanted": 7}, "classes 0 to 1"),
        ({"names": ["a"]}, "1 names were given for 4 columns"),
        ({"immutable": ["age"]}, "no column 'age'"),
        ({"immutable": [9]}, "no column 9"),
        ({"categorical": [0, (0, 1)]}, "two categorical features"),
        ({"ranges": {0: (100.0, 200.0)}}, "outside the range"),
    ],
)
def test_what_does_not_fit_is_one_sentence(given, said):
    data = table()
    with pytest.raises(DataError, match=said):
        counterfactuals(linear(), data[0], data, **given)


def test_a_row_that_is_none_is_one_sentence():
    data = table()
    with pytest.raises(DataError, match="give one row"):
        counterfactuals(linear(), data[:2], data)
    with pytest.raises(DataError, match="finite"):
        counterfactuals(linear(), data[0] * float("nan"), data)
    with pytest.raises(DataError, match="has class"):
        counterfactuals(linear(), data[0], data, wanted=int(linear()(data[0]).argmax()))
    with pytest.raises(ConfigError, match="count=0"):
        counterfactuals(linear(), data[0], data, count=0)

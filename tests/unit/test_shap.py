"""shap's Explanation in and out: every plot of shap draws our figures, and our charts draw theirs."""

import json
import re

import matplotlib as mpl
import numpy as np
import pytest
import torch
from torch import nn

from workbench import interpret
from workbench.core.errors import DataError
from workbench.interpret.attributions._ranked import importance, partner

mpl.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot")
shap = pytest.importorskip("shap")

NAMES = ["age", "<b>income</b>", "height", "debt"]


class Rule(nn.Module):
    """Income counts, debt counts where age is above zero; height does not."""

    def forward(self, x):
        return (3 * x[:, 1] + 2 * x[:, 3] * (x[:, 0] > 0)).unsqueeze(1)


@pytest.fixture(scope="module")
def table():
    torch.manual_seed(0)
    return interpret.explain(Rule(), torch.randn(40, 4), "exact_shapley", background=torch.randn(20, 4))


@pytest.fixture(autouse=True)
def closing():
    yield
    plt.close("all")


def widths(axes):
    """Lengths of what is drawn to the right (positive) and left (negative) in a waterfall or a bar plot."""
    found = [patch.get_width() for patch in axes.patches if hasattr(patch, "get_width")]
    return [width for width in found if width]


def points(axes):
    """The offsets of every point of every scatter."""
    return np.concatenate([np.asarray(c.get_offsets()) for c in axes.collections if len(c.get_offsets())])


def test_the_waterfall_of_shap_draws_our_scores(table):
    given = table.to_shap(NAMES)
    shap.plots.waterfall(given[3], show=False)
    axes = plt.gcf().axes[0]
    said = {float(text.get_text().replace("\N{MINUS SIGN}", "-")) for text in axes.texts if text.get_text()}
    assert said >= {round(v, 2) for v in table.scores[3].double().tolist()}
    labels = [tick.get_text() for tick in axes.get_yticklabels()]
    assert any("<b>income</b>" in label for label in labels)


def test_the_bar_of_shap_draws_our_mean_sizes(table):
    shap.plots.bar(table.to_shap(NAMES), show=False)
    drawn = sorted(widths(plt.gca()))
    assert drawn == pytest.approx(sorted(v for v in table.scores.abs().mean(0).tolist() if v), rel=1e-6)


def test_the_beeswarm_of_shap_draws_a_point_for_every_score(table):
    shap.plots.beeswarm(table.to_shap(NAMES), show=False)
    drawn = np.sort(points(plt.gcf().axes[0])[:, 0])
    assert np.allclose(drawn, np.sort(table.scores.flatten().numpy()), atol=1e-6)


def test_the_scatter_of_shap_draws_values_against_scores(table):
    given = table.to_shap(NAMES)
    shap.plots.scatter(given[:, "debt"], color=given, show=False, x_jitter=0)
    drawn = points(plt.gcf().axes[0])
    drawn = drawn[np.argsort(drawn[:, 0])][-40:]
    x, y = table.features["x"][:, 3].numpy(), table.scores[:, 3].numpy()
    order = np.argsort(x)
    assert np.allclose(drawn[:, 0], x[order], atol=1e-6)
    assert np.allclose(drawn[:, 1], y[order], atol=1e-6)


def test_the_decision_plot_of_shap_ends_at_the_models_scores(table):
    given = table.to_shap(NAMES)
    shap.plots.decision(float(given.base_values[0]), given.values, given.data, NAMES, show=False)
    ends = [line.get_xdata()[-1] for line in plt.gca().lines if len(line.get_xdata()) == 5]
    assert np.allclose(np.sort(ends), np.sort((table.base + table.difference).numpy()), atol=1e-5)


def test_the_force_plot_of_shap_carries_our_scores(table):
    drawn = shap.plots.force(table.to_shap(NAMES)[5])
    assert {int(i): f["effect"] for i, f in drawn.data["features"].items()} == {
        i: pytest.approx(v) for i, v in enumerate(table.scores[5].tolist()) if v
    }
    assert drawn.data["outValue"] == pytest.approx(float(table.base[5] + table.difference[5]), rel=1e-5)


class Words:
    all_special_tokens = ()

    def convert_ids_to_tokens(self, i):
        return ["good", "bad", "film", "<i>"][i]

    def decode(self, ids):
        return f" {self.convert_ids_to_tokens(ids[0])}"


class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(4, 1)
        self.embedding.weight.data = torch.tensor([[2.0], [-1.0], [0.1], [0.05]])

    def forward(self, tokens):
        return self.embedding(tokens).sum(1)


def test_the_text_plot_of_shap_draws_our_tokens():
    found = interpret.explain(Reader(), torch.tensor([[0, 2, 1]]), reference=3)
    given = found.to_shap(processor=Words())
    html = shap.plots.text(given[0], display=False)
    figures = r"font-size: 12px;'>(-?[\d.]+)</div.*?> (\w+)</div>"
    drawn = {word: float(v) for v, word in re.findall(figures, html, re.DOTALL)}
    scores = dict(zip(("good", "film", "bad"), found.scores[0].tolist(), strict=True))
    assert drawn == pytest.approx(scores, abs=0.006)
    assert [str(word).strip() for word in given.data[0]] == ["good", "film", "bad"]
    assert given.feature_names == [" good", " film", " bad"]


def test_the_image_plot_of_shap_draws_our_pixels():
    torch.manual_seed(0)
    pictures = torch.randn(2, 3, 8, 8)
    model = nn.Sequential(nn.Flatten(), nn.Linear(192, 2))
    found = interpret.explain(model, pictures, target=1)
    shap.plots.image(found.to_shap(), show=False)
    axes = [axes for axes in plt.gcf().axes if len(axes.images) == 2]
    drawn = np.stack([np.asarray(one.images[1].get_array()) for one in axes])
    assert np.allclose(drawn, found.scores.sum(1).numpy(), atol=1e-6)
    inputs = [np.asarray(one.images[0].get_array()) for one in plt.gcf().axes if len(one.images) == 1][:2]
    assert min(image.min() for image in inputs) == 0
    assert max(image.max() for image in inputs) == 1


@pytest.mark.parametrize("plot", ["waterfall", "bar", "beeswarm", "scatter", "heatmap", "violin"])
def test_a_series_is_laid_out_flat_for_every_plot(plot):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(6, 1))
    given = interpret.explain(model, torch.randn(12, 3, 2)).to_shap(["east", "west"])
    assert given.feature_names[:3] == ["east 0", "west 0", "east 1"]
    one = given[0] if plot == "waterfall" else given[:, 0] if plot == "scatter" else given
    getattr(shap.plots, plot)(one, show=False)
    assert plt.gcf().axes


# Theirs as ours


@pytest.fixture(scope="module")
def theirs():
    torch.manual_seed(0)
    model, background, x = Rule(), torch.randn(20, 4).numpy(), torch.randn(15, 4).numpy()

    def run(rows):
        return model(torch.from_numpy(rows.astype(np.float32)))[:, 0].numpy()

    return shap.explainers.Exact(run, shap.maskers.Independent(background))(x), run(x)


def test_shaps_values_are_ours_and_are_checked_against_the_models_output(theirs):
    given, output = theirs
    found = interpret.from_shap(given, output)
    assert np.array_equal(found.scores.numpy(), given.values)
    assert float(found.relative_gap.max()) < 1e-5
    assert found.converged
    assert found.warnings == ()
    wrong = interpret.from_shap(given, output + 5)
    assert float(wrong.relative_gap.min()) > 0.4
    assert not wrong.converged
    assert "miss the change they should add up to" in wrong.doubt
    unknown = interpret.from_shap(given)
    assert bool(unknown.relative_gap.isnan().all())
    assert "pass it as output=" in unknown.doubt


def test_shaps_exact_values_are_those_of_our_exact_method(theirs):
    given, _ = theirs
    torch.manual_seed(0)
    background = torch.randn(20, 4)
    ours = interpret.explain(Rule(), torch.from_numpy(given.data), "exact_shapley", background=background)
    assert np.allclose(ours.scores.numpy(), given.values, atol=1e-5)


def test_there_and_back_nothing_changes(table):
    back = interpret.from_shap(table.to_shap(NAMES), table.base + table.difference)
    assert torch.equal(back.scores.float(), table.scores)
    assert torch.equal(back.features["input"], table.features["x"])
    assert back.names == tuple(NAMES)
    assert np.array_equal(back.to_shap().values, table.to_shap().values)
    one = interpret.from_shap(table.to_shap(NAMES)[2])
    assert one.scores.shape == (1, 4)
    assert float(one.base) == pytest.approx(float(table.base[2]))


def test_pictures_come_back_with_their_channels_first():
    found = interpret.explain(nn.Sequential(nn.Flatten(), nn.Linear(48, 2)), torch.rand(2, 3, 4, 4), target=0)
    back = interpret.from_shap(found.to_shap())
    assert torch.equal(back.scores.float(), found.scores)
    assert torch.equal(back.features["input"], found.features["input"])


def test_several_outputs_and_misfits_are_one_sentence(theirs, table):
    given, output = theirs
    many = shap.Explanation(np.zeros((3, 4, 2)), base_values=np.zeros((3, 2)))
    with pytest.raises(DataError, match="holds 2 outputs"):
        interpret.from_shap(many)
    assert interpret.from_shap(many[..., 1]).scores.shape == (3, 4)
    with pytest.raises(DataError, match="output has 3 scores and 15 examples"):
        interpret.from_shap(given, output[:3])
    with pytest.raises(DataError, match="2 names were given for 4 columns"):
        table.to_shap(["a", "b"])


# Our charts, of ours and of theirs


def test_our_charts_draw_the_scores_of_theirs(theirs):
    given, output = theirs
    found = interpret.from_shap(given, output)
    charts = found.charts
    waterfall = charts.waterfall(4).data[0]
    assert waterfall.base + sum(waterfall.x) == pytest.approx(output[4])
    assert sorted(waterfall.x) == pytest.approx(sorted(given.values[4]))
    bars = charts.bar().data[0]
    assert sorted(bars.x) == pytest.approx(sorted(np.abs(given.values).mean(0)))
    dots = np.concatenate([trace.x for trace in charts.beeswarm().data])
    assert np.allclose(np.sort(dots), np.sort(given.values.ravel()))
    scatter = charts.scatter(3).data[0]
    assert np.allclose(scatter.x, given.data[:, 3])
    assert np.allclose(scatter.y, given.values[:, 3])
    assert np.allclose([line.x[-1] for line in charts.decision().data], output)
    pushed = charts.force(4).data
    assert sorted(-v for trace in pushed for v in trace.x) == pytest.approx(sorted(v for v in given.values[4] if v))


def test_charts_escape_names_and_add_up_what_is_beyond_the_most():
    scores = np.linspace(1, 20, 20)[None]
    found = interpret.from_shap(
        shap.Explanation(scores, np.zeros(1), feature_names=["<b>"] + [f"c{i}" for i in range(19)])
    )
    chart = found.charts.waterfall(0, most=4).data[0]
    assert chart.y[0] == "16 others"
    assert chart.x[0] == pytest.approx(scores[0, :16].sum())
    assert "<b>" not in json.dumps(found.charts.bar(most=20).to_plotly_json(), default=list)
    with pytest.raises(DataError, match="no example 1"):
        found.charts.waterfall(1)


def test_a_map_of_slopes_is_not_added_up():
    found = interpret.explain(nn.Linear(3, 1), torch.randn(4, 3), "gradient")
    with pytest.raises(DataError, match="gives slopes"):
        found.charts.bar()


def test_the_partner_of_a_column_is_the_one_that_shap_finds():
    random = np.random.default_rng(0)
    for _ in range(5):
        values = random.normal(size=(200, 5))
        scores = values * random.normal(size=5)
        scores[:, 2] *= values[:, 4]
        assert partner(scores, values, 2) == 4
        for column in range(5):
            theirs = shap.utils.approximate_interactions(column, scores, values)
            mine = partner(scores, values, column)
            assert mine is not None
            assert mine == theirs[0]
    assert list(importance(np.array([[0.0, -3.0, 1.0]]))) == [1, 2, 0]
    assert partner(np.zeros((4, 2)), np.zeros((4, 2)), 0) is None

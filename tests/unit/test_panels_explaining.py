"""The tabs Saliency and SHAP on models whose answer is known: what can be turned, what is refused, what is drawn."""

import numpy as np
import pytest
import torch
from torch import nn

from workbench import data, interpret, panels

NAMES = ["age", "<b>income</b>", "height", "debt"]


class Rule(nn.Module):
    """Income counts, debt counts where age is above zero; height does not."""

    def forward(self, x):
        return (3 * x[:, 1] + 2 * x[:, 3] * (x[:, 0] > 0)).unsqueeze(1)


class Words:
    all_special_tokens = ("[MASK]",)
    mask_token_id, mask_token = 4, "[MASK]"

    def __call__(self, text, **_):
        known = ["good", "bad", "film", "<i>", "[MASK]"]
        return {"tokens": torch.tensor([[known.index(word) for word in text.split()]])}

    def convert_ids_to_tokens(self, i):
        return ["good", "bad", "film", "<i>", "[MASK]"][i]

    def decode(self, ids):
        return self.convert_ids_to_tokens(ids[0])


class Reader(nn.Module):
    """Good and bad are worth a point each; they are worth nothing beside each other."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(5, 2)
        self.embedding.weight.data = torch.tensor([[3.0, 0.0], [-1.0, 2.0], [0.1, 0.1], [0.05, 0.0], [0.0, 0.1]])

    def forward(self, tokens):
        return self.embedding(tokens).sum(1)


@pytest.fixture
def closing():
    made = []
    yield lambda panel: made.append(panel) or panel
    for panel in made:
        panel.close()


@pytest.fixture
def table(closing):
    torch.manual_seed(0)
    return closing(panels.attach(Rule(), torch.randn(20, 4), columns=NAMES))


def unpacked(frame, name):
    packed = frame["arrays"][name]
    return np.frombuffer(packed["data"], packed["dtype"]).reshape(packed["shape"])


def facts(frame):
    return dict(map(tuple, frame["meta"]["facts"]))


def shows_the_same(panel, **variables):
    known = {"__name__": "__main__", **variables}
    exec(panel.frame["cell"], known)
    again = known["inspector"]
    try:
        assert again.frame["arrays"] == panel.frame["arrays"]
        assert again.frame["meta"] == panel.frame["meta"]
    finally:
        again.close()


# Saliency: what can be turned


def test_every_method_is_offered_and_used_when_it_is_chosen(table):
    table.choose("saliency")
    offered = {one["value"] for one in table.frame["meta"]["methods"]}
    assert offered == {"auto", *interpret.attributions.names()}
    table.choose("saliency", method="kernel_shap")
    assert (
        facts(table.frame)["method"].startswith("exact Shapley values") or "KernelSHAP" in facts(table.frame)["method"]
    )
    direct = interpret.explain(table.session.model, table.session.batch, "kernel_shap")
    assert np.allclose(unpacked(table.frame, "scores"), direct.scores[0].numpy())
    assert table.frame["code"] == "wb.interpret.explain(model, inputs, 'kernel_shap')"


def test_a_reference_is_changed_in_place_and_the_code_gives_the_same_scores(table):
    table.choose("saliency", method="exact_shapley", reference="zero")
    assert facts(table.frame)["compared with"] == "the constant 0"
    known = {"wb": __import__("workbench"), "model": table.session.model, "inputs": table.session.batch}
    found = eval(table.frame["code"], known)
    assert np.allclose(unpacked(table.frame, "scores"), found.scores[0].numpy())
    table.choose("saliency", reference="examples")
    assert facts(table.frame)["compared with"] == "the 20 background examples"
    shows_the_same(table, model=table.session.model, inputs=table.session.batch, columns=NAMES)


def test_a_method_that_does_not_apply_names_itself_and_what_was_used_instead(table):
    table.choose("saliency", method="grad_cam")
    said = [doubt["text"] for doubt in table.frame["doubts"]]
    assert any(text.startswith("Grad-CAM was not used: ") and ". Used instead: " in text for text in said)
    assert table.frame["meta"]["method"] == "grad_cam"
    assert unpacked(table.frame, "scores").any()


def test_scores_that_do_not_add_up_by_design_say_so(table):
    table.choose("saliency", method="gradient")
    assert table.frame["meta"]["gap"] == {
        "level": "warn",
        "text": "gradient gives slopes, which add up to nothing",
    }


def test_a_layer_is_offered_where_the_method_takes_one(closing):
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.Flatten(), nn.Linear(144, 10)
    )
    panel = closing(panels.attach(model, data.load("digits"))).choose("saliency", method="grad_cam")
    assert [one["value"] for one in panel.frame["meta"]["layers"]] == ["", "0", "2"]
    assert facts(panel.frame)["method"].endswith("maps of 6x6 at 2")
    panel.choose("saliency", layer="0")
    assert facts(panel.frame)["method"].endswith("maps of 8x8 at 0")
    assert not panel.frame["meta"]["signed"]
    assert "method='grad_cam', layer='0'" in panel.frame["cell"]
    panel.choose("saliency", method="integrated_gradients")
    assert panel.frame["meta"]["layers"] == []


@pytest.mark.parametrize("wish", [{"method": "x"}, {"method": 3}, {"reference": "x"}, {"layer": [1]}, {"target": "x"}])
def test_nonsense_turns_nothing(table, wish):
    table.choose("saliency")
    before = unpacked(table.frame, "scores").tobytes()
    table.show({"tab": "saliency", "part": wish})
    assert unpacked(table.detail, "scores").tobytes() == before


def test_tokens_are_compared_with_the_mask_that_is_asked_for(closing):
    panel = closing(panels.attach(Reader(), "good film bad", processor=Words())).choose("saliency", reference="mask")
    scores = unpacked(panel.frame, "scores")
    weight = panel.session.model.embedding.weight.detach().numpy()
    assert np.allclose(scores, [weight[i, 0] - weight[4, 0] for i in (0, 2, 1)], atol=1e-5)
    assert panel.frame["code"].endswith(", reference=4)")


def test_methods_are_compared_one_after_the_other(table):
    seen = []
    table.choose("saliency")
    table.observe(lambda change: seen.append(change["new"]), "detail")
    table.show({"tab": "saliency", "part": {"compare": 1}})
    counts = [len(frame["meta"]["agree"]["methods"]) for frame in seen if "agree" in frame["meta"]]
    assert counts == sorted(counts)
    assert 4 <= counts[-1] <= 8
    matrix = unpacked(seen[-1], "agree")
    assert np.allclose(matrix, matrix.T, equal_nan=True)
    # Of a rule that is linear in all but one place, whatever gives contributions ranks the columns alike.
    names = seen[-1]["meta"]["agree"]["methods"]
    assert matrix[0, names.index("permutation Shapley values")] > 0.7
    assert "compare=1" in seen[-1]["cell"]
    table.show({"tab": "saliency", "part": {"compare": 0}})
    assert "agree" not in table.detail["meta"]


class Counting(nn.Module):
    """A language model that says the number behind the last one, and hears nothing else."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(60, 60)
        self.embedding.weight.data = torch.eye(60)
        self.lm_head = nn.Linear(60, 60, bias=False)
        self.lm_head.weight.data = torch.roll(torch.eye(60), 1, 0)

    def can_generate(self):
        return True

    def forward(self, input_ids, attention_mask):
        assert attention_mask.shape == input_ids.shape
        return self.lm_head(self.embedding(input_ids))


class Numbers:
    all_special_tokens = ()

    def __call__(self, text, **_):
        ids = torch.tensor([[int(word) for word in text.split()]])
        return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}

    def convert_ids_to_tokens(self, i):
        return f"n{i}"

    def decode(self, ids):
        return f"n{ids[0]}"


def test_generation_is_explained_step_by_step(closing):
    panel = closing(panels.attach(Counting(), "3 7 20", processor=Numbers())).choose("saliency")
    assert panel.frame["meta"]["next"]["tokens"] == ["n21"]
    assert np.flatnonzero(np.abs(unpacked(panel.frame, "scores")) > 1e-6).tolist() == [2]
    panel.choose("saliency", step=2)
    meta = panel.frame["meta"]
    assert meta["next"]["tokens"] == ["n21", "n22", "n23"]
    assert meta["labels"] == ["n3", "n7", "n20", "n21", "n22"]
    assert meta["target"].endswith(": n23")
    assert np.flatnonzero(np.abs(unpacked(panel.frame, "scores")) > 1e-6).tolist() == [4]
    shows_the_same(panel, model=panel.session.model, inputs=None, processor=Numbers())
    panel.look("5 6")
    assert panel.frame["meta"]["labels"] == ["n5", "n6", "n7", "n8"]
    panel.show({"tab": "saliency", "part": {"step": 0}})
    assert panel.detail["meta"]["labels"] == ["n5", "n6"]


def test_a_classifier_generates_nothing(table):
    table.choose("saliency", step=3)
    assert table.frame["meta"]["next"] == {}
    assert "step" not in table.frame["cell"]


# Kinds of input


def test_a_series_is_a_trace_and_a_large_map_a_spectrogram(closing):
    class Last(nn.Module):
        def forward(self, x):
            return x[:, -1, 0:1] if x.shape[1] == 12 else x[:, 3, 4:5]

    torch.manual_seed(0)
    series = closing(panels.attach(Last(), torch.randn(2, 12, 3), columns=["x", "y", "z"])).choose("saliency")
    assert series.frame["meta"]["kind"] == "trace"
    assert series.frame["meta"]["labels"] == ["x", "y", "z"]
    scores = unpacked(series.frame, "scores")
    assert scores.shape == (3, 12)
    assert np.flatnonzero(scores.ravel()).tolist() == [11]
    assert [row[:2] for row in series.table().rows if row[2]] == [(0, 11)]
    spectral = closing(panels.attach(Last(), torch.rand(1, 20, 40))).choose("saliency")
    assert spectral.frame["meta"]["kind"] == "pixels"
    assert spectral.frame["arrays"]["image"]["shape"] == [20, 40, 3]
    assert np.argwhere(unpacked(spectral.frame, "scores")).tolist() == [[3, 4]]


@pytest.mark.parametrize("axis", [1, 2])
def test_a_video_is_drawn_frame_by_frame(closing, axis):
    class Third(nn.Module):
        def forward(self, x):
            frames = x if axis == 1 else x.transpose(1, 2)
            return frames[:, 2, :, 1, 1].sum(1, keepdim=True)

    torch.manual_seed(0)
    shape = (1, 5, 3, 6, 6) if axis == 1 else (1, 3, 5, 6, 6)
    panel = closing(panels.attach(Third(), torch.rand(shape))).choose("saliency", method="integrated_gradients")
    assert panel.frame["meta"]["kind"] == "frames"
    assert panel.frame["arrays"]["image"]["shape"] == [5, 6, 6, 3]
    assert np.argwhere(np.abs(unpacked(panel.frame, "scores")) > 1e-6).tolist() == [[2, 1, 1]]


def test_a_graph_has_places_and_edges(closing):
    class OnEdges(nn.Module):
        def forward(self, x, edge_index):
            return x + torch.zeros_like(x).index_add(0, edge_index[1], x[edge_index[0]])

    torch.manual_seed(0)
    graph = {"x": torch.rand(5, 3), "edge_index": torch.tensor([[0, 2, 2, 4, 1], [2, 0, 4, 2, 3]])}
    panel = closing(panels.attach(OnEdges(), graph)).choose("saliency").look(node=1)
    places = unpacked(panel.frame, "places")
    assert places.shape == (5, 2)
    assert places.min() == 0
    assert places.max() == 1
    assert np.array_equal(unpacked(panel.frame, "edges"), graph["edge_index"].numpy())

    def apart(a, b):
        return float(np.linalg.norm(places[a] - places[b]))

    assert max(apart(0, 2), apart(2, 4), apart(1, 3)) < min(apart(0, 1), apart(0, 3), apart(1, 4))


# SHAP


def test_the_rows_of_a_table_add_up_and_the_rule_is_found(table):
    table.choose("shap")
    frame, model, x = table.frame, table.session.model, table.session.batch.inputs[0]
    scores, base = unpacked(frame, "scores"), unpacked(frame, "base")
    assert scores.shape == (20, 4)
    assert np.allclose(base + scores.sum(1), model(x)[:, 0].numpy(), atol=1e-4)
    names = frame["meta"]["names"]
    assert names == NAMES
    assert names[unpacked(frame, "order")[0]] == "<b>income</b>"
    assert not np.abs(scores[:, 2]).max() > 1e-5
    table.choose("shap", feature=3)
    assert table.frame["meta"]["names"][table.frame["meta"]["other"]] == "age"


def test_a_feature_and_an_example_are_pointed_at_and_the_cell_shows_the_same(table):
    table.choose("shap", feature=3, example=7)
    assert (table.frame["meta"]["feature"], table.frame["meta"]["example"]) == (3, 7)
    assert table.frame["cell"].endswith("inspector.choose('shap', feature=3, example=7)")
    shows_the_same(table, model=table.session.model, inputs=table.session.batch.inputs[0], columns=NAMES)


def test_a_data_set_gives_its_examples_and_a_background(closing):
    torch.manual_seed(0)
    panel = closing(panels.attach(nn.Linear(13, 3), data.load("wine"))).choose("shap")
    scores = unpacked(panel.frame, "scores")
    assert scores.shape == (1 + len(panel.frame["meta"]["places"]), 13)
    assert len(scores) > 20
    assert facts(panel.frame)["compared with"] == "the 16 background examples"
    # Of a linear model the score of a column is its weight times what differs from the mean of the background.
    slope = [np.polyfit(unpacked(panel.frame, "values")[:, i], scores[:, i], 1)[0] for i in range(13)]
    chosen = int(panel.session.output[0].argmax())
    assert np.allclose(slope, panel.session.model.weight[chosen].detach().numpy(), atol=1e-3)
    panel.look(example=3)
    assert panel.frame["meta"]["example"] == 0
    assert np.allclose(unpacked(panel.frame, "values")[0], panel.session.batch.inputs[0][3].numpy())


def test_text_has_a_text_plot_and_a_token_is_chosen_in_both_tabs(closing):
    panel = closing(panels.attach(Reader(), "good film bad", processor=Words())).choose("shap")
    assert panel.frame["meta"]["plot"]["labels"] == ["good", "film", "bad"]
    assert np.allclose(unpacked(panel.frame, "plot_scores"), unpacked(panel.frame, "scores")[0], atol=1e-6)
    panel.show({"tab": "shap", "part": {"feature": 2}})
    panel.choose("saliency")
    assert panel.frame["meta"]["token"] == 2
    shows_the_same(panel, model=panel.session.model, inputs=None, processor=Words())


def test_features_that_still_share_a_score_are_not_called_sound(closing, monkeypatch):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(256, 3))
    fresh = closing(panels.attach(model, torch.rand(1, 1, 16, 16)))
    monkeypatch.setattr("workbench.panels.page.base.DESK.waits", lambda asker: True)
    fresh.show({"tab": "shap", "part": {"method": "partition_shap"}})
    assert fresh.detail["meta"]["gap"]["level"] == "warn"
    assert "not yet feature by feature" in fresh.detail["meta"]["gap"]["text"]
    monkeypatch.undo()
    words = closing(panels.attach(Reader(), "good film bad", processor=Words())).choose("shap", method="partition_shap")
    assert words.frame["meta"]["gap"]["level"] == "good"


def test_a_picture_has_patches(closing):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 3))
    panel = closing(panels.attach(model, torch.rand(1, 1, 8, 8))).choose("shap")
    names = panel.frame["meta"]["names"]
    assert names[0] == "row 0, column 0"
    assert len(names) == unpacked(panel.frame, "scores").shape[1]
    total = unpacked(panel.frame, "plot_scores").sum()
    assert total == pytest.approx(unpacked(panel.frame, "scores").sum(), abs=1e-4)
    assert panel.view("shap").image().shape == (8, 8, 3)


def test_another_class_and_nonsense(closing):
    torch.manual_seed(0)
    panel = closing(panels.attach(nn.Linear(4, 3), torch.randn(9, 4), names=["p", "q", "r"])).choose("shap", target=2)
    assert panel.frame["meta"]["target"] == "the class that was asked for: r"
    before = unpacked(panel.frame, "scores")
    for wish in ({"target": 99}, {"method": "x"}, {"example": "x"}, {"feature": float("nan")}):
        panel.show({"tab": "shap", "part": {"target": 2, **wish} if "target" not in wish else wish})
    assert panel.detail["arrays"]["scores"]["shape"] == [9, 4]
    panel.choose("shap", target=2)
    assert np.allclose(unpacked(panel.frame, "scores"), before, atol=1e-6)  # batches are as large as memory allows


def test_the_table_of_shap_has_every_score(table):
    rows = table.choose("shap").table().rows
    assert len(rows) == 80
    assert rows[1][:2] == ("on show", "<b>income</b>")
    assert sum(row[3] for row in rows[:4]) == pytest.approx(float(unpacked(table.frame, "scores")[0].sum()), abs=1e-5)
    assert "<b>" not in table.view("shap").picture()

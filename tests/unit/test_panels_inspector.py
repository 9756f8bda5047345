"""The Inspector without a browser: what each tab says of models whose inside is known."""

import gc
import threading
import weakref

import numpy as np
import pytest
import torch
from ipywidgets.widgets.widget import _instances
from torch import nn

from workbench import data, panels
from workbench.core.errors import DataError, UnknownNameError, WorkbenchError
from workbench.core.names import names
from workbench.panels import inspector as inspector_file
from workbench.panels import views as tabs
from workbench.panels.page.desk import DESK
from workbench.panels.views._view import source, views

WORDS = ["<img src=x onerror=alert(1)>", "two", "three", "four"]


class Words:
    """A tokenizer over four words."""

    all_special_tokens = ()

    def __call__(self, text, **_):
        return {"tokens": torch.tensor([[WORDS.index(word) for word in text.split()]])}

    def convert_ids_to_tokens(self, index):
        return WORDS[index]

    def decode(self, ids):
        return WORDS[ids[0]]


class Pointing(nn.Module):
    """Attention known by construction: head 0 looks at itself, head 1 at the first position."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(4, 6)
        self.head = nn.Linear(6, 3)

    def forward(self, tokens):
        x, n = self.embedding(tokens), tokens.shape[1]
        keys = 40 * torch.eye(n).expand(len(x), 2, n, n)
        first = torch.zeros(n, dtype=torch.int64)
        queries = torch.stack([40 * torch.eye(n), 40 * torch.eye(n)[first]]).expand(len(x), 2, n, n)
        values = x[:, None].expand(-1, 2, -1, -1)
        return self.head(nn.functional.scaled_dot_product_attention(queries, keys, values).mean((1, 2)))


@pytest.fixture
def tokens():
    return torch.tensor([[0, 1, 2, 3], [3, 2, 1, 1]])


@pytest.fixture
def shown(tokens):
    panel = panels.attach(Pointing(), tokens, names=["<b>no</b>", "yes", "maybe"], processor=Words())
    yield panel
    panel.close()


def unpacked(packed):
    numbers = np.frombuffer(packed["data"], packed["dtype"]).reshape(packed["shape"])
    largest = np.iinfo(numbers.dtype).max if numbers.dtype.kind == "u" else 1
    return packed["top"] * (numbers / largest) ** packed["power"]


def test_the_header_and_the_tabs(shown):
    trained = "Pointing · 45 parameters · cpu · evaluated in eval mode; the model is in train mode"
    assert shown.about == {"name": "Pointing", "facts": trained}
    shown.session.model.eval()
    shown.choose("overview")
    assert shown.about["facts"] == "Pointing · 45 parameters · cpu · eval"
    assert [tab["title"] for tab in shown.tabs] == ["Overview", "Diagram", "Attention", "Saliency", "SHAP"]
    assert shown.frame["wish"] == {"tab": "overview"}


def test_the_overview_counts_parameters_of_every_module(shown):
    rows = {row["path"]: row for row in shown.frame["meta"]["rows"]}
    assert rows[""]["parameters"] == 4 * 6 + 6 * 3 + 3
    assert rows["embedding"]["parameters"] == 24
    assert rows["head"]["output"] == "2x3"
    assert shown.frame["code"] == "wb.interpret.overview(model, inputs)"


def test_attention_is_the_known_one_head_by_head(shown):
    shown.choose("attention")
    meta = shown.frame["meta"]
    assert meta["queries"] == meta["keys"] == WORDS
    assert np.allclose(unpacked(shown.frame["arrays"]["head"]), np.eye(4), atol=1e-4)
    assert unpacked(shown.frame["arrays"]["thumbs"]).shape == (2, 4, 4)
    shown.show({"tab": "attention", "part": {"layer": 0, "head": 1}}, 5)
    first = np.zeros((4, 4))
    first[:, 0] = 1
    assert np.allclose(unpacked(shown.detail["arrays"]["head"]), first, atol=1e-4)
    facts = dict(map(tuple, shown.detail["meta"]["facts"]))
    assert facts["on the first"] == "1.00"
    assert facts["mean entropy"] == "0.00 nats"
    assert shown.frame["doubts"][0]["level"] == "good"


def test_the_code_beside_a_head_gives_the_same_figures(shown):
    import workbench as wb

    shown.show({"tab": "attention", "part": {"layer": 0, "head": 1}})
    lines = shown.detail["code"].splitlines()
    known = {"wb": wb, "model": shown.session.model, "inputs": shown.session.batch}
    exec(lines[0], known)
    found = eval(lines[1], known)
    assert np.allclose(found, unpacked(shown.detail["arrays"]["head"]), atol=1e-4)


@pytest.mark.parametrize("wish", [{"layer": 9, "head": 9}, {"layer": -3}, {"head": "x"}, {"head": float("nan")}, {}])
def test_heads_out_of_range_and_nonsense_become_a_head_that_exists(shown, wish):
    shown.show({"tab": "attention", "part": wish})
    assert shown.detail["meta"]["layer"] == 0
    assert shown.detail["meta"]["head"] in (0, 1)


def test_saliency_adds_up_and_says_by_how_much_it_misses(shown):
    shown.choose("saliency")
    frame = shown.frame
    assert frame["meta"]["kind"] == "tokens"
    assert frame["meta"]["labels"] == WORDS
    facts = dict(map(tuple, frame["meta"]["facts"]))
    assert float(facts["sum of scores"]) == pytest.approx(float(facts["score above that"]), rel=0.02, abs=1e-3)
    assert float(facts["sum of scores"]) == pytest.approx(unpacked(frame["arrays"]["scores"]).sum(), rel=1e-2, abs=1e-3)
    assert frame["doubts"][0]["level"] == "good"
    assert frame["doubts"][0]["text"].startswith("attributions add up to the change in output within ")


def test_another_class_is_explained(shown):
    shown.choose("saliency")
    texts = [choice["text"] for choice in shown.frame["meta"]["choices"]]
    assert texts[0] == "what the model chose"
    assert any(text.startswith("<b>no</b> (") for text in texts)
    shown.show({"tab": "saliency", "part": {"target": 1}})
    assert shown.detail["meta"]["target"] == "the class that was asked for: yes"
    assert shown.detail["code"].endswith("target=1)")
    shown.show({"tab": "saliency", "part": {"target": -1}})
    assert shown.detail["meta"]["target"].startswith("the predicted class")


def test_a_token_chosen_in_one_tab_is_chosen_in_the_other(shown):
    shown.show({"tab": "attention", "part": {"layer": 0, "head": 0, "query": 2}})
    shown.choose("saliency")
    assert shown.frame["meta"]["token"] == 2
    shown.show({"tab": "saliency", "part": {"token": 1}})
    shown.choose("attention")
    assert shown.frame["meta"]["query"] == 1


def test_the_next_example_is_looked_at(shown):
    shown.show({"tab": "attention", "input": {"example": 1}})
    assert shown.frame["meta"]["queries"] == ["four", "three", "two", "two"]
    assert (shown.input["text"], shown.input["example"], shown.input["examples"]) == (None, 1, 2)


def test_another_text_is_looked_at():
    panel = panels.attach(Pointing(), "two three", processor=Words())
    assert panel.input["text"] == "two three"
    panel.show({"tab": "attention", "input": {"text": "four"}})
    assert panel.frame["meta"]["queries"] == ["four"]
    assert panel.input["text"] == "four"
    panel.close()


def test_html_in_tokens_and_classes_is_escaped_where_no_widget_is_drawn(shown):
    shown.choose("attention").choose("saliency")
    drawn = shown.picture()
    assert "<img src=x" not in drawn
    assert "&lt;img src=x" in drawn
    assert "<b>no</b>" not in drawn


def test_a_page_receives_only_the_scripts_of_tabs_that_were_opened(monkeypatch, tokens):
    monkeypatch.setattr(inspector_file, "kernel_present", lambda: True)
    panel = panels.attach(Pointing(), tokens)
    assert [name for name in panel.sources if name[0] != "_"] == ["overview"]
    panel.choose("attention")
    assert panel.sources["attention"] == source("attention")
    assert "saliency" not in panel.sources
    panel.close()


def test_weights_that_changed_are_said_and_computed_again(shown):
    shown.choose("attention")
    with torch.no_grad():
        shown.session.model.head.weight.add_(1)
    shown.show({"tab": "attention", "part": {"layer": 0, "head": 0}})
    assert any("weights have changed" in doubt["text"] for doubt in shown.detail["doubts"])
    shown.choose("attention")
    assert not any("weights have changed" in doubt["text"] for doubt in shown.frame["doubts"])


class Broken(nn.Module):
    def forward(self, x):
        raise RuntimeError("broken inside")


def test_the_first_tab_raises_when_it_is_made():
    with pytest.raises(RuntimeError, match="broken inside"):
        panels.attach(Broken(), torch.ones(2, 3))


class BrokenGradient(nn.Module):
    """Runs forward and not backward, so that only the third tab fails."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 2)

    def forward(self, x):
        if x.requires_grad:
            raise ZeroDivisionError("no gradient here")
        return self.layer(x)


def test_later_errors_are_shown_and_raised_where_nobody_could_see_them(monkeypatch):
    with pytest.raises(ZeroDivisionError):
        panels.attach(BrokenGradient(), torch.ones(2, 3))
    monkeypatch.setattr(inspector_file, "kernel_present", lambda: True)
    panel = panels.attach(BrokenGradient(), torch.ones(2, 3))
    panel.wished({"tab": "saliency"}, 3)
    assert DESK.settle()
    assert panel.frame["error"] == "ZeroDivisionError: no gradient here"
    panel.wished({"tab": "overview"}, 4)
    assert DESK.settle()
    assert panel.frame["meta"]["rows"]
    panel.close()
    monkeypatch.setenv("WORKBENCH_STRICT", "1")
    with pytest.raises(ZeroDivisionError):
        panels.attach(BrokenGradient(), torch.ones(2, 3))


def test_what_does_not_apply_says_why():
    panel = panels.attach(nn.Linear(3, 2), torch.ones(2, 3)).choose("attention")
    assert "No attention was computed by Linear" in panel.frame["refused"]
    assert panel.tabs[2]["refused"] == panel.frame["refused"]
    assert panel.frame["arrays"] == {}
    panel.close()


def test_columns_of_a_table_have_their_names_and_pictures_their_pixels():
    table = panels.attach(nn.Linear(13, 3), data.load("wine")).choose("saliency")
    assert table.frame["meta"]["kind"] == "columns"
    assert "alcohol" in table.frame["meta"]["labels"]
    assert len(table.frame["meta"]["values"]) == 13
    table.close()
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    pixels = panels.attach(model, data.load("digits")).choose("saliency")
    assert pixels.frame["meta"]["kind"] == "pixels"
    assert pixels.frame["arrays"]["scores"]["shape"] == [8, 8]
    assert pixels.frame["arrays"]["image"]["shape"] == [8, 8, 3]
    # A linear model's scores are its weights times what differs from the reference, which no class changes.
    differs = []
    for target in (3, 7):
        pixels.show({"tab": "saliency", "part": {"target": target}})
        weight = model[1].weight[target].detach().reshape(8, 8).numpy()
        differs.append(unpacked(pixels.detail["arrays"]["scores"]) / weight)
    assert np.allclose(*differs, rtol=1e-3, atol=1e-4)
    pixels.close()


def test_looking_does_not_change_the_model_or_the_generator(tokens):
    model = Pointing().train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    state = torch.get_rng_state()
    panel = panels.attach(model, tokens, processor=Words()).choose("attention").choose("saliency")
    assert model.training
    assert torch.equal(state, torch.get_rng_state())
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())
    panel.close()


def test_the_model_is_collected_after_close(tokens):
    model = Pointing()
    panel = panels.attach(model, tokens, processor=Words()).choose("attention").choose("saliency")
    panel.wished({"tab": "attention", "part": {"head": 1}}, 1)
    assert DESK.settle()
    alive = weakref.ref(model)
    del model
    panel.close()
    gc.collect()
    assert alive() is None
    with pytest.raises(UnknownNameError, match="closed"):
        _ = panel.session


def test_text_without_a_tokenizer_and_unknown_tabs_are_one_sentence(shown):
    with pytest.raises(DataError, match=r"'some text' is text: pass its tokenizer as processor="):
        panels.attach(Pointing(), "some text")
    with pytest.raises(UnknownNameError, match=r"There is no tab 'atention'. Did you mean 'attention'"):
        shown.choose("atention")
    assert issubclass(DataError, WorkbenchError)


def test_tabs_are_computed_in_the_background(shown):
    seen = []
    shown.observe(lambda change: seen.append(threading.current_thread().name), "frame")
    shown.wished({"tab": "attention"}, 1)
    assert DESK.settle()
    assert seen == ["workbench-panels"]


@pytest.mark.parametrize("view", views(), ids=lambda view: view.__name__)
def test_every_view_has_a_script_of_its_name_and_a_place_of_its_own(view):
    name = view.__module__.rpartition(".")[2]
    assert name in names(tabs.__path__)
    assert source(name).count("export default") == 1
    script = "\n".join(line for line in source(name).splitlines() if not line.startswith("const style = "))
    assert len(script.encode()) <= 30_000
    assert [other.place for other in views()].count(view.place) == 1


class Swinging(nn.Module):
    """A score that swings so often that its gradients need many steps to add up."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 1)

    def forward(self, x):
        return torch.sin(400 * self.layer(x)) + self.layer(x)


def frames_of(panel, work):
    seen = []
    panel.observe(lambda change: seen.append(change["new"]), "frame")
    work()
    return seen


def method_of(frame):
    return dict(map(tuple, frame["meta"]["facts"]))["method"]


@pytest.fixture
def swinging():
    torch.manual_seed(0)
    panel = panels.attach(Swinging(), torch.randn(1, 3))
    yield panel
    panel.close()


def test_saliency_takes_more_steps_while_a_person_looks_and_then_another_method(swinging):
    seen = frames_of(swinging, lambda: swinging.choose("saliency"))
    assert [method_of(frame) for frame in seen[:2]] == [f"integrated gradients, {n} steps" for n in (16, 32)]
    assert method_of(seen[-1]) == "exact Shapley values, 8 coalitions of 3 features"
    assert [frame["meta"]["final"] for frame in seen] == [False] * (len(seen) - 1) + [True]
    assert seen[-1]["doubts"][0]["level"] == "good"
    said = seen[-1]["doubts"][1]["text"]
    assert said.startswith("integrated gradients was refused for this model: ")
    assert said.endswith(" Used instead: exact Shapley values.")
    assert not swinging.working


def test_a_newer_wish_ends_the_improving_and_a_later_one_goes_on_with_it(swinging, monkeypatch):
    monkeypatch.setattr(DESK, "waits", lambda asker: True)
    first = frames_of(swinging, lambda: swinging.choose("saliency"))
    assert len(first) == 1
    monkeypatch.undo()
    later = frames_of(swinging, lambda: swinging.choose("saliency"))
    assert method_of(later[0]) == method_of(first[0]) == "integrated gradients, 16 steps"
    assert method_of(later[1]) == "integrated gradients, 32 steps"


def test_a_person_says_that_it_is_enough(swinging, monkeypatch):
    monkeypatch.setattr(DESK, "waits", lambda asker: True)
    swinging.choose("saliency")
    monkeypatch.undo()
    swinging.show({"tab": "saliency", "part": {"stop": True}})
    assert method_of(swinging.detail) == "integrated gradients, 16 steps"
    assert swinging.detail["meta"]["final"]
    assert swinging.detail["doubts"][0]["level"] == "bad"
    swinging.show({"tab": "saliency", "part": {}})
    assert method_of(swinging.detail) == "exact Shapley values, 8 coalitions of 3 features"


def test_more_steps_than_a_person_would_wait_for_are_only_offered(swinging, monkeypatch):
    monkeypatch.setattr("workbench.panels.views.saliency.PATIENCE", 0.0)
    fresh = panels.attach(swinging.session.model, swinging.session.batch)
    seen = frames_of(fresh, lambda: fresh.choose("saliency"))
    assert len(seen) == 2
    assert any("Refresh makes it" in doubt["text"] for doubt in seen[-1]["doubts"])
    assert seen[-1]["doubts"][0]["level"] == "bad"
    assert seen[-1]["doubts"][0]["text"].startswith("attributions miss the change in output")
    fresh.close()


def test_an_inspector_that_could_not_be_made_leaves_nothing_behind():
    before, model = len(_instances), Broken()
    alive = weakref.ref(model)
    with pytest.raises(RuntimeError):
        panels.attach(model, torch.ones(2, 3))
    del model
    gc.collect()
    assert len(_instances) == before
    assert alive() is None

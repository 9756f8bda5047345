"""The app without a browser: forms, layers, what its buttons do, and that the code it shows does the same."""

import ast
import gc
import json
import time
import weakref
from typing import Literal

import pytest
import torch
from ipywidgets.widgets.widget import _instances
from pydantic import Field
from torch import nn

from workbench import tasks, zoo
from workbench.app.anatomy import anatomy
from workbench.app.choices import Training
from workbench.app.finding import Catalogue
from workbench.app.project import Project
from workbench.app.workbench import Workbench
from workbench.compression import Prune
from workbench.core.calling import call, scores
from workbench.core.config import Config
from workbench.core.errors import ConfigError, MissingExtraError, ModelError, UnknownNameError, WorkbenchError
from workbench.panels.form import fields, mistakes
from workbench.panels.page.desk import DESK
from workbench.verbs.resolving import dataset_of
from workbench.zoo import _badges

DIGITS = {"entry": "cnn", "task": "digits_classes", "values": {"filters": 2, "stages": 2}}
NASTY = ["<img src=x onerror=alert(1)>", '"; import os', "a\nb", "\u202eabc", "__class__", ""]


class Every(Config):
    """One field of each kind."""

    closed: int = Field(default=2, ge=1, le=9)
    """both ends"""
    inside: int = Field(default=2, gt=0, lt=9)
    """neither end"""
    huge: int = Field(default=2, ge=1, le=1_000_000)
    """far ends"""
    share: float = Field(default=0.5, ge=0, lt=1)
    """below one"""
    rate: float = Field(default=0.5, gt=0, le=1)
    """above zero"""
    free: int = Field(default=2, ge=0)
    """no upper end"""
    maybe: float | None = Field(default=None, gt=0)
    """or nothing"""
    way: Literal["up", "down"] = "up"
    """one of two"""
    on: bool = True
    """yes or no"""
    other: Training = Training()
    """a config"""


def app_on(**namespace):
    return Workbench("cnn", namespace=namespace)


def wish(app, step="build", **choices):
    app.panel.show({"step": step, "choices": {**app.panel.frame["meta"]["choices"], **choices}})
    return app.panel.frame["meta"]


def executed(code, **namespace):
    exec(compile(code, "cell", "exec"), namespace)
    return namespace


def same(a, b):
    left, right = a.state_dict(), b.state_dict()
    return list(left) == list(right) and all(torch.equal(left[name], right[name]) for name in left)


def refused(kind, name, value):
    """Why the range of a field refuses a value; a rule between fields may refuse it too, and is not meant."""
    try:
        kind(**{name: value})
    except ConfigError as error:
        return mistakes(kind, str(error)).get(name, "")
    return ""


@pytest.fixture
def app():
    made = app_on()
    wish(made, **DIGITS)
    yield made
    made.close()


# Forms


def test_each_kind_of_field_gets_its_control_with_range_and_help():
    drawn = {field["name"]: field for field in fields(Every, Every().model_dump())}
    assert {name: field["control"] for name, field in drawn.items()} == {
        **dict.fromkeys(("closed", "inside", "huge", "share", "rate", "free", "maybe"), "number"),
        "way": "choice",
        "on": "check",
    }
    assert drawn["share"]["range"] == "from 0 below 1"
    assert drawn["share"]["help"] == "below one"
    assert drawn["free"]["slider"] is None
    assert drawn["maybe"]["optional"]
    assert drawn["huge"]["slider"]["log"]
    assert not drawn["closed"]["slider"]["log"]
    assert {f["name"]: f["slider"] for f in fields(Training, {})}["seed"] is None
    assert drawn["way"]["choices"] == ["up", "down"]


@pytest.mark.parametrize("kind", [Every, Training, Prune, *(zoo.entry(name).config for name in zoo.names())])
def test_both_ends_of_every_slider_are_allowed(kind):
    for field in fields(kind, kind().model_dump()):
        for end in ("low", "high") if field.get("slider") else ():
            value = field["slider"][end]
            assert refused(kind, field["name"], value) == ""


def test_mistakes_stand_under_their_fields():
    with pytest.raises(ConfigError) as caught:
        Every(closed=99, share=2)
    said = mistakes(Every, str(caught.value))
    assert set(said) == {"closed", "share"}
    assert "99" in said["closed"]
    assert "99" not in said["share"]
    assert said["closed"].startswith("Input should be less than")
    assert mistakes(Every, "Every: the two do not fit.", "rate") == {"rate": "The two do not fit."}
    assert mistakes(Every, "Nothing fits.", "unknown") == {"": "Nothing fits."}


# Layers


@pytest.mark.parametrize("name", zoo.names())
def test_layers_before_building_are_those_of_the_model(name):
    architecture = zoo.entry(name)
    data = dataset_of(architecture.recipe.task)
    config = architecture.configure(data, preset="tiny")
    seen = anatomy(architecture, config, data.sample_batch(1))
    model = architecture.initialised(config, seed=0).eval()
    inputs = architecture.examples(config, 1) if architecture.examples else data.sample_batch(1)
    shapes = {}
    for path, module in model.named_modules():
        module.register_forward_hook(lambda _m, _i, out, path=path: shapes.update({path: out}))
    with torch.no_grad():
        call(model, inputs)
    assert seen.parameters == sum(p.numel() for p in model.parameters())
    assert seen.note == ""
    assert seen.layers
    for layer in seen.layers:
        assert layer.parameters == sum(p.numel() for p in model.get_submodule(layer.path).parameters())
        if layer.output:
            real = scores(shapes[layer.path]).shape
            assert [int(n) for n in layer.output.replace("B", "1").split(" \N{MULTIPLICATION SIGN} ")] == list(real)


def test_flops_are_twice_the_products():
    architecture = zoo.entry("cnn")
    config = architecture.config(height=8, width=8, filters=2, stages=1, classes=3)
    seen = anatomy(architecture, config, dataset_of("digits").sample_batch(1))
    assert seen.flops == 2 * (8 * 8 * 2 * 9 + 2 * 4 * 4 * 3)


def test_a_large_model_is_called_without_its_weights(monkeypatch):
    architecture, inputs = zoo.entry("cnn"), dataset_of("digits").sample_batch(1)
    config = architecture.config(height=8, width=8, filters=256, stages=3)
    monkeypatch.setattr(type(architecture), "initialised", lambda *_, **__: pytest.fail("it was built"))
    large = anatomy(architecture, config, inputs)
    assert large.parameters > 3_000_000
    assert large.flops == 2 * 9 * (64 * 256 + 16 * 256 * 512 + 4 * 512 * 1024) + 2 * 1024 * 10
    assert large.layers[-1].output == "B \N{MULTIPLICATION SIGN} 10"


def test_looking_at_layers_leaves_the_generator_alone():
    before = torch.get_rng_state()
    anatomy(zoo.entry("gat"), zoo.entry("gat").config(), None)
    anatomy(
        zoo.entry("char_gpt"), zoo.entry("char_gpt").config(length=8, vocab=5), dataset_of("digits").sample_batch(1)
    )
    assert torch.equal(before, torch.get_rng_state())


# Build


def test_entries_are_found_by_words_of_their_paper_and_task():
    names = [entry["name"] for entry in Catalogue().found("1998 GRADIENT")]
    assert names == ["cnn"]
    assert Catalogue().found("no entry has this word") == []
    assert len(Catalogue().found()) == len(zoo.names())


def test_a_stale_claim_says_so(monkeypatch):
    monkeypatch.setattr(_badges, "key_of", lambda *_: "another")
    assert {entry["badge"] for entry in Catalogue().found()} == {"stale"}
    status, said = Catalogue().claim("cnn")
    assert status == "stale"
    assert "before the entry or a library changed" in said


def test_a_mistake_is_one_sentence_under_its_field_and_the_next_turn_mends_it(app):
    meta = wish(app, values={"filters": 0})
    assert list(meta["errors"]) == ["filters"]
    assert meta["layers"] is None
    app.panel.show({"step": "build", "choices": {**meta["choices"], "values": {"kernel": 2}}, "turned": "kernel"})
    assert "odd" in app.panel.frame["meta"]["errors"]["kernel"]
    meta = wish(app, values={"kernel": 5})
    assert meta["errors"] == {}
    assert meta["layers"]["parameters"] > 0


def test_sizes_come_from_the_data(app):
    stands = {field["name"]: field["value"] for field in wish(app)["form"]}
    assert (stands["height"], stands["width"], stands["classes"]) == (8, 8, 10)
    assert stands["filters"] == 2


def test_another_entry_comes_with_its_own_task(app):
    meta = wish(app, entry="gat", task="", values={})
    assert meta["choices"]["task"] == zoo.entry("gat").recipe.task


def test_data_of_another_kind_is_told_in_a_sentence_and_the_layers_stay(app):
    meta = wish(app, task="wine_growers", values={})
    assert "takes image" in meta["errors"]["task"]
    assert meta["layers"]["flops"] is None
    assert meta["layers"]["parameters"] > 0


def test_absent_data_is_told_in_a_sentence(app, monkeypatch):
    def absent(name):
        raise MissingExtraError(f"{name} needs its package.")

    monkeypatch.setattr("workbench.app.project.dataset_of", absent)
    meta = wish(app, task="fashion_classes", values={})
    assert meta["errors"] == {"task": "fashion_classes needs its package."}
    assert meta["layers"]["parameters"] > 0


def test_what_a_page_sends_is_checked(app):
    had = app.project.choices
    for nasty in [*NASTY, 7, None, [], {"a": 1}, float("nan")]:
        app.panel.show({"step": nasty, "choices": nasty, "turned": nasty})
        app.panel.show({"step": "build", "choices": dict.fromkeys(("entry", "task", "preset", "source"), nasty)})
        meta = app.panel.frame["meta"]
        assert meta["step"] == "build"
        assert app.project.choices.entry == had.entry
        assert app.project.choices.task in tasks.names()
        wish(app, values={str(nasty): 1, "filters": nasty}, passes={str(nasty): {}}, training=nasty)
        assert app.project.choices.passes == {}
    wish(app, **DIGITS, training={}, search="")
    assert app.panel.frame["meta"]["errors"] == {}


def test_an_unknown_entry_is_told_before_anything_is_shown():
    with pytest.raises(UnknownNameError, match="cnn"):
        Workbench("cn", namespace={})


# Train, compress, inspect: and their code


def test_the_code_of_build_builds_the_same_model(app):
    wish(app, training={"seed": 3}, preset="tiny", values={"filters": 5})
    assert same(executed(app.code("build"))["model"], app.project.model())
    assert app.project.model() is app.project.model()


def test_the_code_of_train_trains_the_same_model(app):
    wish(app, "train", training={"steps": 6, "seed": 2})
    app.panel.act({"do": "train", "step": "train"}).join(60)
    run = app.project.run
    assert run.status == "done"
    assert run.progress.step == 6
    ran = executed(app.code("train"))
    assert same(ran["model"], app.project.model())
    assert app.panel.frame["meta"]["trained"] == "run done, step 6 of 6"
    assert not app.panel.frame["meta"]["going"]
    assert app.panel.box.children == (app.panel, app.live)
    wish(app, "train", training={"steps": 9, "seed": 2})
    assert app.project.run is run, "other steps for the next run do not make this model untrained"
    assert "steps=6" in app.code("inspect")


def test_training_again_begins_anew(app):
    wish(app, "train", training={"steps": 3})
    first = app.panel.act({"do": "train", "step": "train"})
    first.join(60)
    model = app.project.model()
    app.panel.act({"do": "train", "step": "train"}).join(60)
    assert app.project.model() is not model
    assert same(app.project.model(), model)


def test_runs_of_the_app_are_overlaid_and_an_earlier_one_keeps_no_model(app):
    wish(app, training={"steps": 3})
    app.panel.act({"do": "train", "step": "train"}).join()
    first = weakref.ref(app.project.run.model)
    wish(app, "train", training={"steps": 4}, values={"filters": 3})
    app.panel.act({"do": "train", "step": "train"}).join()
    app.live.summarise()
    drawn = app.live.frame["state"]["runs"]
    assert [run["step"] for run in drawn] == [4, 3]
    assert drawn[0]["name"] == "2: cnn \N{MIDDLE DOT} filters 3 \N{MIDDLE DOT} steps 4"
    assert drawn[1]["name"] == "1: cnn \N{MIDDLE DOT} filters 2 \N{MIDDLE DOT} stages 2 \N{MIDDLE DOT} steps 3"
    gc.collect()
    assert first() is None


def test_a_run_is_stopped_and_only_one_goes_at_a_time(app):
    wish(app, "train", training={"steps": 100_000})
    going = app.panel.act({"do": "train", "step": "train"})
    assert app.panel.frame["meta"]["going"]
    app.panel.act({"do": "train", "step": "train"})
    assert "A run goes on" in app.panel.frame["error"]
    with pytest.raises(ModelError, match="goes on"):
        app.project.compress()
    app.live.wished({"do": "stop"}, 1)
    going.join(60)
    assert app.project.run.status == "stopped"
    assert "# was stopped at step" in app.code("train")
    assert not app.panel.frame["meta"]["going"]


def test_the_code_of_compress_gives_the_same_small_model(app):
    wish(app, "compress", passes={"prune": {"share": 0.5, "steps": 0}})
    assert app.panel.frame["meta"]["report"] is None
    app.panel.act({"do": "compress", "step": "compress"}).join(300)
    small = app.project.compressed
    assert small is not None
    meta = app.panel.frame["meta"]
    assert meta["report"] == [list(row) for row in small.report.rows()]
    assert meta["busy"] == ""
    assert same(executed(app.code("compress"))["small"].model, small.model)
    assert wish(app, "compress", passes={"prune": {"share": 0.25}})["report"] is None


def test_a_pass_that_fails_is_told_and_the_app_goes_on(app, monkeypatch):
    def fail(*_):
        raise ModelError("Nothing could be pruned.")

    monkeypatch.setattr("workbench.app.project.compressed_by", fail)
    wish(app, "compress", passes={"prune": {}})
    app.panel.act({"do": "compress", "step": "compress"}).join(60)
    assert app.panel.frame["error"] == "Nothing could be pruned."
    assert wish(app, "compress")["busy"] == ""
    assert "error" not in app.panel.frame


def test_the_inspector_looks_at_the_very_model(app):
    wish(app, "inspect")
    app.panel.act({"do": "inspect", "step": "inspect"})
    assert app.inspector.session.model is app.project.model()
    assert app.panel.box.children == (app.panel, app.inspector)
    assert "wb.attach(model, 'digits_classes')" in app.code("inspect")
    wish(app, "build")
    assert app.panel.box.children == (app.panel,)
    wish(app, "inspect", values={"filters": 4})
    assert app.panel.box.children == (app.panel,), "it shows another model"


def test_any_live_model_of_the_notebook_can_be_chosen():
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    namespace = {"net": net, "a b": nn.Linear(2, 2), "x": 3}
    app = Workbench("cnn", namespace=namespace)
    meta = wish(app, "train", task="digits_classes", source="net", training={"steps": 2})
    assert meta["sources"] == ["net"]
    assert app.project.model() is net
    before = net[1].weight.detach().clone()
    app.panel.act({"do": "train", "step": "train"}).join(60)
    assert app.project.run.model is net
    assert not torch.equal(before, net[1].weight)
    twin = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    twin[1].load_state_dict({"weight": before, "bias": torch.zeros(10)})
    assert "net" in executed(app.code("train"), net=twin)
    assert not torch.equal(twin[1].weight, before)
    del namespace["net"]
    with pytest.raises(ModelError, match="any more"):
        app.project.model()
    app.close()


def test_every_screen_is_plain_data(app):
    for step in ("build", "train", "compress", "inspect"):
        wish(app, step)
        json.dumps(app.panel.frame["meta"], allow_nan=False)
        assert app.panel.frame["code"].startswith("import workbench as wb\n")


# Life


def test_no_syntax_tree_is_made_behind_a_cell(app, monkeypatch):
    """Python 3.11 fails where two threads make syntax trees, and the other thread may be compiling a cell."""
    wish(app)
    monkeypatch.setattr(ast, "parse", lambda *_, **__: pytest.fail("a syntax tree was made"))
    for step in ("build", "train", "compress", "inspect"):
        wish(app, step, search="cnn", values={"filters": 6})
    assert "error" not in app.panel.frame


def test_an_error_leaves_the_screen_on_show(app, monkeypatch):
    had = wish(app)

    def fail(*_):
        raise RuntimeError("<b>broken</b>")

    monkeypatch.setattr(app.project, "models", fail)
    app.panel.show_or_tell({"step": "train"})
    assert app.panel.frame["error"] == "RuntimeError: <b>broken</b>"
    assert app.panel.frame["meta"] == had


def test_the_page_opens_before_the_layers_are_known_and_shows_them_soon(monkeypatch):
    monkeypatch.setattr("workbench.app.workbench.kernel_present", lambda: True)
    app = Workbench("cnn", namespace={})
    assert app.panel.frame["meta"]["form"]
    assert DESK.settle(120)
    assert app.panel.frame["meta"]["layers"]["parameters"] > 0
    app.close()


def test_without_a_page_there_is_the_code():
    app = app_on(**{"<b>": nn.Linear(1, 1)})
    data, _ = app._repr_mimebundle_()
    assert "wb.attach(model, 'fashion_classes')" in data["text/plain"]
    assert "application/vnd.jupyter.widget-view+json" in data
    assert data["text/html"].startswith("<pre>")
    app.close()


def test_two_apps_do_not_know_each_other(app):
    other = app_on()
    wish(other, entry="gat", task="", values={})
    assert app.project.choices.entry == "cnn"
    other.close()
    assert wish(app)["choices"]["values"] == DIGITS["values"]


def test_closing_frees_the_model_and_stops_the_run():
    widgets = set(_instances)
    app = app_on()
    wish(app, "train", **DIGITS, training={"steps": 100_000})
    going = app.panel.act({"do": "train", "step": "train"})
    wish(app, "inspect")
    app.panel.act({"do": "inspect", "step": "inspect"})
    model = weakref.ref(app.project.model())
    app.close()
    app.close()
    going.join(60)
    del going
    for _ in range(100):
        gc.collect()
        if model() is None:
            break
        time.sleep(0.05)
    assert model() is None
    assert set(_instances) <= widgets
    assert "closed" in repr(app)


def test_a_project_without_widgets_does_all_steps():
    project = Project({}, "cnn")
    project.take({**DIGITS, "training": {"steps": 2}, "passes": {"prune": {"steps": 0}}})
    assert project.train().wait().progress.step == 2
    assert project.compress().model is not project.model()
    project.take({**DIGITS, "values": {"filters": -1}})
    with pytest.raises(WorkbenchError):
        project.train()

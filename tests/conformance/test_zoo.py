"""Every entry of the zoo keeps what an entry promises, on the tiny preset and the data of its own recipe."""

import json
import math
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import get_args

import pytest
import torch
from torch import Tensor, nn

import workbench
from workbench import data, tasks, zoo
from workbench.core.calling import call
from workbench.core.errors import ConfigError, DataError, MissingExtraError
from workbench.train import Job, Objective
from workbench.verbs.resolving import Source, plan_of
from workbench.zoo import _index

NAMES = zoo.names()
PROJECT = Path(__file__).resolve().parents[2]
LARGEST_TINY = 100_000
MOST_FIELDS = 12
INSTEAD = {"fashion_mnist": "digits"}
"""data of the same kind from PyPI, where a Debian package is absent"""

pytestmark = pytest.mark.parametrize("name", NAMES)


@cache
def dataset(name):
    """The data of the entry's recipe."""
    task = tasks.load(zoo.entry(name).recipe.task)
    try:
        return data.load(task.data, **task.options)
    except MissingExtraError:
        return data.load(INSTEAD[task.data])


def tiny(name, *, seed=0, ablated=False):
    entry = zoo.entry(name)
    return entry.initialised(entry.configure(dataset(name), preset="tiny"), seed=seed, ablated=ablated)


def example(name, count=4):
    """Inputs as the model takes them."""
    entry = zoo.entry(name)
    if entry.examples is None:
        return dataset(name).sample_batch(count, "train").inputs
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return entry.examples(entry.configure(dataset(name), preset="tiny"), count)


def tensors(output):
    """All floating tensors in what a model returned."""
    if isinstance(output, Tensor):
        return [output] if output.is_floating_point() else []
    values = output.values() if isinstance(output, Mapping) else output if isinstance(output, tuple | list) else ()
    return [tensor for value in values for tensor in tensors(value)]


def answers(model, inputs):
    model.eval()
    with torch.no_grad():
        return tensors(call(model, inputs))


def job(name, model, steps=1):
    recipe = zoo.entry(name).recipe
    return Job(model=model, data=dataset(name), settings=recipe.settings, steps=steps)


def plan(name):
    recipe = zoo.entry(name).recipe
    return recipe.plan or tasks.load(recipe.task).plan


def one_sentence(error):
    text = str(error.value)
    return "\n" not in text and text.endswith(".") and 20 < len(text) < 400


def on_meta(name, **config):
    entry = zoo.entry(name)
    with torch.device("meta"):
        return entry.build(entry.configure(**config))


# ---------------------------------------------------------------- what it computes


def test_forward_and_backward_are_finite(name):
    model = tiny(name)
    found = tensors(call(model, example(name)))
    assert found
    assert all(tensor.isfinite().all() for tensor in found)
    sum(tensor.square().mean() for tensor in found).backward()
    assert all(p.grad.isfinite().all() for p in model.parameters() if p.grad is not None)


def test_the_network_without_the_idea_runs_too(name):
    if zoo.entry(name).claim.ablation is None:
        assert zoo.entry(name).claim.kind != "ablation"
        return
    found = tensors(call(tiny(name, ablated=True), example(name)))
    assert all(tensor.isfinite().all() for tensor in found)


def test_every_parameter_learns(name):
    model, how = tiny(name), plan(name)
    if not isinstance(how, Objective):  # a driver of its own: one step must move everything
        before = {path: p.detach().clone() for path, p in model.named_parameters()}
        how.driver(job(name, model, steps=2)).advance()  # a schedule may end at zero
        still = [path for path, p in model.named_parameters() if torch.equal(p, before[path])]
        assert not still
        return
    batch, reached = dataset(name).sample_batch(16, "train"), set()
    for phase in how.phases():
        model.zero_grad()
        phase.loss(model, batch)[0].backward()
        part = model.get_submodule(phase.part)
        reached |= {p for p in part.parameters() if p.grad is not None and p.grad.abs().sum() > 0}
    assert not [path for path, p in model.named_parameters() if p not in reached]


def test_state_survives_a_round_trip(name):
    one, other, inputs = tiny(name, seed=0), tiny(name, seed=1), example(name)
    assert not all(map(torch.equal, answers(one, inputs), answers(other, inputs)))
    other.load_state_dict({key: value.clone() for key, value in one.state_dict().items()}, strict=True)
    assert all(map(torch.equal, answers(one, inputs), answers(other, inputs)))


def test_an_answer_does_not_depend_on_what_stands_beside_it(name):
    model, inputs = tiny(name), example(name)
    together = answers(model, inputs)
    if not zoo.entry(name).batch_independent:
        assert "graph" in zoo.entry(name).takes, "say in this test what holds instead"
        assert_order_of_nodes_does_not_matter(model, inputs, together[0])
        return
    assert isinstance(inputs, tuple)
    for i in range(len(inputs[0])):
        alone = answers(model, tuple(value[i : i + 1] for value in inputs))
        assert all(torch.allclose(a[0], t[i], atol=1e-5) for a, t in zip(alone, together, strict=True))


def assert_order_of_nodes_does_not_matter(model, inputs, together):
    order = torch.randperm(len(inputs["x"]), generator=torch.Generator().manual_seed(0))
    place = torch.empty_like(order)
    place[order] = torch.arange(len(order))
    moved = {"x": inputs["x"][order], "edge_index": place[inputs["edge_index"]]}
    assert torch.allclose(answers(model, moved)[0], together[order], atol=1e-5)


def test_initial_weights_follow_from_the_seed_alone(name):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first = tiny(name, seed=3)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(6)
    second, third = tiny(name, seed=3), tiny(name, seed=4)
    same = [torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True)]
    other = [torch.equal(a, b) for a, b in zip(first.parameters(), third.parameters(), strict=True)]
    assert all(same)
    assert not all(other)


def test_training_follows_from_the_seed(name):
    models = [tiny(name), tiny(name)]
    for model in models:
        driver = plan(name).driver(job(name, model, steps=2))
        for _ in range(2):
            torch.manual_seed(driver.step)  # as a run does before every step
            driver.advance()
    pairs = zip(models[0].parameters(), models[1].parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


def test_nobody_has_to_say_how_it_learns(name):
    recipe = zoo.entry(name).recipe
    model = workbench.build(name, dataset(name), preset="tiny")
    task = tasks.load(recipe.task)
    for source in (Source(dataset(name), task, recipe.task), Source(dataset(name), None, task.data)):
        assert plan_of(model, source, None, None) == plan(name)


# ---------------------------------------------------------------- what it says about itself


def test_the_tiny_preset_is_tiny(name):
    assert 0 < sum(p.numel() for p in tiny(name).parameters()) <= LARGEST_TINY


def test_the_paper_is_there(name):
    paper = zoo.entry(name).paper
    assert paper.title
    assert "," in paper.authors
    assert 1943 <= paper.year <= 2100
    assert paper.arxiv or paper.venue or paper.doi
    assert paper.title in paper.bibtex()


def test_the_file_opens_with_what_it_is(name):
    card = zoo.card(name)
    assert card.title.endswith(".")
    assert str(zoo.entry(name).paper.year) in card.title + card.text, "say which paper it is from"


def test_views_name_values_that_exist(name):
    model, views = on_meta(name), zoo.entry(name).views
    for address, kind in views.items():
        assert isinstance(model.get_submodule(address), nn.Module)
        assert kind


def test_rows_are_rows_of_the_catalogue(name):
    rows = {row["id"] for row in json.loads((PROJECT / "docs/catalogue.json").read_text())["rows"]}
    assert set(zoo.entry(name).rows) <= rows


def test_the_claim_can_be_run(name):
    entry = zoo.entry(name)
    claim, recipe = entry.claim, entry.recipe
    assert type(recipe.settings) is plan(name).settings_type
    assert (recipe.steps is None) != (recipe.epochs is None)
    assert claim.rivals is not None or tasks.load(recipe.task).baselines
    assert claim.margin > 0 or claim.kind != "beats"
    assert claim.ablation is not None or claim.kind != "ablation"
    assert claim.sentence.endswith(".")


def test_the_index_is_fresh(name):
    written = json.loads(json.dumps(_index.describe(name, zoo.entry(name))))
    assert zoo.facts()[name] == written, "write it by python -m workbench.zoo._index"
    assert set(zoo.facts()) == set(NAMES)


# ---------------------------------------------------------------- what can be turned


def test_few_settings_each_with_a_sentence_and_a_range(name):
    fields = zoo.facts()[name]["fields"]
    assert 1 <= len(fields) <= MOST_FIELDS
    for field in fields:
        assert field["help"]
        if field["kind"] in ("integer", "number"):
            assert {"ge", "gt"} & set(field["bounds"]), field["name"]
            assert {"le", "lt"} & set(field["bounds"]), field["name"]


def bounds_of(name):
    """(field, value, whether it lies past the bound) for every bound of every number."""
    for field in zoo.facts()[name]["fields"]:
        whole, bounds = field["kind"] == "integer", field["bounds"]
        for bound, sign in (("ge", -1), ("le", 1)):
            if bound in bounds:
                edge = bounds[bound]
                yield field["name"], edge, False
                yield field["name"], edge + sign if whole else math.nextafter(edge, sign * math.inf), True
        for bound, sign in (("gt", -1), ("lt", 1)):
            if bound in bounds:
                edge = bounds[bound]
                yield field["name"], edge, True
                yield field["name"], edge - sign if whole else math.nextafter(edge, -sign * math.inf), False


@pytest.mark.parametrize("preset", [None, "tiny"])
def test_settings_at_their_bounds_build_or_are_refused_in_a_sentence(name, preset):
    built = 0
    for field, value, past in bounds_of(name):
        if past:
            with pytest.raises(ConfigError, match=field) as refused:
                zoo.entry(name).configure(preset=preset, **{field: value})
            assert one_sentence(refused), refused.value
            continue
        refusal = refusal_of(name, preset, field, value)
        built += not refusal
        assert not refusal or ("\n" not in refusal and refusal.endswith("."))
    assert built


def refusal_of(name, preset, field, value):
    """The sentence that refuses a setting; empty when it builds."""
    try:
        on_meta(name, preset=preset, **{field: value})
    except ConfigError as error:
        return str(error)
    return ""


def test_choices_build_and_others_are_refused(name):
    for field, info in zoo.entry(name).config.model_fields.items():
        choices = (True, False) if info.annotation is bool else get_args(info.annotation)
        for choice in choices:
            on_meta(name, **{field: choice})
        if choices:
            with pytest.raises(ConfigError, match=field):
                zoo.entry(name).configure(**{field: "no such choice"})


def test_an_unknown_setting_is_refused_with_the_nearest(name):
    field = next(iter(zoo.entry(name).config.model_fields))
    with pytest.raises(ConfigError, match=f"has no setting '{field}x'. Did you mean '{field}'"):
        zoo.entry(name).configure(**{field + "x": 1})


def test_data_of_another_kind_and_sizes_that_do_not_fit_are_refused(name):
    entry = zoo.entry(name)
    with pytest.raises(DataError, match="This architecture takes"):
        entry.configure(data.load("digits" if "image" not in entry.takes else "python_docs"))
    sized = [field["name"] for field in zoo.facts()[name]["fields"] if field.get("data")]
    assert sized
    for field in sized:
        needed = getattr(entry.configure(dataset(name), preset="tiny"), field)
        with pytest.raises(ConfigError, match=f"{field} must be (at least )?{needed}") as refused:
            entry.configure(dataset(name), preset="tiny", **{field: needed - 1})
        assert one_sentence(refused)
        if "at least" not in str(refused.value):
            with pytest.raises(ConfigError, match=f"{field} must be {needed}"):
                entry.configure(dataset(name), preset="tiny", **{field: needed + 1})


def test_the_published_form_builds(name):
    assert sum(p.numel() for p in on_meta(name, preset="paper").parameters()) > 0

"""The judge of claims: the worst seed decides, an ablation must fail, a rival must be beaten by the margin."""

import json
from dataclasses import replace

import pytest
from torch import nn

from workbench import zoo
from workbench.core.config import Config
from workbench.core.entry import Claim, Demand, Paper
from workbench.core.errors import ConfigError, UnknownNameError
from workbench.train import Settings
from workbench.verbs import verifying
from workbench.zoo import Architecture, Recipe


class NoConfig(Config):
    """Nothing to turn."""


class Own(nn.Sequential):
    """The network of the entry."""


class Ablated(nn.Sequential):
    """The same without the idea."""


def network(kind):
    return kind(nn.Flatten(), nn.Linear(64, 10))


def scripted(own, ablated=()):
    """A measure that gives these figures in turn to the network and to its ablation."""
    left = {Own: list(own), Ablated: list(ablated)}
    return lambda model, data: left[type(model)].pop(0)


@pytest.fixture
def judged(monkeypatch):
    """Verify an entry whose claim is given, with what was kept."""
    kept = []
    monkeypatch.setattr(zoo, "keep_result", lambda name, result: kept.append((name, result)))
    monkeypatch.setattr(zoo, "key_of", lambda name: "key")

    def judge(seeds=3, **claim):
        asked = {"kind": "exact", "sentence": "It works.", "metric": "figure", "threshold": 0.5} | claim
        architecture = Architecture(
            rows=(),
            config=NoConfig,
            build=lambda config: network(Own),
            takes=("image",),
            paper=Paper(title="t", authors="a", year=2000),
            recipe=Recipe(task="digits_classes", settings=Settings(), steps=1),
            claim=Claim(**({"rivals": lambda data: {"first": 0.4, "second": 0.9}} | asked)),
        )
        monkeypatch.setattr(zoo, "entry", lambda name: architecture)
        return verifying.verify("fake", seeds), kept

    return judge


def test_the_worst_seed_decides(judged):
    good, _ = judged(measure=scripted([0.9, 0.5, 0.8]))
    bad, _ = judged(measure=scripted([0.9, 0.49, 0.8]))
    assert good.holds
    assert good.worst == 0.5
    assert not bad.holds
    assert [trial.holds for trial in bad.trials] == [True, False, True]
    assert "does not hold" in str(bad)


def test_lower_can_be_better(judged):
    result, _ = judged(measure=scripted([0.2, 0.4, 0.1]), higher=False)
    assert result.holds
    assert result.worst == 0.4


def test_an_ablation_that_reaches_the_threshold_breaks_the_claim(judged):
    ablation = {"kind": "ablation", "ablation": lambda config: network(Ablated)}
    fails, _ = judged(measure=scripted([0.9] * 3, [0.1, 0.2, 0.49]), **ablation)
    works, _ = judged(measure=scripted([0.9] * 3, [0.1, 0.5, 0.2]), **ablation)
    assert fails.holds
    assert [trial.ablated for trial in fails.trials] == [0.1, 0.2, 0.49]
    assert [trial.holds for trial in works.trials] == [True, False, True]


def test_the_first_rival_must_be_beaten_by_the_margin(judged):
    figures = [0.61, 0.6, 0.65]
    assert judged(kind="beats", margin=0.15, measure=scripted(figures))[0].holds
    assert not judged(kind="beats", margin=0.22, measure=scripted(figures))[0].holds


def test_a_further_demand_must_hold_too_and_its_absence_fails_an_ablation(judged):
    def demand(figures, ablated=()):
        return (Demand(metric="diversity", measure=scripted(figures, ablated), threshold=0.5),)

    assert judged(measure=scripted([0.9] * 3), also=demand([0.5] * 3))[0].holds
    assert not judged(measure=scripted([0.9] * 3), also=demand([0.5, 0.4, 0.5]))[0].holds
    result, _ = judged(
        kind="ablation",
        ablation=lambda config: network(Ablated),
        measure=scripted([0.9] * 3, [0.9] * 3),
        also=demand([0.6] * 3, [0.1] * 3),
    )
    assert result.holds
    assert "0.9000, 0.1000" in str(result)


def test_the_tasks_own_metric_and_baselines_stand_in(judged):
    result, _ = judged(seeds=1, measure=None, rivals=None, threshold=0.0)
    assert 0 < result.trials[0].figure < 1
    assert set(result.rivals) == {"RBF-SVM", "kNN", "logistic regression"}
    assert all(figure > 0.9 for figure in result.rivals.values())


def test_seeds_give_different_networks_and_the_same_seed_the_same(judged):
    def figure():
        result, _ = judged(seeds=2, measure=None, threshold=0.0)
        return [trial.figure for trial in result.trials]

    assert figure() == figure()
    assert len(set(figure())) == 2


def test_results_are_kept_from_three_seeds_on(judged):
    _, kept = judged(seeds=2, measure=scripted([0.9] * 2))
    assert kept == []
    result, kept = judged(seeds=3, measure=scripted([0.9] * 3))
    ((name, stored),) = kept
    assert name == "fake"
    assert json.loads(json.dumps(stored)) == json.loads(json.dumps(result.to_dict()))
    assert stored["key"] == "key"
    assert stored["holds"]
    assert stored["rivals"] == {"first": 0.4, "second": 0.9}


def test_the_page_escapes_what_an_entry_says(judged):
    result, _ = judged(seeds=1, measure=scripted([0.9]), sentence="<script>", metric="<b>")
    page = replace(result, rivals={"<i>": 1.0})._repr_html_()
    assert not {"<script>", "<b>", "<i>"} & {page[i : page.find(">", i) + 1] for i in range(len(page))}


def test_what_makes_no_sense_is_refused():
    with pytest.raises(ConfigError, match="seeds=0: at least 1 is needed"):
        verifying.verify("cnn", seeds=0)
    with pytest.raises(UnknownNameError, match="Did you mean 'cnn'"):
        verifying.verify("cnnn")


def test_a_sample_is_verified_with_one_seed_each(monkeypatch):
    asked = []
    monkeypatch.setattr(verifying, "verify", lambda name, seeds: asked.append((name, seeds)))
    verifying.reverify_sample(2, seed=1)
    assert len({name for name, _ in asked}) == 2
    assert {name for name, _ in asked} <= set(zoo.names())
    assert {seeds for _, seeds in asked} == {1}
    verifying.reverify_sample(2, seed=1)
    assert asked[:2] == asked[2:]

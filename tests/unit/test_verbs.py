"""The verbs: what is left out is filled in by one rule; bad input is one clear sentence that leaves nothing behind."""

import copy
import subprocess
import sys

import pytest
import torch
from torch import nn

import workbench as wb
from workbench.core.errors import (
    AddressError,
    ConfigError,
    DataError,
    ModelError,
    UnknownNameError,
    WorkbenchError,
)
from workbench.objectives import Adversarial, Supervised
from workbench.verbs import origins
from workbench.verbs.resolving import plan_of, source_of, task_of


def small():
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 10))


def pairs(n=40):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(n, 64, generator=generator), torch.randint(10, (n,), generator=generator)


def test_a_built_model_is_a_plain_module_sized_by_the_data():
    model = wb.build("cnn", data="digits")
    assert type(model).__module__.startswith(("torch.", "workbench.zoo"))
    batch = wb.data.load("digits").sample_batch(3)
    assert wb.call(model, batch).shape == (3, 10)
    assert origins.of(model).name == "cnn"
    assert "cnn" not in str(vars(model))


def test_the_same_seed_builds_the_same_weights_and_leaves_the_generator():
    torch.manual_seed(5)
    expected = torch.rand(2)
    torch.manual_seed(5)
    one, two, other = (wb.build("cnn", data="digits", seed=seed) for seed in (1, 1, 2))
    assert torch.equal(torch.rand(2), expected)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


def test_what_is_optimised_is_found_by_one_rule():
    own = source_of(pairs())
    assert isinstance(plan_of(small(), own, None, None), Supervised)
    given = Supervised(label_smoothing=0.1)
    assert plan_of(small(), own, given, None) is given
    dcgan = wb.build("dcgan", preset="tiny")
    assert isinstance(plan_of(dcgan, source_of("digits"), None, None), Adversarial)
    assert task_of(source_of("digits")).metric_name == "accuracy"
    assert task_of(own) is None


def test_fit_trains_in_place_and_says_how_it_went():
    model, data = small(), wb.data.load("digits")
    run = wb.fit(model, data, epochs=3)
    assert run.model is model
    assert not run.running
    steps, losses = run.history.column("train", "loss")
    assert steps[0] == 1
    assert losses[-1] < losses[0]


def test_start_returns_at_once_and_stop_ends_it():
    run = wb.start(small(), "digits", steps=1_000_000)
    assert run.running
    run.stop()
    run.wait()
    assert run.status == "stopped"
    assert torch.isfinite(next(run.model.parameters())).all()


def test_another_way_of_calling_reaches_training_measuring_and_compressing():
    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.hidden, self.read = nn.Linear(64, 32), nn.Linear(32, 10)

        def forward(self, *, pixels):
            return {"classes": self.read(self.hidden(pixels).relu())}

    def how(model, inputs):
        return model(pixels=inputs[0].flatten(1))["classes"]

    model = Odd()
    wb.fit(model, "digits", steps=20, call=how)
    report = wb.compress(model, "prune", data="digits", call=how).report
    assert 0 <= report.after.metric <= 1
    assert report.after.parameters < report.before.parameters


def test_a_run_of_a_named_entry_and_data_is_rebuilt_from_its_folder_alone(tmp_path):
    model = wb.build("cnn", data="digits", seed=3, preset="tiny")
    whole = wb.fit(copy.deepcopy(model), "digits", objective=Supervised(), steps=30, seed=4)
    wb.fit(model, "digits", objective=Supervised(), steps=30, seed=4, directory=tmp_path / "run")
    resumed = wb.resume(tmp_path / "run").wait()
    for a, b in zip(whole.model.parameters(), resumed.model.parameters(), strict=True):
        assert torch.equal(a, b)
    table = wb.runs(tmp_path)
    assert len(table) == 1
    assert "digits" in str(table)


def test_another_process_goes_on_from_the_folder_alone(tmp_path):
    whole = wb.fit(wb.build("cnn", data="digits", seed=3, preset="tiny"), "digits_classes", steps=40, seed=4)
    run = wb.start(
        wb.build("cnn", data="digits", seed=3, preset="tiny"),
        "digits_classes",
        steps=40,
        seed=4,
        directory=tmp_path / "run",
    )
    for event in run.events:
        if event.step >= 15:
            run.stop()
            break
    run.wait()
    code = (
        "import sys, workbench as wb; run = wb.resume(sys.argv[1]).wait(); "
        "print([float(loss).hex() for loss in run.history.column('train', 'loss')[1]])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "run")], capture_output=True, text=True, check=True, timeout=120
    )
    losses = whole.history.column("train", "loss")[1]
    assert done.stdout.strip().splitlines()[-1] == str([float(loss).hex() for loss in losses])


def test_a_module_from_a_cell_must_be_handed_over_again(tmp_path):
    wb.fit(small(), "digits", steps=5, directory=tmp_path / "run")
    with pytest.raises(ModelError, match="hand it over with model="):
        wb.resume(tmp_path / "run")
    resumed = wb.resume(tmp_path / "run", model=small()).wait()
    assert resumed.driver.step == 5


class Raises(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, x):
        raise ValueError("no luck\nsecond line")


def tap_read():
    with wb.tap(small()) as tap:
        tap.read("2")


BAD = {
    "unknown data": (lambda: wb.fit(small(), "digts"), UnknownNameError, "Did you mean 'digits'"),
    "unknown entry": (lambda: wb.build("cn"), UnknownNameError, "cnn"),
    "unknown field": (lambda: wb.build("cnn", data="digits", widht=3), ConfigError, "has no setting 'widht'"),
    "unknown preset": (lambda: wb.build("cnn", preset="huge"), ConfigError, "use 'tiny' or 'paper'"),
    "wrong kind of data": (lambda: wb.build("cnn", data="karate_club"), DataError, "takes image"),
    "too few classes": (lambda: wb.build("cnn", data="digits", classes=2), ConfigError, "at least 10"),
    "two plans": (
        lambda: wb.fit(small(), "digits", objective=Supervised(), driver=Supervised()),
        ConfigError,
        "not both",
    ),
    "a class for a plan": (lambda: wb.fit(small(), "digits", objective=Supervised), ConfigError, "call it"),
    "no plan": (lambda: wb.fit(small(), "digits", driver=3), ConfigError, "driver= takes a plan"),
    "two lengths": (lambda: wb.fit(small(), "digits", epochs=1, steps=1), ConfigError, "give one of them"),
    "no steps": (lambda: wb.fit(small(), "digits", steps=0), ConfigError, "at least 1"),
    "a class for a model": (lambda: wb.fit(nn.Linear, "digits"), ModelError, "call it"),
    "no model": (lambda: wb.fit(3, "digits"), ModelError, "torch.nn.Module"),
    "no device": (lambda: wb.fit(small(), "digits", device="tpu9"), ConfigError, "no device"),
    "shapes that do not fit": (lambda: wb.fit(nn.Linear(3, 4), "digits"), WorkbenchError, r"\(\d+, 1, 8, 8\)"),
    "a forward that raises": (lambda: wb.fit(Raises(), "digits"), WorkbenchError, "no luck"),
    "labels out of range": (lambda: wb.fit(nn.Linear(64, 5), pairs()), DataError, "labels go from 0 to 4"),
    "empty data": (lambda: wb.fit(small(), (torch.empty(0, 64), torch.empty(0).long())), DataError, "empty|no example"),
    "NaN in the data": (
        lambda: wb.fit(small(), (torch.full((9, 64), torch.nan), torch.zeros(9).long())),
        DataError,
        "(?i)nan|finite",
    ),
    "lengths that differ": (lambda: wb.fit(small(), (torch.ones(9, 64), torch.zeros(8).long())), DataError, "8|9"),
    "a wrong dtype": (lambda: wb.fit(nn.Embedding(10, 10), pairs()), WorkbenchError, "float32"),
    "nothing trainable": (lambda: wb.fit(nn.Flatten(), "digits"), ModelError, "no trainable"),
    "a name inside that is not there": (tap_read, AddressError, "did you mean|Did you mean|Choose from"),
    "nothing of that name to load": (lambda: wb.load("minilmm"), UnknownNameError, "minilm"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_sentence(case):
    act, kind, words = BAD[case]
    with pytest.raises(kind, match=words) as told:
        act()
    assert "\n" not in str(told.value)
    assert isinstance(told.value, WorkbenchError)


def test_a_failed_fit_leaves_generator_mode_and_hooks_as_they_were():
    model = Raises().eval()
    torch.manual_seed(1)
    before = torch.get_rng_state()
    with pytest.raises(WorkbenchError):
        wb.fit(model, "digits")
    assert torch.equal(torch.get_rng_state(), before)
    assert not model._forward_hooks

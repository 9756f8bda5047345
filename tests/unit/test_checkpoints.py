"""Checkpoints: what is stored comes back, and what is broken is refused while the last good one stands."""

import errno
import json
import os
import pickle
import threading
import time
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from workbench import data, train
from workbench.core import seeds
from workbench.core.errors import CheckpointError, NotFiniteError
from workbench.objectives import Adversarial, Supervised
from workbench.train import AdamW, Job, Phase, Settings, checkpoint
from workbench.train.packing import pack, unpack


def rows(n=120):
    x = torch.randn(n, 6, generator=torch.Generator().manual_seed(0))
    return data.of((x, (x.sum(1) > 0).long()))


def model(width=16):
    with seeds.seeded(0):
        return nn.Sequential(nn.Linear(6, width), nn.Dropout(0.5), nn.Tanh(), nn.Linear(width, 2))


def job(steps=60, net=None, source=None, **chosen):
    chosen = {"batch_size": 16, "checkpoint_seconds": 1e-3, **chosen}
    return Job(model=net or model(), data=source or rows(), settings=Settings(**chosen), steps=steps)


def same(a, b):
    return all(torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True))


def slowly(event):
    time.sleep(1e-3)


@pytest.fixture
def finished(tmp_path):
    return train.start(Supervised(), job(), tmp_path / "run", on_event=slowly).wait()


tensors = st.sampled_from(
    [
        torch.arange(6.0).reshape(2, 3),
        torch.tensor(3),
        torch.empty(0, 4),
        torch.tensor([True, False]),
        torch.randn(3, dtype=torch.bfloat16),
        torch.arange(6).reshape(2, 3).T,
    ]
)
leaves = st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False) | st.text() | tensors
states = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=5) | st.integers(0, 9), inner, max_size=3)
    ),
    max_leaves=12,
)


def equal(a, b):
    if isinstance(a, torch.Tensor):
        return a.dtype == b.dtype and a.shape == b.shape and torch.equal(a, b)
    if isinstance(a, dict):
        return list(a) == list(b) and all(equal(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return type(a) is type(b) and len(a) == len(b) and all(map(equal, a, b))
    return type(a) is type(b) and a == b


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(state=st.dictionaries(st.text(max_size=5), states, max_size=4))
def test_any_state_of_tensors_and_json_comes_back(state, tmp_path):
    path = checkpoint.write(tmp_path, 3, pack(state), {"threads": 1}, keep=2)
    found = checkpoint.read(path)
    assert equal(found.state, state)
    assert (found.step, found.about["threads"]) == (3, 1)


def test_tied_weights_are_stored_once_and_copies_are_independent():
    weight = torch.ones(4)
    body, stored = pack({"a": weight, "b": weight, "c": weight.clone()})
    weight.zero_()
    assert len(stored) == 2
    state = unpack(body, stored)
    assert state["a"] is state["b"]
    assert state["a"].tolist() == [1.0] * 4


@pytest.mark.parametrize("value", [{1, 2}, object(), 1j, b"bytes", lambda: None])
def test_state_that_is_neither_tensor_nor_json_is_refused_with_its_path(value):
    with pytest.raises(CheckpointError, match=r"/outer/0/inner.*neither a tensor nor JSON"):
        pack({"outer": [{"inner": value}]})


def test_so_many_checkpoints_stay(tmp_path):
    run = train.start(Supervised(), job(keep_checkpoints=3), tmp_path / "run", on_event=slowly).wait()
    kept = checkpoint.paths(tmp_path / "run")
    assert len(kept) == 3
    assert kept[-1] == run.saved
    assert sorted(path.name for path in (tmp_path / "run" / "checkpoints").iterdir()) == [path.name for path in kept]


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.999])
def test_a_truncated_checkpoint_is_refused_and_the_one_before_is_used_and_named(finished, share):
    older, newest = checkpoint.paths(finished.directory)
    blob = newest.read_bytes()
    newest.write_bytes(blob[: int(len(blob) * share)])
    again = train.resume(finished.directory, Supervised(), job())
    assert newest.name in again.warnings[0]
    assert older.name in again.warnings[0]
    assert same(again.wait().model, finished.model)
    assert not checkpoint.newest(finished.directory).refused


@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255))
def test_a_checkpoint_with_any_byte_changed_is_refused(tmp_path, place, flip):
    state = {"model": {"w": torch.arange(12.0)}, "step": 4}
    path = checkpoint.write(tmp_path, 4, pack(state), {}, keep=1)
    blob = bytearray(path.read_bytes())
    blob[int(place * len(blob))] ^= flip
    path.write_bytes(bytes(blob))
    with pytest.raises(CheckpointError):
        checkpoint.read(path)


def test_when_no_checkpoint_is_sound_every_one_is_named(finished):
    for path in checkpoint.paths(finished.directory):
        path.write_bytes(b"nonsense")
    with pytest.raises(CheckpointError) as caught:
        train.resume(finished.directory, Supervised(), job())
    assert all(path.name in str(caught.value) for path in checkpoint.paths(finished.directory))


def test_a_pickle_is_never_run(finished, tmp_path):
    witness = tmp_path / "witness"

    class Bomb:
        def __reduce__(self):
            return os.mkdir, (str(witness),)

    for path in checkpoint.paths(finished.directory):
        path.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(CheckpointError, match="no checkpoint of this workbench"):
        train.resume(finished.directory, Supervised(), job())
    assert not witness.exists()


def test_a_checkpoint_of_another_model_objective_or_data_is_refused_in_a_sentence(finished):
    with pytest.raises(CheckpointError, match=r"another model: .*\(16.*\(8|another model: .*\(2, 16"):
        train.resume(finished.directory, Supervised(), job(net=model(8)))
    with pytest.raises(CheckpointError, match="examples in its train split"):
        train.resume(finished.directory, Supervised(), job(source=rows(300)))

    class Other(Supervised):
        def phases(self, call=None):
            (phase,) = super().phases(call)
            return (Phase("other", phase.loss),)

    with pytest.raises(CheckpointError, match="phases train, and this objective has other"):
        train.resume(finished.directory, Other(), job())
    with pytest.raises(CheckpointError, match="another optimiser"):
        train.resume(finished.directory, Supervised(), job(optimiser=train.Muon()))
    assert train.resume(finished.directory, Supervised(), job()).wait().status == "done"


def test_a_folder_without_a_run_is_refused_and_not_made(tmp_path):
    with pytest.raises(CheckpointError, match="There is no run"):
        train.resume(tmp_path / "nothing", Supervised(), job())
    assert not (tmp_path / "nothing").exists()


def test_a_full_disk_leaves_the_last_good_checkpoint_and_the_run_goes_on(tmp_path, monkeypatch):
    real, full = os.fsync, False

    def fsync(handle):
        if full and ".writing" in str(Path(f"/proc/self/fd/{handle}").readlink()):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    seen = []

    def watch(event):
        nonlocal full
        slowly(event)
        if event.step == 30 and event.phase == "train":
            full = True
            seen.append(None)

    run = train.start(Supervised(), job(), tmp_path / "run", on_event=watch)
    with pytest.raises(CheckpointError, match=r"No space left on device; the last good one is step-.*run\.save\(\)"):
        run.wait()
    assert run.driver.step == 60
    assert run.status == "failed"
    assert any("The run goes on" in warning for warning in run.warnings)
    last = checkpoint.newest(tmp_path / "run")
    assert 0 < last.step <= 31
    assert not last.refused
    assert not list((tmp_path / "run" / "checkpoints").glob(".writing*"))
    full = False
    assert run.save().name == "step-000000000060.safetensors"


def test_a_record_that_cannot_be_written_is_kept_in_memory_until_it_can(tmp_path, monkeypatch):
    from workbench.train.journal import Journal

    real, full = Journal.flush, True

    def flush(self):
        if full and self._lines:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(self)

    monkeypatch.setattr(Journal, "flush", flush)
    run = train.start(Supervised(), job(), tmp_path / "run").wait()
    assert any("No space left on device" in warning for warning in run.warnings)
    full = False
    assert len(run.history) == len((tmp_path / "run" / "events.jsonl").read_text().splitlines())


def test_a_folder_that_cannot_be_made_is_refused_before_training(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match="cannot be written"):
        train.start(Supervised(), job(), tmp_path / "file" / "run")


def test_a_loss_that_is_not_finite_names_the_last_good_checkpoint(tmp_path):
    count = 0

    class Breaks(Supervised):
        def phases(self, call=None):
            (phase,) = super().phases(call)

            def loss(net, batch):
                nonlocal count
                count += 1
                value, figures = phase.loss(net, batch)
                return (value * float("inf") if count == 40 else value), figures

            return (Phase("train", loss),)

    run = train.start(Breaks(), job(), tmp_path / "run", on_event=slowly)
    with pytest.raises(NotFiniteError, match="at step 40") as caught:
        run.wait()
    last = checkpoint.newest(tmp_path / "run")
    assert str(last.path) in str(caught.value)
    assert last.step < 40
    assert train.resume(tmp_path / "run", Supervised(), job()).wait().status == "done"


def test_circumstances_that_differ_are_warned_of_and_make_the_run_inexact(finished):
    before = torch.get_num_threads()
    torch.set_num_threads(before + 1)
    try:
        run = train.resume(finished.directory, Supervised(), job(batch_size=8, optimiser=AdamW(fused=False))).wait()
    finally:
        torch.set_num_threads(before)
    told = " ".join(run.warnings)
    for name in ("threads", "batch_size was 16", "optimiser.fused was True"):
        assert name in told
        assert name in str(run.exact)
    assert not run.exact


def test_a_tampered_record_is_refused(finished):
    path = finished.directory / "events.jsonl"
    path.write_text(path.read_text().replace('"step":3,', '"step":"three",'))
    with pytest.raises(CheckpointError, match="Line 3 of"):
        train.resume(finished.directory, Supervised(), job())


def test_the_record_holds_each_step_once_whatever_was_written_after_the_checkpoint(finished, tmp_path):
    path = finished.directory / "events.jsonl"
    whole = [json.loads(line) for line in path.read_text().splitlines()]
    checkpoint.paths(finished.directory)[-1].unlink()
    with path.open("a") as file:
        file.write('{"step":61,"phase":"train","time":1.0,"metrics":{"loss":1.0}}\n{"step":62,"pha')
    run = train.resume(finished.directory, Supervised(), job()).wait()
    again = [json.loads(line) for line in path.read_text().splitlines()]
    strip = lambda rows: [{k: v for k, v in row.items() if k != "time"} for row in rows]  # noqa: E731
    assert strip(again) == strip(whole)
    assert len(run.history) == len(whole)
    assert same(run.model, finished.model)


@pytest.mark.parametrize(
    "chosen",
    [
        {"accumulate": 3, "warmup": 5, "schedule": "cosine", "clip": 1.0},
        {"optimiser": train.Muon(), "ema": 0.9},
        {"optimiser": train.SGD()},
        {"precision": "float16"},
        {"precision": "bfloat16", "accumulate": 2},
        {"patience": 3, "validate_every": 5, "optimiser": train.SGD(lr=1.0)},
    ],
    ids=str,
)
def test_a_run_stopped_anywhere_and_resumed_equals_the_whole_one(tmp_path, chosen):
    whole = train.start(Supervised(), job(**chosen)).wait()

    def stop(event):
        if event.step == 13:
            run.stop()

    ready = threading.Event()
    run = train.start(Supervised(), job(**chosen), tmp_path / "run", on_event=lambda event: (ready.wait(), stop(event)))
    ready.set()
    run.wait()
    again = train.resume(tmp_path / "run", Supervised(), job(**chosen)).wait()
    assert 13 <= run.driver.step < 60
    assert again.exact
    assert same(again.model, whole.model)
    assert [(e.step, e.phase, e.metrics) for e in again.history] == [
        (e.step, e.phase, e.metrics) for e in whole.history
    ]
    if whole.settings.ema:
        assert same(again.ema, whole.ema)


def test_two_phases_over_two_submodules_resume_exactly(tmp_path):
    def pair():
        with seeds.seeded(0):
            return nn.ModuleDict(
                {"generator": nn.Linear(4, 6), "discriminator": nn.Sequential(nn.Dropout(0.3), nn.Linear(6, 1))}
            )

    plan = Adversarial(latent=4)
    whole = train.start(plan, job(net=pair())).wait()
    train.start(plan, job(30, net=pair()), tmp_path / "run").wait()
    again = train.resume(tmp_path / "run", plan, job(net=pair())).wait()
    assert same(again.model, whole.model)

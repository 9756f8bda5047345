"""A run's life: stop, pause, boundaries, events, interrupts, and looks that change nothing."""

import math
import os
import signal
import threading
import time

import pytest
import torch
from torch import nn

from workbench import data, train
from workbench.core import live, seeds
from workbench.core.errors import CheckpointError, ModelError, UnknownNameError
from workbench.objectives import Supervised
from workbench.train import Event, Job, Settings
from workbench.train.history import History
from workbench.train.progress import Line


def job(steps=200, net=None, **settings):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(200, 6, generator=generator)
    source = data.of((x, (x.sum(1) > 0).long()))
    if net is None:
        with seeds.seeded(0):
            net = nn.Sequential(nn.Linear(6, 16), nn.Dropout(0.5), nn.Tanh(), nn.Linear(16, 2))
    return Job(model=net, data=source, settings=Settings(batch_size=16, **settings), steps=steps)


def same(a, b):
    return all(torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True))


@pytest.fixture(scope="module")
def undisturbed():
    return train.start(Supervised(), job()).wait()


def test_a_run_trains_the_very_model_and_reports_every_step(undisturbed):
    steps, losses = undisturbed.history.column("train", "loss")
    assert undisturbed.status == "done"
    assert not undisturbed.running
    assert undisturbed.model is undisturbed.driver.model
    assert steps.tolist() == list(range(1, 201))
    assert losses[-20:].mean() < losses[:20].mean()
    assert undisturbed.exact
    assert undisturbed.progress.step == undisturbed.progress.total == 200
    assert undisturbed.progress.eta in (0.0, None)
    assert undisturbed.progress.memory > 1 << 20


def test_stop_ends_within_two_steps_and_going_on_changes_nothing(undisturbed):
    stopped_at = []

    def stop(event):
        if event.step == 50 and not stopped_at:
            stopped_at.append(event.step)
            run.stop()

    this = job()
    ready = threading.Event()
    run = train.start(Supervised(), this, on_event=lambda event: (ready.wait(), stop(event)))
    ready.set()
    run.wait()
    assert run.status == "stopped"
    assert 50 <= run.driver.step <= 52
    run.resume().wait()
    assert run.status == "done"
    assert same(run.model, undisturbed.model)
    assert run.history.column("train", "loss")[1].tolist() == undisturbed.history.column("train", "loss")[1].tolist()


def test_pause_waits_between_steps_and_going_on_changes_nothing(undisturbed):
    run = train.start(Supervised(), job(), on_event=lambda event: time.sleep(1e-3))
    run.pause()
    while run.status != "paused":
        time.sleep(1e-3)
    step = run.driver.step
    time.sleep(0.05)
    assert run.running
    assert run.driver.step == step
    assert run.at_boundary(lambda: run.driver.step).result(5) == step
    run.resume()
    assert run.wait().status == "done"
    assert same(run.model, undisturbed.model)


def test_functions_run_at_boundaries_in_the_worker_and_leave_the_generator(undisturbed):
    run = train.start(Supervised(), job(), on_event=lambda event: time.sleep(1e-3))

    def look():
        torch.rand(10)
        return threading.current_thread().name, run.driver.step == run.driver.state()["step"]

    assert run.at_boundary(look).result(10) == ("workbench-run", True)
    with pytest.raises(ZeroDivisionError):
        run.at_boundary(lambda: 1 / 0).result(10)
    assert same(run.wait().model, undisturbed.model)
    assert run.at_boundary(lambda: 7).result(0) == 7


def test_events_follow_the_run_from_the_first_to_the_last():
    run = train.start(Supervised(), job(), on_event=lambda event: time.sleep(1e-4))
    events = list(run.events)
    assert [event.step for event in events if event.phase == "train"] == list(range(1, 201))
    assert [event.step for event in run.events] == [event.step for event in events]
    assert {"loss", "accuracy"} <= next(event for event in events if event.phase == "validation").metrics.keys()


def test_a_callback_that_raises_fails_the_run_after_a_checkpoint(tmp_path):
    def broken(event):
        if event.step == 30:
            raise RuntimeError("broken callback")

    run = train.start(Supervised(), job(), tmp_path / "run", on_event=broken)
    with pytest.raises(RuntimeError, match="broken callback"):
        run.wait()
    assert run.status == "failed"
    assert run.saved.name == "step-000000000030.safetensors"
    assert same(
        train.resume(tmp_path / "run", Supervised(), job()).wait().model, train.start(Supervised(), job()).wait().model
    )


def test_waiting_in_a_callback_is_refused_instead_of_waiting_for_ever():
    this, ready, runs = job(5), threading.Event(), []

    def wait(event):
        ready.wait()
        runs[0].wait()

    runs.append(train.start(Supervised(), this, on_event=wait))
    ready.set()
    with pytest.raises(ModelError, match="on_event"):
        runs[0].wait()


def test_a_callback_may_save(tmp_path):
    run, ready, saved = None, threading.Event(), []

    def save(event):
        ready.wait()
        if event.step == 7 and event.phase == "train":
            saved.append(run.save())

    run = train.start(Supervised(), job(20), tmp_path / "run", on_event=save)
    ready.set()
    run.wait()
    assert [path.name for path in saved] == ["step-000000000007.safetensors"]


@pytest.fixture
def listening():
    """Interrupts raise, also where this process was started in the background of a shell, which ignores them."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("listening")
def test_an_interrupt_is_a_clean_stop_with_a_checkpoint(tmp_path, capsys, undisturbed):
    def interrupt(event):
        time.sleep(2e-3)
        if event.step == 20 and event.phase == "train":
            os.kill(os.getpid(), signal.SIGINT)

    run = train.start(Supervised(), job(), tmp_path / "run", on_event=interrupt).wait()
    assert run.status == "stopped"
    assert 20 <= run.driver.step < 200
    assert "run.resume() goes on" in capsys.readouterr().err
    assert run.saved.name == f"step-{run.driver.step:012d}.safetensors"
    assert same(train.resume(tmp_path / "run", Supervised(), job()).wait().model, undisturbed.model)


def test_looks_at_a_training_model_change_nothing(undisturbed):
    x, looks = torch.randn(64, 6), 0
    run = train.start(Supervised(), job(), on_event=lambda event: time.sleep(5e-4))
    while run.running:
        with live.look(), live.evaluating(run.model), torch.no_grad():
            run.model(x)
            torch.rand(3)
        looks += 1
    assert looks >= 20
    assert same(run.wait().model, undisturbed.model)
    assert run.history.column("train", "loss")[1].tolist() == undisturbed.history.column("train", "loss")[1].tolist()


def test_the_persons_generator_gradient_mode_and_autocast_are_left_alone_and_not_used(undisturbed):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        run = train.start(Supervised(), job()).wait()
        assert not torch.is_grad_enabled()
    assert torch.equal(torch.rand(3), expected)
    assert same(run.model, undisturbed.model)


def test_without_a_directory_nothing_touches_the_disk(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = train.start(Supervised(), job(20)).wait()
    assert not list(tmp_path.iterdir())
    with pytest.raises(CheckpointError, match="no directory"):
        run.save()


def test_save_writes_at_a_boundary_while_running_and_after(tmp_path):
    run = train.start(Supervised(), job(), tmp_path / "run", on_event=lambda event: time.sleep(1e-3))
    first = run.save()
    assert first.exists()
    run.wait()
    assert run.save().name == "step-000000000200.safetensors"


def test_two_runs_cannot_share_a_folder(tmp_path):
    run = train.start(Supervised(), job(), tmp_path / "run", on_event=lambda event: time.sleep(1e-3))
    with pytest.raises(CheckpointError, match="Another run is going on"):
        train.resume(tmp_path / "run", Supervised(), job())
    run.stop()
    run.wait()
    with pytest.raises(CheckpointError, match="already holds a run"):
        train.start(Supervised(), job(), tmp_path / "run")


def test_the_moving_average_can_be_read_while_the_run_goes_on():
    run = train.start(Supervised(), job(ema=0.9), on_event=lambda event: time.sleep(1e-3))
    average = run.ema
    assert average is not run.model
    assert len(list(average.parameters())) == 4
    run.wait()


def test_progress_is_shown_until_the_end():
    seen = []
    train.start(Supervised(), job(), on_event=lambda event: time.sleep(2e-3)).wait(show=seen.append)
    assert seen[-1].step == 200
    assert 2 <= len(seen) < 60
    assert any(snapshot.rate > 0 and snapshot.loss is not None for snapshot in seen)


def test_the_line_of_text_follows_the_run(capsys):
    line = Line()
    train.start(Supervised(), job()).wait(show=line)
    line.close()
    assert "200/200" in capsys.readouterr().err


def test_the_plot_has_a_curve_for_every_figure(undisturbed):
    figure = undisturbed.plot()
    assert {"train loss", "validation loss", "validation accuracy"} == {curve.name for curve in figure.data}
    curve = next(curve for curve in figure.data if curve.name == "train loss")
    assert list(curve.y) == undisturbed.history.column("train", "loss")[1].tolist()


def test_a_missing_plotly_is_named_with_its_extra(undisturbed, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "plotly", None)
    monkeypatch.setitem(sys.modules, "plotly.graph_objects", None)
    with pytest.raises(ImportError, match="plots"):
        undisturbed.plot()


def test_history_costs_eighteen_bytes_an_event_so_that_a_million_fit():
    history = History()
    for step in range(1, 50_001):
        history.append(Event(step, "train", {"loss": 1 / step}))
    table = history._tables[0]
    size = table.steps.itemsize + sum(column.itemsize for column in table.columns.values()) + history._order.itemsize
    assert size <= 18
    steps, values = history.column("train", "loss")
    assert steps[-1] == len(history) == 50_000
    assert values[9] == 0.1


def test_figures_that_come_late_or_not_always_are_told_from_numbers():
    history = History()
    history.append(Event(1, "train", {"loss": 1.0}))
    history.append(Event(2, "train", {"loss": 2.0, "late": 5.0}))
    history.append(Event(3, "train", {"late": 6.0}, "client 1"))
    assert math.isnan(history.column("train", "late")[1][0])
    assert [event.metrics for event in history] == [{"loss": 1.0}, {"loss": 2.0, "late": 5.0}, {"late": 6.0}]
    assert [event.scope for event in history] == ["", "", "client 1"]
    with pytest.raises(UnknownNameError, match="Did you mean 'loss'"):
        history.column("train", "los")
    with pytest.raises(UnknownNameError, match="No phase 'valid'"):
        history.column("valid", "loss")


def test_a_failed_run_says_why_whenever_it_is_waited_for():
    run = train.start(Supervised(), job(net=nn.Linear(5, 2)))
    for _ in range(2):
        with pytest.raises(ModelError, match="failed at step 1"):
            run.wait()
    assert run.status == "failed"
    assert isinstance(run.error, ModelError)


def test_the_default_device_of_the_caller_is_the_workers():
    seen = []

    class Spy(Supervised):
        def phases(self, call=None):
            (phase,) = super().phases(call)

            def loss(net, batch):
                seen.append(torch.empty(1).device.type)
                return phase.loss(net, batch)

            return (train.Phase("train", loss),)

    this = job(1)
    with torch.device("meta"):
        run = train.start(Spy(), this)
    run.wait()
    assert seen == ["meta"]
    assert run.status == "done"

"""The live view without a browser: what is sent, how often, and what buttons do."""

import gc
import time
import weakref

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from workbench import data, panels
from workbench.objectives import Supervised
from workbench.panels import live as live_file
from workbench.panels.following.curves import thinned
from workbench.panels.live import Live
from workbench.panels.page.sketch import line_chart
from workbench.train import Job, Settings, start


class Slow(nn.Module):
    def __init__(self, seconds=0.002):
        super().__init__()
        self.layer, self.seconds = nn.Linear(64, 10), seconds

    def forward(self, x):
        time.sleep(self.seconds)
        return self.layer(x.flatten(1))


def begun(steps=100_000, seconds=0.002):
    job = Job(model=Slow(seconds), data=data.load("digits"), settings=Settings(validate_every=20), steps=steps)
    return start(Supervised(), job)


@pytest.fixture
def run():
    run = begun()
    yield run
    run.stop()
    run.wait()


class Wire:
    """What a page would receive."""

    def __init__(self, live):
        self.points, self.summaries, self.times = [], [], []
        live.send = self._send
        live.observe(lambda change: self.summaries.append(change["new"]), "frame")

    def _send(self, message, buffers):
        self.times.append(time.monotonic())
        self.points.append({**message, "bytes": sum(map(len, buffers))})

    @property
    def all(self):
        return self.points + self.summaries


def wait_until(condition, seconds=20.0):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    assert condition()


def numbers(packed):
    return np.frombuffer(packed["data"], packed["dtype"])


def test_points_are_appended_at_most_ten_times_a_second_and_never_sent_twice(run):
    live = Live(run)
    wire = Wire(live)
    live.follow()
    wait_until(lambda: len(wire.points) >= 8)
    live.close()
    assert min(np.diff(wire.times)) > 0.08
    assert all(message["from"] + 1 == message["to"] for message in wire.points)
    sent = sorted(message["to"] for message in wire.all)
    assert sent == list(range(sent[0], sent[0] + len(sent)))


def test_what_is_sent_in_all_does_not_grow_with_the_square_of_the_run(run):
    live = Live(run)
    wire = Wire(live)
    live.follow()
    wait_until(lambda: run.progress.step >= 300)
    points = sum(m["bytes"] for m in wire.points)
    rows = run.history.column("train", "loss")[0].size
    assert points <= 12 * (3 * rows + 64)
    assert len(wire.summaries) <= 3 + np.log2(3 * rows)
    live.close()


def test_the_last_summary_holds_the_whole_run():
    run = begun(steps=40)
    live = Live(run).follow()
    run.wait()
    wait_until(lambda: live.frame["state"]["status"] == "done")
    curves = {curve["name"]: curve for curve in live.frame["curves"]}
    steps, values = run.history.column("train", "loss")
    assert np.array_equal(numbers(curves["loss"]["x"]), steps)
    assert np.allclose(numbers(curves["loss"]["y"]), values)
    assert "validation · loss" in curves
    assert live.frame["state"]["step"] == live.frame["state"]["total"] == 40
    assert live.text().startswith("Slow: done, step 40 of 40, loss ")
    assert live.picture().count("<polyline") == len(curves)
    live.close()


def test_buttons_act_between_steps_and_stop_ends_the_run_within_two(run):
    live = Live(run)
    wait_until(lambda: run.progress.step > 3)
    live._handle_custom_msg({"type": "wish", "seq": 1, "wish": {"do": "pause"}}, [])
    wait_until(lambda: run.status == "paused")
    at = run.progress.step
    time.sleep(0.1)
    assert run.progress.step == at
    live._handle_custom_msg({"type": "wish", "seq": 2, "wish": {"do": "resume"}}, [])
    wait_until(lambda: run.progress.step > at)
    at = run.progress.step
    live._handle_custom_msg({"type": "wish", "seq": 3, "wish": {"do": "stop"}}, [])
    run.wait()
    assert run.status == "stopped"
    assert run.progress.step <= at + 2
    live.close()


def test_a_page_that_missed_something_gets_a_summary_when_it_asks(run):
    live = Live(run)
    wait_until(lambda: run.progress.step > 30)
    before = live.frame["to"]
    live._handle_custom_msg({"type": "wish", "seq": 1, "wish": {"whole": True}}, [])
    assert live.frame["to"] > before
    assert live.frame["from"] == 0
    live.close()


def test_where_the_kernel_waits_there_is_no_button(run):
    live = Live(run, waits=True)
    assert not live.buttons
    assert live.waits
    live.close()
    assert Live(run).buttons


def test_a_failed_run_shows_its_sentence():
    class Failing(Slow):
        def forward(self, x):
            raise RuntimeError("<b>no forward</b>")

    job = Job(model=Failing(), data=data.load("digits"), settings=Settings(), steps=10)
    run = start(Supervised(), job)
    with pytest.raises(RuntimeError):
        run.wait()
    live = Live(run)
    assert live.frame["state"]["status"] == "failed"
    assert live.frame["state"]["doubts"][0]["level"] == "bad"
    assert "<b>no forward</b>" in live.frame["state"]["doubts"][0]["text"]
    assert "<b>no" not in live.picture()
    live.close()


def test_a_view_that_stays_on_a_page_keeps_no_model_alive():
    run = begun(steps=5)
    live = Live(run).follow()
    run.wait()
    model, alive = weakref.ref(run.model), weakref.ref(run)
    wait_until(lambda: not live._follower.is_alive())
    del run
    gc.collect()
    assert alive() is None
    assert model() is None
    assert live.frame["state"]["status"] == "done"
    live._handle_custom_msg({"type": "wish", "seq": 1, "wish": {"do": "resume"}}, [])
    live.close()


def test_where_nobody_could_see_it_there_is_no_view(run, monkeypatch):
    assert panels.follow(run) is None
    shown = []
    monkeypatch.setattr(live_file, "kernel_present", lambda: True)
    monkeypatch.setattr(Live, "display", lambda self: shown.append(self) or self)
    assert panels.follow(run, waits=True) is shown[0]
    assert shown[0].waits
    shown[0].close()


curve = st.lists(st.one_of(st.floats(-1e3, 1e3), st.just(float("nan"))), min_size=1, max_size=300)


@given(curve, st.integers(1, 40))
def test_thinning_keeps_at_most_so_many_points_each_a_mean(values, most):
    x, y = thinned(np.arange(len(values)), np.array(values), most)
    assert len(x) == len(y) <= most
    each = -(-len(values) // most)
    for i in range(len(x)):
        part = np.array(values[i * each : (i + 1) * each])
        assert x[i] == pytest.approx(np.arange(i * each, i * each + len(part)).mean())
        there = part[np.isfinite(part)]
        assert np.isnan(y[i]) if len(there) == 0 else y[i] == pytest.approx(there.mean(), abs=1e-9)


def test_a_drawing_without_a_script_escapes_names_and_skips_what_is_not_finite():
    x = np.array([1.0, 2.0, 3.0])
    drawn = line_chart({"<script>": (x, np.array([1.0, np.nan, 2.0])), "none": (x, np.full(3, np.nan))})
    assert "<script>" not in drawn
    assert "&lt;script&gt;" in drawn
    assert drawn.count("<polyline") == 1
    assert drawn.count("nan") == 0
    assert line_chart({}) == ""

"""The timeline of a followed run: bounded, even, exact, and still there afterwards."""

import gc
import re
import time
import weakref
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from workbench import data, panels
from workbench.core.scripts import part
from workbench.objectives import Supervised
from workbench.panels import following
from workbench.panels.following.timeline import Timeline
from workbench.train import Job, Settings, start


def frame(size=1000, **meta):
    array = {"dtype": "uint8", "shape": [size], "top": 1.0, "power": 1.0, "data": bytes(size)}
    return {"meta": meta, "arrays": {"a": array}, "wish": {"tab": "x"}, "seq": 1}


def test_a_kept_frame_comes_back_as_it_was():
    line, shown = Timeline(), {**frame(5, word="<b>ü</b>"), "doubts": [{"level": "good", "text": "fine"}]}
    shown["arrays"]["a"]["data"] = b"\x00\x01\xff\x80a"
    line.keep("x", 12, 0.123456, shown)
    back = line[0].message()
    assert {name: back[name] for name in shown} == shown
    assert (back["step"], back["loss"], back["number"]) == (12, "0.1235", line[0].number)
    assert line.listed() == [[line[0].number, "x", 12, "0.1235"]]
    line.keep("x", 13, float("nan"), shown)
    line.keep("x", 14, None, shown)
    assert [moment.loss for moment in line] == ["0.1235", "nan", ""]
    assert line.numbered("nonsense") is None


strides = st.lists(st.integers(1, 50), min_size=1, max_size=300)


@given(strides, st.integers(2, 40), st.integers(1500, 60_000), st.integers(10, 900))
def test_memory_is_bounded_and_first_and_last_stay(strides, most, cap, size):
    line, step = Timeline(cap, most), 0
    for stride in strides:
        step += stride
        line.keep("x", step, 1.0, frame(size))
        assert line.bytes == sum(moment.bytes for moment in line) <= cap
        assert len(line) <= most
    steps = [moment.step for moment in line]
    assert steps == sorted(set(steps))
    assert steps[-1] == step
    if len(steps) > 1:
        assert steps[0] == strides[0]


@given(st.integers(5, 40), st.integers(50, 600), st.integers(1, 9))
def test_what_is_left_is_even_however_long_the_run_is(most, count, stride):
    line = Timeline(most=most)
    for i in range(count):
        line.keep("x", i * stride, None, frame(10))
    steps = np.array([moment.step for moment in line])
    even = steps[-1] / (len(steps) - 1)
    assert np.diff(steps).max() <= 2.1 * even + stride


def test_moments_of_tabs_are_thinned_apart():
    line = Timeline(most=20)
    for i in range(200):
        line.keep("early" if i < 100 else "late", i, None, frame(10))
    early = [moment.step for moment in line if moment.tab == "early"]
    late = [moment.step for moment in line if moment.tab == "late"]
    assert early[0] == 0
    assert early[-1] == 99
    assert late[0] == 100
    assert late[-1] == 199
    assert min(len(early), len(late)) >= 5


def test_the_same_step_of_a_tab_is_kept_once_and_a_frame_beyond_the_cap_not_at_all():
    line = Timeline(5000)
    line.keep("x", 3, 1.0, frame(100))
    line.keep("x", 3, 2.0, frame(200))
    assert [moment.loss for moment in line] == ["2"]
    line.keep("x", 4, 1.0, frame(50_000))
    assert [moment.step for moment in line] == [3]
    small = line.summary(10)
    assert len(small) == 0


class Learning(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(64, 10)

    def forward(self, x):
        if self.training:
            time.sleep(0.003)
        return self.layer(x.flatten(1))


def begun(steps):
    torch.manual_seed(0)
    return start(Supervised(), Job(model=Learning(), data=data.load("digits"), settings=Settings(), steps=steps))


def wait_until(condition, seconds=40.0):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    assert condition()


@pytest.fixture(scope="module")
def followed():
    """A run that was followed until some frames were kept, and to its end."""
    run = begun(100_000)
    panel = panels.attach(run.model, data.load("digits")).choose("saliency")
    shown = []
    panel.observe(lambda change: shown.append((run.progress.step, change["new"])), "frame")
    panel.follow(run)
    wait_until(lambda: len(panel.timeline) >= 3, 90)
    run.stop()
    run.wait()
    wait_until(lambda: panel.following.startswith("run stopped"))
    yield run, panel, shown
    panel.close()


def test_the_moments_are_the_frames_that_were_shown_with_the_loss_of_their_step(followed):
    run, panel, shown = followed
    steps, losses = run.history.column("train", "loss")
    known = dict(zip(steps.tolist(), losses.tolist(), strict=True))
    assert len(panel.timeline) >= 3
    for moment in panel.timeline:
        assert moment.loss == f"{known[moment.step]:.4g}"
        assert any(frame["arrays"] == moment.message()["arrays"] for _, frame in shown)
    assert panel.timeline[-1].step == run.progress.step
    assert panel.moments == panel.timeline.listed()
    assert "_timeline" in panel.sources


def test_the_page_gets_a_frame_of_the_past_and_what_is_on_show_stays(followed):
    _, panel, _ = followed
    first, newest = panel.timeline[0], panel.frame
    panel._handle_custom_msg({"type": "wish", "seq": 5, "wish": {"moment": first.number}}, [])
    assert panel.past["number"] == first.number
    assert panel.past["step"] == first.step
    assert panel.past["seq"] == 5
    assert panel.past["arrays"] != newest["arrays"]
    assert panel.frame is newest
    before = panel.past
    for wrong in (10**9, "<b>", None):
        panel._handle_custom_msg({"type": "wish", "seq": 6, "wish": {"moment": wrong}}, [])
    assert panel.past is before


def test_a_saved_notebook_holds_some_frames_first_and_last_among_them(followed):
    run, panel, _ = followed
    steps = [one["step"] for one in panel.kept]
    assert steps[0] == panel.timeline[0].step
    assert steps[-1] == run.progress.step
    numbers = {number for number, *_ in panel.moments}
    assert {one["number"] for one in panel.kept} <= numbers
    state = panel.get_state()
    assert len(state["kept"]) == len(steps)
    held = sum(len(array["data"]) for one in panel.kept for array in one["arrays"].values())
    assert held <= 128 << 10


def test_a_past_frame_does_not_change_when_the_model_is_edited_afterwards(followed):
    run, panel, _ = followed
    panel.wished({"moment": panel.timeline[0].number}, 1)
    before = panel.past["arrays"]
    with torch.no_grad():
        run.model.layer.weight.mul_(2)
    panel.wished({"moment": panel.timeline[0].number}, 2)
    assert panel.past["arrays"] == before


def test_another_run_begins_another_timeline_and_the_same_one_goes_on():
    run = begun(100_000)
    panel = panels.attach(run.model, data.load("digits")).choose("saliency").follow(run)
    wait_until(lambda: len(panel.timeline) >= 2, 90)
    line = panel.timeline
    panel.follow(run)
    assert panel.timeline is line
    run.stop()
    run.wait()
    again = start(Supervised(), Job(model=run.model, data=data.load("digits"), settings=Settings(), steps=20))
    panel.follow(again)
    assert panel.timeline is not line
    again.wait()
    wait_until(lambda: panel.following.startswith("run done"))
    assert all(moment.step <= 20 for moment in panel.timeline)
    panel.close()


def test_an_error_or_a_refusal_is_no_moment():
    run = begun(60)
    panel = panels.attach(run.model, data.load("digits")).choose("attention").follow(run)
    assert panel.frame["refused"]
    run.wait()
    wait_until(lambda: panel.following.startswith("run done"))
    assert len(panel.timeline) == 0
    panel.close()


def test_a_closed_panel_lets_go_of_frames_and_model():
    run = begun(80)
    panel = panels.attach(run.model, data.load("digits")).choose("saliency").follow(run)
    run.wait()
    wait_until(lambda: panel.following.startswith("run done"))
    assert len(panel.timeline)
    alive, kept = weakref.ref(run.model), weakref.ref(panel.timeline)
    assert re.search(r"step 80, ", panel.following)
    panel.close()
    del run
    gc.collect()
    assert alive() is None
    assert kept() is None


def test_what_every_page_receives_stays_small():
    parts = [part(Path(following.__file__).parent, name) for name in ("timeline", "edited")]
    assert sum(len(text.encode()) for text in (panels.Inspector._esm, *parts)) <= 24_000
    assert all("innerHTML" not in text for text in parts)

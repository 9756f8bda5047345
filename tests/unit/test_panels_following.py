"""An Inspector that follows a run: frames of its weights, at a measured price, and the same losses."""

import gc
import re
import threading
import time
import weakref

import numpy as np
import pytest
import torch
from torch import nn

from workbench import data, panels
from workbench.core.errors import ModelError
from workbench.objectives import Supervised
from workbench.panels.following.following import SHARE, said
from workbench.train import Job, Settings, start


class Learning(nn.Module):
    """Dropout and batch statistics, so that a look that leaves a trace shows in the losses."""

    def __init__(self, seconds=0.0):
        super().__init__()
        self.seconds = seconds
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.BatchNorm1d(32), nn.Dropout(0.5))
        self.head = nn.Linear(32, 10)

    def forward(self, x):
        if self.training:
            time.sleep(self.seconds)
        return self.head(self.body(x))


def begun(seconds=0.0, steps=100_000):
    torch.manual_seed(0)
    job = Job(model=Learning(seconds), data=data.load("digits"), settings=Settings(), steps=steps)
    return start(Supervised(), job)


def wait_until(condition, seconds=40.0):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    assert condition()


def threads():
    return [thread for thread in threading.enumerate() if thread.name == "workbench-following"]


@pytest.fixture
def run():
    run = begun(seconds=0.003)
    wait_until(lambda: run.progress.step > 2)
    yield run
    run.stop()
    run.wait()
    wait_until(lambda: not threads())


@pytest.fixture
def panel(run):
    panel = panels.attach(run.model, data.load("digits")).choose("saliency")
    yield panel
    panel.close()


def scores(frame):
    return frame["arrays"]["scores"]["data"]


def test_frames_change_while_the_run_goes_on_and_the_losses_stay_the_same_bit_by_bit(run, panel):
    seen = []
    panel.observe(lambda change: seen.append((run.running, scores(change["new"]))), "frame")
    panel.follow(run)
    wait_until(lambda: len({drawn for running, drawn in seen if running}) >= 3)
    run.stop()
    run.wait()
    alone = begun()
    wait_until(lambda: alone.progress.step >= run.progress.step)
    alone.stop()
    alone.wait()
    losses, others = (one.history.column("train", "loss")[1] for one in (run, alone))
    assert 20 < len(losses) <= len(others)
    assert np.array_equal(losses, others[: len(losses)])


def test_the_header_says_step_and_price_and_the_price_is_kept(run, panel):
    panel.follow(run)
    said_at = []
    panel.observe(
        lambda change: said_at.append((run.progress.step, change["new"], panel._following.share)), "following"
    )
    wait_until(lambda: len(said_at) >= 4)
    steps = []
    for step, text, share in said_at:
        found = re.fullmatch(r"following run, step ([\d,]+), \+(<1|\d+) %", text)
        assert found
        steps.append(int(found[1].replace(",", "")))
        assert steps[-1] <= step
        assert 0 < share < 1
    assert steps == sorted(steps)
    assert steps[0] < steps[-1]
    following = panel._following
    gone = time.monotonic() - following._begun
    assert following.spent <= (gone + following.pause) * SHARE
    assert not any("weights have changed" in doubt["text"] for doubt in panel.frame["doubts"])


def test_the_stride_follows_the_price(run, panel, monkeypatch):
    seen, view = [], panel.view("saliency")
    whole = type(view).whole

    def dear(self):
        time.sleep(0.05)
        return whole(self)

    monkeypatch.setattr(type(view), "whole", dear)
    panel.choose("saliency")
    panel.observe(lambda change: seen.append(time.monotonic()), "frame")
    begin = time.monotonic()
    panel.follow(run)
    wait_until(lambda: len(seen) >= 2)
    assert seen[0] - begin > 0.05 / SHARE
    assert seen[1] - seen[0] > 0.05 / SHARE


def test_the_last_frame_is_of_the_last_weights_and_the_thread_ends():
    run = begun(seconds=0.001, steps=60)
    panel = panels.attach(run.model, data.load("digits")).choose("saliency").follow(run)
    run.wait()
    wait_until(lambda: panel.following.startswith("run done, step 60, +"))
    wait_until(lambda: not threads())
    after = scores(panel.frame)
    panel.choose("saliency")
    assert scores(panel.frame) == after
    panel.close()


def test_closing_the_panel_ends_the_following_and_frees_the_panel(run):
    panel = panels.attach(run.model, data.load("digits")).follow(run)
    assert len(threads()) == 1
    alive = weakref.ref(panel)
    panel.close()
    del panel
    wait_until(lambda: not threads())
    gc.collect()
    assert alive() is None
    assert run.running


def test_following_again_leaves_one_thread(run, panel):
    for _ in range(3):
        panel.follow(run)
    wait_until(lambda: len(threads()) == 1)


def test_an_error_while_following_is_shown_and_the_run_goes_on(run, panel, monkeypatch):
    def broken(self):
        raise ZeroDivisionError("by nought")

    monkeypatch.setattr(type(panel.view("saliency")), "whole", broken)
    panel.follow(run)
    wait_until(lambda: panel.frame.get("error") == "ZeroDivisionError: by nought")
    at = run.progress.step
    wait_until(lambda: run.progress.step > at + 3)


def test_a_paused_run_costs_nothing(run, panel):
    panel.follow(run)
    wait_until(lambda: panel.following)
    run.pause()
    wait_until(lambda: run.status == "paused")
    wait_until(lambda: f"step {run.progress.step:,}," in panel.following)
    seen = []
    panel.observe(lambda change: seen.append(change["new"]), "frame")
    time.sleep(0.8)
    assert seen == []
    run.resume()
    wait_until(lambda: seen)


def test_the_run_of_another_model_is_one_sentence(run):
    panel = panels.attach(nn.Linear(3, 2), torch.ones(1, 3))
    with pytest.raises(ModelError, match=r"another model \(Learning\) than the one on show \(Linear\)"):
        panel.follow(run)
    assert threads() == []
    panel.close()


def test_the_words_of_the_header(run):
    assert said(run, 1240, 0.031) == "following run, step 1,240, +3 %"
    assert said(run, 7, 0.002) == "following run, step 7, +<1 %"
    assert said(None, 7, 0.05) == "run is gone, step 7, +5 %"

"""Several runs in one chart: live ones, ended ones and those in folders, with the same axes and their own buttons."""

import gc
import json
import shutil
import time
import weakref

import numpy as np
import pytest
import torch
from torch import nn

import workbench as wb
from workbench import data, panels
from workbench.core.errors import CheckpointError, ConfigError
from workbench.objectives import Supervised
from workbench.panels.live import Live
from workbench.train import Job, Settings, start


class Slow(nn.Module):
    def __init__(self, seconds):
        super().__init__()
        self.layer, self.seconds = nn.Linear(64, 10), seconds

    def forward(self, x):
        time.sleep(self.seconds)
        return self.layer(x.flatten(1))


def begun(steps=100_000, directory=None, seconds=0.002, seed=0):
    torch.manual_seed(seed)
    job = Job(model=Slow(seconds), data=data.load("digits"), settings=Settings(validate_every=20), steps=steps)
    return start(Supervised(), job, directory=directory)


def wait_until(condition, seconds=20.0):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    assert condition()


def curve(view, run, name):
    found = next(c for c in view.frame["curves"] if (c["run"], c["name"]) == (run, name))
    return [np.frombuffer(found[axis]["data"], found[axis]["dtype"]) for axis in ("x", "y")]


@pytest.fixture
def pair():
    runs = [begun(), begun(seed=1)]
    yield runs
    for run in runs:
        run.stop()
        run.wait()


@pytest.fixture
def root(tmp_path):
    for name, steps in (("slow", 40), ("<b>fast</b>", 60)):
        begun(steps, tmp_path / name, seconds=0).wait()
    return tmp_path


def test_two_live_runs_are_pushed_into_one_chart(pair):
    view, pushed = panels.overlay(*pair), []
    view.send = lambda message, buffers: pushed.append((message, [len(b) for b in buffers]))
    wait_until(lambda: {c["run"] for m, _ in pushed for c in m["curves"] if c["name"] == "loss"} == {0, 1})
    for message, sizes in pushed:
        assert len(sizes) == 2 * len(message["curves"])
        assert [run["name"] for run in message["state"]["runs"]] == ["Slow", "Slow (2)"]
    assert view.title == "2 runs"
    view.close()
    wait_until(lambda: not view._follower.is_alive())


def test_buttons_act_on_their_own_run_and_on_no_other(pair):
    view = panels.overlay(*pair)
    view._handle_custom_msg({"type": "wish", "seq": 1, "wish": {"do": "pause", "run": 1}}, [])
    wait_until(lambda: pair[1].status == "paused")
    assert pair[0].status == "running"
    view._handle_custom_msg({"type": "wish", "seq": 2, "wish": {"do": "stop", "run": 0}}, [])
    pair[0].wait()
    assert pair[1].status == "paused"
    view._handle_custom_msg({"type": "wish", "seq": 3, "wish": {"do": "resume", "run": 1}}, [])
    wait_until(lambda: [run["status"] for run in view.frame["state"]["runs"]] == ["stopped", "running"])
    view.close()


def test_a_run_that_ended_is_drawn_to_its_end_while_another_goes_on_and_may_go_on_itself(pair):
    view = panels.overlay(*pair)
    wait_until(lambda: pair[0].progress.step > 25)
    pair[0].stop()
    pair[0].wait()
    end = pair[0].progress.step
    wait_until(lambda: view.frame["state"]["runs"][0]["status"] == "stopped")
    assert curve(view, 0, "loss")[0][-1] == end
    before = curve(view, 0, "loss")[1]
    wait_until(lambda: pair[1].progress.step > 2 * end + 20)
    wait_until(lambda: curve(view, 1, "loss")[0][-1] > end)
    assert np.array_equal(curve(view, 0, "loss")[1], before)
    view._handle_custom_msg({"type": "wish", "seq": 1, "wish": {"do": "resume", "run": 0}}, [])
    wait_until(lambda: pair[0].progress.step > end + 20)
    for run in pair:
        run.stop()
        run.wait()
    wait_until(lambda: not view._follower.is_alive())
    assert curve(view, 0, "loss")[0][-1] == pair[0].progress.step
    view.close()


def test_ended_runs_come_from_their_folders(root):
    view = panels.overlay("slow", "<b>fast</b>", root=root)
    states = view.frame["state"]["runs"]
    assert [(s["name"], s["status"], s["step"], s["buttons"]) for s in states] == [
        ("slow", "done", 40, False),
        ("<b>fast</b>", "done", 60, False),
    ]
    for i, name in enumerate(("slow", "<b>fast</b>")):
        with (root / name / "events.jsonl").open() as lines:
            events = [json.loads(line) for line in lines]
        known = [(e["step"], e["metrics"]["loss"]) for e in events if e["phase"] == "train"]
        x, y = curve(view, i, "loss")
        assert x.tolist() == [step for step, _ in known]
        assert np.allclose(y, [loss for _, loss in known])
        assert curve(view, i, "validation · loss")[0].tolist() == [e["step"] for e in events if e["phase"] != "train"]
    assert view.text().splitlines()[0].startswith("slow: done, step 40 of 40, loss 1.")
    assert "<b>fast" not in view.picture()
    assert view.picture().count("<polyline") == 4
    view.close()


def test_rows_of_the_table_of_runs_and_paths_name_the_same_runs(root):
    rows = wb.runs(root)
    views = [panels.overlay(*rows, root=root), panels.overlay(*[root / row.name for row in rows])]
    assert [len(view.frame["state"]["runs"]) for view in views] == [2, 2]
    for a, b in zip(views[0].frame["curves"], views[1].frame["curves"], strict=True):
        assert a == b
    one = panels.overlay(rows[0], root=root)
    assert len(one.frame["state"]["runs"]) == 1
    for view in (*views, one):
        view.close()


def test_a_live_run_beside_one_of_a_folder(root):
    run = begun()
    view = panels.overlay(run, "slow", root=root)
    view._handle_custom_msg({"type": "wish", "seq": 1, "wish": {"do": "stop", "run": 1}}, [])
    assert run.running
    assert [state["buttons"] for state in view.frame["state"]["runs"]] == [True, False]
    run.stop()
    run.wait()
    wait_until(lambda: view.frame["state"]["runs"][0]["status"] == "stopped")
    view.close()


def test_a_folder_whose_process_died_is_interrupted_and_one_that_grows_is_read_again(root):
    path = root / "slow" / "run.json"
    about = json.loads(path.read_text())
    path.write_text(json.dumps({**about, "status": "running"}))
    view = panels.overlay("slow", root=root)
    assert view.frame["state"]["status"] == "interrupted"
    with (root / "slow" / "events.jsonl").open("a") as record:
        record.write('{"step":41,"phase":"train","time":1.0,"metrics":{"loss":0.5}}\n')
    view.follow()
    wait_until(lambda: view.frame["state"]["step"] == 41)
    assert curve(view, 0, "loss")[1][-1] == 0.5
    view.close()


def test_a_run_of_this_process_in_a_folder_is_going_on_there(tmp_path):
    run = begun(directory=tmp_path / "here")
    wait_until(lambda: run.progress.step > 3)
    view = panels.overlay("here", root=tmp_path)
    assert view.frame["state"]["status"] == "running"
    wait_until(lambda: view.frame["state"]["step"] > 20)
    run.stop()
    run.wait()
    wait_until(lambda: not view._follower.is_alive())
    assert view.frame["state"]["status"] == "stopped"
    assert view.frame["state"]["step"] == run.progress.step
    view.close()


def test_a_folder_that_vanishes_leaves_what_was_drawn(root):
    view = panels.overlay("slow", "<b>fast</b>", root=root)
    before = curve(view, 0, "loss")[1]
    shutil.rmtree(root / "slow")
    wait_until(lambda: not view._follower.is_alive())
    view.follow()
    wait_until(lambda: not view._follower.is_alive())
    view.summarise()
    assert np.array_equal(curve(view, 0, "loss")[1], before)
    assert view.frame["state"]["runs"][0]["status"] == "done"
    view.close()


def test_what_is_no_run_is_one_sentence(root):
    with pytest.raises(CheckpointError, match="There is no run in"):
        panels.overlay("slow", "nothing", root=root)
    with pytest.raises(ConfigError, match="No run was given"):
        panels.overlay(root=root)


def test_a_chart_keeps_no_model_alive():
    runs = [begun(5), begun(7)]
    view = panels.overlay(*runs)
    for run in runs:
        run.wait()
    models = [weakref.ref(run.model) for run in runs]
    wait_until(lambda: not view._follower.is_alive())
    del run, runs
    gc.collect()
    assert [model() for model in models] == [None, None]
    view._handle_custom_msg({"type": "wish", "seq": 1, "wish": {"whole": True}}, [])
    assert curve(view, 1, "loss")[0].tolist() == list(range(1, 8))
    assert [state["status"] for state in view.frame["state"]["runs"]] == ["done", "done"]
    view.close()


def test_following_changes_no_loss():
    alone = begun(60)
    alone.wait()
    watched = begun(60)
    other = begun(60, seed=1)
    view = panels.overlay(watched, other)
    watched.wait()
    other.wait()
    losses = [run.history.column("train", "loss")[1] for run in (alone, watched)]
    assert np.array_equal(*losses)
    view.close()


def test_one_run_has_the_same_view_as_ever(pair):
    view = Live(pair[0])
    assert view.title == "Slow"
    assert len(view.frame["state"]["runs"]) == 1
    assert view.frame["state"]["status"] == view.frame["state"]["runs"][0]["status"]
    assert view.text().startswith("Slow: running, step ")
    view.close()

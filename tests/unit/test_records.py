"""The record on disk, the table of runs with its index, and the spec from which a run is made again."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import workbench
from workbench import data, train
from workbench.core import seeds
from workbench.core.errors import CheckpointError, ModelError
from workbench.objectives import Supervised
from workbench.paradigms import PPO
from workbench.train import AdamW, Job, RunSettings, Settings
from workbench.train.record import INDEX, rebuild_index, runs
from workbench.train.spec import RunSpec


def job(steps=12, **chosen):
    x = torch.randn(60, 4, generator=torch.Generator().manual_seed(0))
    with seeds.seeded(0):
        net = nn.Linear(4, 2)
    return Job(model=net, data=data.of((x, (x.sum(1) > 0).long())), settings=Settings(**chosen), steps=steps)


@pytest.fixture
def root(tmp_path):
    place = tmp_path / "runs"
    for name, lr in (("a", 1e-3), ("b", 1e-2)):
        train.start(Supervised(), job(optimiser=AdamW(lr=lr)), place / name).wait()
    return place


def test_every_event_is_a_line_of_json(root):
    lines = [json.loads(line) for line in (root / "a" / "events.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if line["phase"] == "train"] == list(range(1, 13))
    assert all(isinstance(line["metrics"]["loss"], float) and line["time"] > 1e9 for line in lines)


def test_odd_names_and_numbers_survive_the_record(tmp_path):
    from workbench.train.contract import Event
    from workbench.train.journal import Journal, events

    written = [
        Event(1, 'a "phase"\n', {'f"\\': float("inf"), "é": 1e-300}, "client </script>"),
        Event(2, "train", {"loss": float("nan")}),
    ]
    journal = Journal(tmp_path)
    for event in written:
        journal.add(event, 0.0)
    journal.flush()
    read = list(events(tmp_path))
    assert read[0] == written[0]
    assert read[1].metrics["loss"] != read[1].metrics["loss"]


def test_the_table_lists_runs_newest_first_with_their_last_figures(root):
    table = runs(root)
    assert [row.name for row in table] == ["b", "a"]
    row = table[1]
    assert (row.status, row.plan, row.seed, row.step) == ("done", "Supervised", 0, 12)
    assert {"train loss", "validation accuracy"} <= row.figures.keys()
    assert "b" in str(table)
    assert "done" in str(table[:1])
    assert len(runs(root / "nowhere")) == 0
    assert str(runs(root / "nowhere")) == "No runs."


def test_runs_are_compared_by_the_settings_in_which_they_differ(root):
    assert runs(root).compare() == {"optimiser.lr": {"a": 1e-3, "b": 1e-2}}
    assert "optimiser.lr" in str(runs(root))


def test_html_in_a_name_is_escaped(root):
    (root / "a").rename(root / "<script>alert(1)</script>".replace("/", "\N{DIVISION SLASH}"))
    html = runs(root)._repr_html_()
    assert "<script" not in html
    assert "&lt;script&gt;" in html


def test_the_index_is_only_a_copy_of_the_folders(root):
    before = [row.__dict__ for row in runs(root)]
    (root / INDEX).write_bytes(b"not a data base")
    assert [row.__dict__ for row in runs(root)] == before
    assert [row.__dict__ for row in rebuild_index(root)] == before
    assert sqlite3.connect(root / INDEX).execute("SELECT count(*) FROM runs").fetchone() == (2,)
    train.resume(root / "a", Supervised(), job(20)).wait()
    assert {row.name: row.step for row in runs(root)} == {"a": 20, "b": 12}
    (root / "b" / "run.json").write_text("{")
    assert [row.name for row in runs(root)] == ["a"]


def test_records_are_not_read_again_while_nothing_changed(root, monkeypatch):
    runs(root)
    monkeypatch.setattr("workbench.train.record.journal.events", lambda path: pytest.fail("read again"))
    assert len(runs(root)) == 2


CHILD = """
import time, torch
from torch import nn
from workbench import data, train
from workbench.objectives import Supervised
x = torch.randn(60, 4)
job = train.Job(model=nn.Linear(4, 2), data=data.of((x, (x.sum(1) > 0).long())), settings=train.Settings(), steps=10**6)
train.start(Supervised(), job, {folder!r}, on_event=lambda event: time.sleep(1e-3))
print("going", flush=True)
time.sleep(60)
"""


def test_a_run_whose_process_died_reads_as_interrupted(tmp_path):
    folder = tmp_path / "runs" / "died"
    root = Path(workbench.__file__).parents[1]
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD.format(folder=str(folder))],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    try:
        assert process.stdout.readline() == b"going\n"
        ends = time.monotonic() + 20
        while not (folder / "events.jsonl").exists() and time.monotonic() < ends:
            time.sleep(0.01)
        assert runs(tmp_path / "runs")[0].status == "running"
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
    assert runs(tmp_path / "runs")[0].status == "interrupted"


def test_a_spec_survives_json_with_the_classes_of_plan_and_settings():
    for plan, settings in (
        (Supervised(label_smoothing=0.1), Settings(optimiser=train.Muon(lr=0.5), clip=1.0)),
        (PPO(rollout=64), RunSettings(keep_checkpoints=5)),
    ):
        spec = RunSpec(model="cnn", config={"width": 3}, data="digits", plan=plan, settings=settings, seed=4, steps=7)
        again = RunSpec.from_json(spec.model_dump_json())
        assert again == spec
        assert type(again.plan) is type(plan)
        assert type(again.settings) is type(settings)


def test_a_spec_in_a_folder_makes_the_run_again(tmp_path):
    plan = Supervised(label_smoothing=0.1)
    named = RunSpec(
        model="line", config={"outputs": 2}, data="mine", options={"n": 60}, plan=plan, settings=Settings(), steps=12
    )
    first = train.start(plan, job(), tmp_path / "run", spec=named).wait()
    asked = []

    def build(name, config, source, seed):
        asked.append((name, dict(config), source.size("train"), seed))
        return nn.Linear(4, config["outputs"])

    def load(name, options):
        asked.append((name, dict(options)))
        return job().data

    spec = RunSpec.read(tmp_path / "run")
    made = spec.job(build, load)
    assert asked == [("mine", {"n": 60}), ("line", {"outputs": 2}, first.driver.data.size("train"), 0)]
    again = train.resume(tmp_path / "run", spec.plan, made).wait()
    assert torch.equal(again.model.weight, first.model.weight)
    assert RunSpec.read(tmp_path / "run") == spec


def test_what_was_handed_over_must_be_handed_over_again(tmp_path):
    train.start(Supervised(), job(), tmp_path / "run").wait()
    spec = RunSpec.read(tmp_path / "run")
    never = lambda *_: pytest.fail("asked")  # noqa: E731
    with pytest.raises(ModelError, match="model="):
        spec.job(never, never, data=job().data)
    with pytest.raises(ModelError, match="data="):
        spec.job(never, never)
    assert spec.job(never, never, model=nn.Linear(4, 2), data=job().data).steps == 12


def test_a_plan_that_holds_a_function_is_recorded_and_resumes(tmp_path):
    class Holds(Supervised):
        function: Any = None

    train.start(Holds(function=lambda x: x), job(), tmp_path / "run").wait()
    assert train.resume(tmp_path / "run", Holds(), job(20)).wait().driver.step == 20
    assert runs(tmp_path)[0].plan.endswith("Holds")


def test_a_plan_typed_in_a_cell_must_be_handed_over_again(tmp_path):
    class Mine(Supervised):
        pass

    train.start(Mine(), job(), tmp_path / "run").wait()
    with pytest.raises(CheckpointError, match="not a class of the workbench"):
        RunSpec.read(tmp_path / "run")
    assert RunSpec.read(tmp_path / "run", plan=Mine()).steps == 12
    assert train.resume(tmp_path / "run", Mine(), job()).wait().status == "done"

"""Panels in a kernel without a browser, as nbmake runs them: nothing waits, and the outputs say something."""

import os

import nbformat
import pytest
from nbclient import NotebookClient

pytestmark = pytest.mark.slow

CELLS = (
    """
import torch
from torch import nn
from workbench import data, panels
from workbench.objectives import Supervised
from workbench.train import Job, Settings, start
model = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
job = Job(model=model, data=data.load("digits"), settings=Settings(), steps=300)
""",
    "run = start(Supervised(), job)\nview = panels.follow(run, waits=True)\nrun.wait();",
    "view._follower.join(20)",
    "panels.attach(model, data.load('digits'), names=['<script>alert(1)</script>'] * 10)",
)


@pytest.fixture(scope="module")
def executed():
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    client = NotebookClient(notebook, timeout=120, kernel_name="python3", store_widget_state=True)
    client.execute(env={**os.environ, "WORKBENCH_STRICT": "1", "WORKBENCH_BUDGET": "ci"})
    return client.nb


def bundle(executed, cell):
    return next(
        out for out in executed.cells[cell].outputs if "application/vnd.jupyter.widget-view+json" in out.get("data", {})
    )["data"]


def test_the_live_view_ends_as_a_drawing_of_the_whole_run(executed):
    data = bundle(executed, 1)
    assert data["text/plain"].startswith("Sequential: done, step 300 of 300, loss ")
    assert "<polyline" in data["text/html"]


def test_every_tab_of_the_inspector_is_in_the_output(executed):
    data = bundle(executed, 3)
    assert "650 parameters" in data["text/plain"]
    assert "No attention was computed by Sequential" in data["text/html"]
    assert "data:image/png;base64," in data["text/html"]
    assert "Completeness gap" in data["text/html"]
    assert "<script" not in data["text/html"]


def test_the_state_of_every_panel_is_small(executed):
    state = executed.metadata["widgets"]["application/vnd.jupyter.widget-state+json"]["state"]
    sizes = {key: len(str(widget)) for key, widget in state.items() if widget["model_name"] == "AnyModel"}
    assert len(sizes) == 2
    assert max(sizes.values()) < 150_000  # most of it the scripts of five tabs

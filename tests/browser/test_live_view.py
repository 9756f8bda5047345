"""The live view of a run in JupyterLab: it moves while the run goes on, and its buttons act."""

import pytest

pytestmark = pytest.mark.browser

PIXELS = """view => {
  const canvas = view.querySelector('canvas');
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  return data.reduce((sum, value, i) => (sum * 31 + value * (i % 97)) >>> 0, 7);
}"""

MODEL = """
import time
import torch
from torch import nn
import workbench as wb

class Slow(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
    def forward(self, x):
        time.sleep(0.01)
        return self.layers(x)

torch.manual_seed(0)
model = Slow()
settings = wb.Settings(validate_every=50)
"""


def test_under_start_the_view_moves_and_stop_ends_the_run_within_two_steps(notebook):
    path = notebook.write(
        "live.ipynb",
        MODEL
        + "wished, after = [], []\n"
        + "def noted(event):\n    if wished and event.phase == 'train': after.append(event.step)\n",
        "run = wb.start(model, 'digits', steps=100_000, settings=settings, on_event=noted)\n"
        "stop = run.stop\nrun.stop = lambda: (wished.append(run.progress.step), stop())",
        "print('RUNNING', run.running)",
        "run.wait()\n"
        "y = model(*wb.data.load('digits').sample_batch(4).inputs)\n"
        "print('AFTER', run.status, len(after), tuple(y.shape), bool(torch.isfinite(y).all()))",
    )
    notebook.open(path)
    page = notebook.page
    for cell in range(3):
        notebook.run_cell(cell)
    view = page.locator(".wb-live")
    view.wait_for()
    page.locator(".jp-OutputArea-output", has_text="RUNNING True").wait_for()
    frames = {}
    for _ in range(60):
        assert view.get_attribute("data-status") in ("running", None)
        frames[view.evaluate(PIXELS)] = int(view.get_attribute("data-step") or 0)
        if len(frames) >= 4:
            break
        page.wait_for_timeout(250)
    assert len(frames) >= 3
    assert len(set(frames.values())) >= 3
    notebook.photograph(view, "live-running")
    view.get_by_role("button", name="Stop").click()
    page.wait_for_function("() => document.querySelector('.wb-live').dataset.status === 'stopped'")
    assert view.get_by_role("button", name="Stop").is_hidden()
    notebook.run_cell(3)
    said = page.locator(".jp-OutputArea-output", has_text="AFTER")
    said.wait_for()
    _, status, after, rest = said.inner_text().strip().split(maxsplit=3)
    assert status == "stopped"
    assert int(after) <= 2
    assert rest == "(4, 10) True"


def test_under_fit_no_dead_button_is_shown(notebook):
    path = notebook.write(
        "waits.ipynb",
        MODEL + "run = wb.fit(model, 'digits', steps=100_000, settings=settings)",
        "print('AFTER', run.status)",
    )
    notebook.open(path)
    page = notebook.page
    notebook.run_all()
    view = page.locator(".wb-live")
    view.wait_for()
    page.wait_for_function("() => document.querySelector('.wb-live').dataset.status === 'running'")
    assert view.get_by_role("button").count() == 0
    assert "interrupt the kernel to stop cleanly" in view.inner_text()
    page.evaluate("() => { window.jupyterapp.commands.execute('notebook:interrupt-kernel'); }")
    page.locator(".jp-OutputArea-output", has_text="AFTER stopped").wait_for()
    page.wait_for_function("() => document.querySelector('.wb-live').dataset.status === 'stopped'")
    assert "interrupt the kernel" not in view.inner_text()

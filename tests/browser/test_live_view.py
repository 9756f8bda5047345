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


@pytest.mark.both
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


PAIR = (
    MODEL
    + """
from workbench import panels
first, second = Slow(), Slow()
"""
)


def status(view):
    return view.locator(".wb-runs tbody tr").evaluate_all("rows => rows.map(row => row.dataset.status)")


def test_two_runs_are_overlaid_and_each_has_its_buttons(notebook):
    path = notebook.write(
        "overlay.ipynb",
        PAIR + "wb.fit(first, 'digits', steps=60, settings=settings, directory='runs/<b>ended</b>')",
        "run = wb.start(second, 'digits', steps=100_000, settings=settings)",
        "chart = panels.overlay(run, '<b>ended</b>')\nchart",
        "print('AFTER', run.status)",
    )
    notebook.open(path)
    page = notebook.page
    for cell in range(3):
        notebook.run_cell(cell)
    view = page.locator(".wb-live", has_text="2 runs")
    view.wait_for()
    page.wait_for_function("() => [...document.querySelectorAll('.wb-runs tbody tr')].length === 2")
    assert status(view) == ["running", "done"]
    assert view.locator(".wb-runs tbody tr td:first-child").all_inner_texts() == ["1 Slow", "2 <b>ended</b>"]
    assert view.get_by_role("button", name="Stop").count() == 1
    frames = set()
    for _ in range(60):
        frames.add(view.evaluate(PIXELS))
        if len(frames) >= 3:
            break
        page.wait_for_timeout(250)
    assert len(frames) >= 3
    notebook.photograph(view, "live-overlay")

    # The legend takes a run off the chart and puts it back.
    view.get_by_role("button", name="Pause Slow").click()
    page.wait_for_function("() => document.querySelector('.wb-runs tbody tr').dataset.status === 'paused'")
    page.wait_for_timeout(400)
    both = view.evaluate(PIXELS)
    key = view.get_by_role("checkbox", name="2 <b>ended</b>")
    key.uncheck()
    page.wait_for_timeout(200)
    alone = view.evaluate(PIXELS)
    assert "ended" not in view.locator("canvas").get_attribute("aria-label")
    key.check()
    page.wait_for_timeout(200)
    assert view.evaluate(PIXELS) == both != alone
    view.get_by_role("button", name="Resume Slow").click()
    page.wait_for_function("() => document.querySelector('.wb-runs tbody tr').dataset.status === 'running'")
    view.get_by_role("button", name="Stop Slow").click()
    page.wait_for_function("() => document.querySelector('.wb-runs tbody tr').dataset.status === 'stopped'")
    notebook.run_cell(3)
    page.locator(".jp-OutputArea-output", has_text="AFTER stopped").wait_for()


FOLLOWED = (
    MODEL
    + """
run = wb.start(model, 'digits', steps=100_000, settings=settings)
panel = wb.attach(model, 'digits').choose('saliency').follow(run)
panel
"""
)

SCORES = """panel => {
  const canvas = panel.querySelector('.wb-scores');
  return canvas ? canvas.toDataURL() : '';
}"""


# Where the kernel is slow to answer, the nearest frame stands in meanwhile.
SHOWS_WHAT_WAS_ASKED = """() => {
  const bar = document.querySelector('.wb-timeline');
  return bar.dataset.step && bar.getAttribute('aria-busy') === 'false';
}"""


def test_a_timeline_goes_back_through_the_run_and_live_returns(notebook):
    notebook.open(notebook.write("timeline.ipynb", FOLLOWED, "run.stop()\nrun.wait()\nprint('AFTER', run.status)"))
    page = notebook.page
    notebook.run_cell(0)
    panel = page.locator(".wb-inspector")
    bar = panel.locator(".wb-timeline")
    bar.wait_for()
    page.wait_for_function("() => document.querySelector('.wb-timeline input').max >= 2")
    slider, said = bar.get_by_role("slider"), bar.locator("output")
    live = bar.get_by_role("button", name="Back to the newest weights")
    assert live.get_attribute("aria-pressed") == "true"

    slider.focus()
    page.keyboard.press("Home")
    page.wait_for_function(SHOWS_WHAT_WAS_ASKED)
    first, step = panel.evaluate(SCORES), said.inner_text()
    assert live.get_attribute("aria-pressed") == "false"
    assert "loss" in step
    page.keyboard.press("ArrowRight")
    page.wait_for_function("was => document.querySelector('.wb-timeline output').textContent !== was", arg=step)
    page.wait_for_function(SHOWS_WHAT_WAS_ASKED)
    page.wait_for_function(f"was => ({SCORES})(document.querySelector('.wb-inspector')) !== was", arg=first)
    second = panel.evaluate(SCORES)
    # The past stays on show while the run goes on.
    top = int(slider.get_attribute("max"))
    page.wait_for_function("top => document.querySelector('.wb-timeline input').max > top", arg=top)
    assert panel.evaluate(SCORES) == second
    notebook.photograph(panel, "timeline")
    page.keyboard.press("Home")
    page.wait_for_function(f"was => ({SCORES})(document.querySelector('.wb-inspector')) === was", arg=first)

    live.click()
    assert live.get_attribute("aria-pressed") == "true"
    page.wait_for_function(
        f"past => !past.includes(({SCORES})(document.querySelector('.wb-inspector')))", arg=[first, second]
    )
    steps = set()
    for _ in range(60):
        steps.add(said.inner_text())
        if len(steps) >= 3:
            break
        page.wait_for_timeout(250)
    assert len(steps) >= 3

    notebook.run_cell(1)
    page.locator(".jp-OutputArea-output", has_text="AFTER stopped").wait_for()
    panel.get_by_text("run stopped, step").wait_for()
    # Afterwards it is still there, and asking for anything returns to the newest weights.
    slider.focus()
    page.keyboard.press("Home")
    page.wait_for_function(f"was => ({SCORES})(document.querySelector('.wb-inspector')) === was", arg=first)
    panel.get_by_role("tab", name="Overview").click()
    panel.locator(".wb-overview table").wait_for()
    panel.get_by_text("Frames of the past were kept of Saliency alone: Overview shows the newest weights.").wait_for()
    panel.get_by_role("tab", name="Saliency").click()
    page.wait_for_function(
        f"past => !past.includes(({SCORES})(document.querySelector('.wb-inspector')))", arg=[first, ""]
    )


@pytest.mark.thorough
def test_a_page_opened_later_has_the_timeline_too(notebook):
    path = notebook.write("reload.ipynb", FOLLOWED.replace("100_000", "1200"), "print('RAN', run.wait().status)")
    notebook.open(path)
    page = notebook.page
    notebook.run_all(wait=True)
    page.locator(".jp-OutputArea-output", has_text="RAN done").wait_for()
    page.locator(".wb-inspector").get_by_text("run done, step 1,200").wait_for()
    slider = page.locator(".wb-timeline").get_by_role("slider")
    slider.focus()
    page.keyboard.press("Home")
    page.wait_for_function("() => document.querySelector('.wb-timeline').dataset.step")
    first = page.locator(".wb-inspector").evaluate(SCORES)
    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    page.reload()
    slider.wait_for()
    page.wait_for_function(f"() => ({SCORES})(document.querySelector('.wb-inspector'))")
    assert page.locator(".wb-inspector").evaluate(SCORES) != first
    slider.focus()
    page.keyboard.press("Home")
    page.wait_for_function(f"was => ({SCORES})(document.querySelector('.wb-inspector')) === was", arg=first)


def test_a_panel_says_by_itself_that_it_is_old_and_that_it_is_edited(notebook):
    path = notebook.write(
        "old.ipynb",
        MODEL + "panel = wb.attach(model, 'digits').choose('saliency')\npanel",
        "twin = wb.panels.Inspector(panel.session)\ntwin",
        "with torch.no_grad(): model.layers[1].weight.mul_(1.1)",
        "panel.session.ablate('layers.2', 3)\npanel.session.steer('layers.2', torch.ones(32), 0.5)",
    )
    notebook.open(path)
    page = notebook.page
    notebook.run_cell(0)
    notebook.run_cell(1)
    panel, twin = page.locator(".wb-inspector").first, page.locator(".wb-inspector").nth(1)
    panel.locator(".wb-scores").wait_for()
    twin.locator(".wb-overview table").wait_for()
    notebook.run_cell(2)
    panel.get_by_text("the weights have changed since this was computed").wait_for()
    notebook.photograph(panel, "stale")
    panel.get_by_role("button", name="Compute again").click()
    page.wait_for_function("() => !document.querySelector('.wb-inspector').classList.contains('wb-stale')")
    # A pixel pointed at here, by mouse or keyboard, is pointed at there.
    twin.get_by_role("tab", name="Saliency").click()
    twin.locator(".wb-scores").wait_for()
    box = panel.locator(".wb-scores").bounding_box()
    panel.locator(".wb-scores").click(position={"x": box["width"] * 2.5 / 8, "y": box["height"] * 4.5 / 8})
    page.wait_for_function("() => document.querySelectorAll('.wb-point').length === 4")
    page.keyboard.press("ArrowRight")
    panel.get_by_text("row 4, column 3").wait_for()
    twin.get_by_text("row 4, column 3").wait_for()
    assert panel.locator(".wb-scores").evaluate("map => map === map.getRootNode().activeElement")
    before = panel.evaluate(SCORES)
    notebook.run_cell(3)
    for one in (panel, twin):
        one.get_by_text("ablated layers.2, unit 3 · steered layers.2 by 0.5 times").wait_for()
    page.wait_for_function(f"was => ({SCORES})(document.querySelector('.wb-inspector')) !== was", arg=before)
    notebook.photograph(panel, "edited")
    twin.get_by_role("button", name="Take all edits back").click()
    page.wait_for_function(f"was => ({SCORES})(document.querySelector('.wb-inspector')) === was", arg=before)
    page.wait_for_function("() => [...document.querySelectorAll('.wb-edited')].every(bar => bar.hidden)")

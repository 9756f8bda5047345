"""What goes wrong around a panel and the sidebar: each has a screen, and nothing is left in the kernel."""

import re

import pytest
from front_ends import CANCELED
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

MODEL = """
import gc, threading, weakref
import torch
import workbench as wb
from torch import nn
from workbench import panels
from workbench.panels.page.base import Panel

model = nn.Sequential(nn.Flatten(), nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 3))
"""
ATTACH = "inspector = wb.attach(model, torch.rand(4, 1, 4, 4))\ninspector"
COUNT = """
gc.collect()
ours = [each for each in gc.get_objects() if str(type(each).__module__).startswith("workbench.")]
kinds = sorted(type(each).__name__ for each in ours if type(each).__name__ in ("Session", "Run"))
kinds += sorted(type(each).__name__ for each in ours if isinstance(each, Panel) and not each.closed)
names = sorted(thread.name for thread in threading.enumerate() if thread.name.startswith("workbench"))
comms = get_ipython().kernel.comm_manager.comms.values()
widgets = [each for each in comms if getattr(each, "target_name", "") == "jupyter.widget"]
print("LEFT", kinds, len(names) == len(set(names)), len(widgets))
del ours
"""
TRAIN = """
run = wb.start(nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), "digits", steps=50)
run.wait() and None
"""
CLOSED = """
held = weakref.ref(model)
inspector.close()
del inspector, model
get_ipython().displayhook.flush()
gc.collect()
print("MODEL", held())
"""
GONE = "The kernel that drew this has been restarted or has ended"


def opened(notebook, name, *cells):
    """A notebook whose first cells have run, and its panel."""
    notebook.open(notebook.write(name, *cells))
    notebook.run_cell(0)
    notebook.run_cell(1)
    panel = notebook.page.locator(".wb-inspector")
    panel.locator(".wb-overview tbody tr").first.wait_for()
    return panel


def said(notebook, word):
    """What the last output that begins with a word says."""
    output = notebook.outputs().filter(has_text=re.compile(f"^{word}"))
    output.last.wait_for()
    return output.last.inner_text().strip()


def test_run_all_twice_and_a_cell_again_leave_nothing_and_a_closed_panel_frees_its_model(notebook):
    notebook.open(notebook.write("twice.ipynb", MODEL, ATTACH, TRAIN, COUNT, CLOSED))
    counts = []
    for _ in range(3):
        for cell in (0, 1, 1, 2, 3):
            notebook.run_cell(cell)
        notebook.idle()
        counts.append(said(notebook, "LEFT"))
    assert counts[0] == counts[1] == counts[2]
    assert "['Run', 'Session', 'Inspector', 'Live'] True" in counts[0]
    assert notebook.page.locator(".wb-inspector").count() == 1
    assert notebook.page.locator(".wb-live").count() == 1
    notebook.run_cell(4)
    assert said(notebook, "MODEL") == "MODEL None"


def test_a_panel_says_that_its_kernel_was_restarted_or_died_and_begins_anew(notebook):
    page, panel = notebook.page, opened(notebook, "gone.ipynb", MODEL, ATTACH, "import os; os._exit(1)")
    page.evaluate(
        "async () => { await window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart(); }"
    )
    expect(panel).to_contain_text(GONE)
    panel.get_by_role("tab", name="Saliency").click()
    panel.get_by_role("button", name="Compute again").click()
    notebook.photograph(panel, "gone")
    notebook.idle()
    notebook.run_cell(0)
    notebook.run_cell(1)
    panel.get_by_role("tab", name="Saliency").click()
    panel.locator(".wb-saliency, canvas").first.wait_for()
    expect(panel).not_to_contain_text(GONE)
    # A kernel that dies is started again by the server; the page hears of it as of a restart.
    notebook.run_cell(2)
    expect(panel).to_contain_text(GONE)
    page.locator(".jp-Dialog").get_by_role("button", name="Ok").click()
    # JupyterLab makes a subshell for widgets; a kernel that has just started may not answer to that. The extension,
    # which makes subshells too, is not installed here.
    notebook.brought_about.append(CANCELED)


def test_two_pages_of_one_notebook_share_a_panel(notebook, browser):
    panel = opened(notebook, "pages.ipynb", MODEL, ATTACH)
    notebook.page.evaluate("async () => { await window.jupyterapp.commands.execute('docmanager:save'); }")
    other = browser.new_page()
    other.goto(notebook.page.url)
    second = other.locator(".wb-inspector")
    second.get_by_role("tab", name="Saliency").click()
    second.locator(".wb-saliency, canvas").first.wait_for()
    other.close()
    panel.get_by_role("tab", name="Overview").click()
    panel.locator(".wb-overview tbody tr").first.wait_for()
    panel.get_by_role("tab", name="Saliency").click()
    panel.locator(".wb-saliency, canvas").first.wait_for()


def test_a_renamed_notebook_keeps_its_models_and_its_panel(notebook, sidebar):
    panel = opened(notebook, "before.ipynb", MODEL, ATTACH, "second = nn.Linear(1, 1)")
    notebook.page.evaluate("() => window.jupyterapp.commands.execute('workbench:show-models')")
    expect(sidebar.locator(".wb-item")).to_have_count(1)
    notebook.page.evaluate("() => window.jupyterapp.shell.currentWidget.context.rename('after.ipynb')")
    notebook.page.locator(".lm-TabBar-tabLabel", has_text="after.ipynb").first.wait_for()
    panel.get_by_role("tab", name="Saliency").click()
    panel.locator(".wb-saliency, canvas").first.wait_for()
    notebook.run_cell(2)
    expect(sidebar.locator(".wb-item")).to_have_count(2)
    sidebar.get_by_role("button", name="Go to cell that defines second").click()
    notebook.page.wait_for_function("() => window.jupyterapp.shell.currentWidget.content.activeCellIndex === 2")


def test_beside_a_cell_of_half_a_minute_the_sidebar_answers_and_a_panel_says_that_it_waits(notebook, sidebar):
    page = notebook.page
    waits = "import time\nprint('BUSY', flush=True)\nbusy = nn.Linear(2, 2)\ntime.sleep(30)\nprint('SLEPT')"
    panel = opened(notebook, "busy.ipynb", MODEL, ATTACH, waits, "print('FREE')")
    page.evaluate("() => window.jupyterapp.commands.execute('workbench:show-models')")
    expect(sidebar.locator(".wb-item")).to_have_count(1)
    notebook.run_cell(2)
    said(notebook, "BUSY")
    expect(sidebar.locator(".wb-item")).to_have_count(2)
    assert int(sidebar.get_attribute("data-took") or 0) < 1000
    panel.get_by_role("tab", name="Saliency").click()
    drawn = panel.locator(".wb-body canvas, .wb-body .wb-saliency").or_(panel.get_by_text("a busy kernel answers"))
    drawn.first.wait_for()
    assert notebook.outputs().filter(has_text="SLEPT").count() == 0
    page.evaluate("() => { window.jupyterapp.commands.execute('notebook:interrupt-kernel'); }")
    notebook.outputs().filter(has_text="KeyboardInterrupt").wait_for()
    panel.locator(".wb-body canvas, .wb-body .wb-saliency").first.wait_for()
    notebook.run_cell(3)
    assert said(notebook, "FREE") == "FREE"


def test_a_kernel_without_torch_has_a_sentence(notebook, sidebar):
    without = "import sys\nsys.modules['torch'] = None\nimport workbench as wb\nprint('RAN', wb.__name__)"
    notebook.open(notebook.write("without.ipynb", without, "wb.attach(1, 2)"))
    notebook.page.evaluate("() => window.jupyterapp.commands.execute('workbench:show-models')")
    notebook.run_cell(0)
    assert said(notebook, "RAN") == "RAN workbench"
    expect(sidebar).to_contain_text("torch is not imported in this kernel yet.")
    sidebar.get_by_role("button", name="List the models").click()
    expect(sidebar).to_contain_text("torch is not imported in this kernel yet.")
    notebook.run_cell(1)
    notebook.outputs().filter(has_text="ModuleNotFoundError: import of torch halted").wait_for()

"""The JupyterLab extension: the sidebar beside a real kernel, what its buttons do, and what nasty names do not."""

import struct

import nbformat
import pytest
import torch
from front_ends import CANCELED
from playwright.sync_api import Locator, Page, expect
from safetensors.torch import save_file

pytestmark = pytest.mark.browser


MODELS = """import torch
from torch import nn
nasty = type('<img src=x onerror="window.hit = 1">', (nn.Sequential,), {})
model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 2))
globals()['<b onmouseover="window.hit = 1">bold</b>'] = nasty(nn.Linear(4, 4))
globals()['x); window.hit = 1; ('] = nn.Linear(1, 1)
globals()['\\u202egnp.exe'] = nn.Linear(1, 2)"""

RUN = """
import time
from workbench import data
from workbench.objectives import Supervised
from workbench.train import Job, Settings, start

class Slow(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    def forward(self, x):
        time.sleep(0.01)
        return self.layers(x)

slow = Slow()
job = Job(model=slow, data=data.load("digits"), settings=Settings(), steps=100_000)
run = start(Supervised(), job)
"""

BUSY = """
for i in range(300):
    print(i, flush=True)
    time.sleep(0.1)
    if not run.running:
        break
print("OVER", run.status)
"""


def show(page: Page) -> None:
    page.evaluate("() => window.jupyterapp.commands.execute('workbench:show-models')")


def named(sidebar: Locator, name: str) -> Locator:
    return sidebar.locator(".wb-item").filter(has=sidebar.page.locator(".wb-name", has_text=name))


def open_with(notebook, sidebar: Locator, name: str, *cells: str) -> Page:
    """A notebook of these cells, the sidebar beside it."""
    notebook.open(notebook.write(name, *cells))
    show(notebook.page)
    expect(sidebar).to_be_visible()
    return notebook.page


def test_the_sidebar_lists_models_and_attach_inserts_a_cell_and_runs_it(notebook, sidebar):
    page = open_with(notebook, sidebar, "models.ipynb", MODELS, "pass", "torch.manual_seed(0)")
    expect(sidebar).to_contain_text("torch is not imported")
    notebook.run_cell(0)
    notebook.idle()
    expect(sidebar.locator(".wb-item")).to_have_count(4)
    item = named(sidebar, "model")
    expect(item).to_contain_text("Sequential · 178 parameters · cpu · train")
    assert int(sidebar.get_attribute("data-took") or 0) < 1000

    nasty = named(sidebar, "bold")
    expect(nasty.locator(".wb-name")).to_have_text('<b onmouseover="window.hit = 1">bold</b>')
    expect(nasty).to_contain_text('<img src=x onerror="window.hit = 1">')
    assert sidebar.locator("b, img").count() == 0
    assert nasty.get_by_role("button", name="Attach").count() == 0
    assert named(sidebar, "x); window.hit").get_by_role("button", name="Attach").count() == 0
    expect(sidebar).to_contain_text("\\u202egnp.exe")
    assert page.evaluate("window.hit") is None
    notebook.photograph(page.locator(".jp-LabShell"), "sidebar")

    page.evaluate("() => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = 1; }")
    item.get_by_role("button", name="Attach").click()
    dialog = page.locator(".jp-Dialog")
    dialog.locator("input").fill("torch.randn(4, 8)")
    dialog.get_by_role("button", name="Attach").click()
    page.locator(".jp-CodeCell", has_text="wb.attach(model, torch.randn(4, 8))").wait_for()
    page.locator(".jp-CodeCell", has_text="wb.attach").locator(".jp-OutputArea-output").first.wait_for()
    assert (
        page.evaluate(
            "() => window.jupyterapp.shell.currentWidget.content.widgets.map(c => c.model.sharedModel.getSource())[2]"
        )
        == "import workbench as wb\nwb.attach(model, torch.randn(4, 8))"
    )
    notebook.photograph(page.locator(".jp-LabShell"), "sidebar-attached")


def test_layers_jump_and_drag(notebook, sidebar):
    page = open_with(notebook, sidebar, "acts.ipynb", "import torch", MODELS, *["pass"] * 30, "# drop here:\n")
    notebook.run_cell(1)
    item = named(sidebar, "model")
    item.wait_for()
    page.evaluate("() => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = 20; }")
    item.get_by_role("button", name="Go to cell").click()
    page.wait_for_function("() => window.jupyterapp.shell.currentWidget.content.activeCellIndex === 1")

    item.drag_to(page.locator(".jp-Cell .cm-line", has_text="import torch").first)
    page.wait_for_function(
        "() => window.jupyterapp.shell.currentWidget.content.widgets[0].model.sharedModel.getSource().includes('model')"
    )

    item.get_by_role("button", name="Layers").click()
    table = page.locator(".wb-Table")
    expect(table.locator("tbody tr")).to_have_count(4)
    expect(table.locator("tbody tr").first).to_contain_text("0.weight")
    expect(table).to_contain_text("4 tensors · 178 numbers")
    table.get_by_role("searchbox").fill("2.")
    expect(table.locator("tbody tr")).to_have_count(2)
    notebook.photograph(page.locator(".jp-LabShell"), "layers")


def test_a_busy_kernel_is_listed_beside_its_cell_and_its_run_is_stopped(notebook, sidebar):
    page = open_with(notebook, sidebar, "busy.ipynb", MODELS + RUN, BUSY)
    notebook.run_cell(0)
    item = named(sidebar, "slow")
    expect(item).to_contain_text("training now")
    notebook.idle()
    notebook.run_cell(1)
    page.locator(".jp-OutputArea-output", has_text="1").first.wait_for()
    expect(item.locator(".wb-run")).to_contain_text("running")
    step = item.locator(".wb-run .wb-meta").inner_text()
    expect(item.locator(".wb-run .wb-meta")).not_to_have_text(step)
    took = int(sidebar.get_attribute("data-took") or 0)
    assert took < 1000
    assert page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.status") == "busy"
    assert len((item.locator("polyline").get_attribute("points") or "").split()) > 3
    notebook.photograph(page.locator(".jp-LabShell"), "sidebar-running")
    item.get_by_role("button", name="Stop").click()
    page.locator(".jp-OutputArea-output", has_text="OVER stopped").wait_for()
    expect(item.locator(".wb-run")).to_contain_text("stopped")
    expect(item.get_by_role("button", name="Stop")).to_be_hidden()
    count = "() => window.jupyterapp.shell.currentWidget.content.widgets.map(c => c.model.executionCount)"
    notebook.idle()
    assert page.evaluate(count) == [1, 2]


def test_a_restart_and_a_dead_kernel_have_a_screen(notebook, sidebar):
    notebook.brought_about.append(CANCELED)
    page = open_with(notebook, sidebar, "dead.ipynb", MODELS, "import os; os._exit(1)")
    notebook.run_cell(0)
    named(sidebar, "model").wait_for()
    page.evaluate(
        "async () => { await window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart(); }"
    )
    expect(sidebar).to_contain_text("torch is not imported")
    expect(sidebar.locator(".wb-item")).to_have_count(0)
    notebook.idle()
    notebook.run_cell(0)
    named(sidebar, "model").wait_for()
    notebook.run_cell(1)
    expect(sidebar.locator(".wb-item")).to_have_count(0)
    notebook.idle()
    page.wait_for_timeout(1000)


def test_a_reload_finds_the_models_again_and_two_pages_leave_nothing_in_the_kernel(notebook, sidebar, browser):
    count = "import threading\nprint('LEFT', threading.active_count(), len(get_ipython().kernel.comm_manager.comms))"
    page = open_with(
        # A kernel without ipywidgets closes what the page's widgets ask of it, and every other page is told so.
        notebook,
        sidebar,
        "twice.ipynb",
        f"import ipywidgets\n{MODELS}",
        count,
        "import sys; sys.modules['workbench.app.desk'] = None",
    )
    notebook.run_cell(0)
    named(sidebar, "model").wait_for()
    said = []
    for _ in range(2):
        notebook.run_cell(1)
        notebook.idle()
        page.wait_for_timeout(500)
        said.append(page.locator(".jp-OutputArea-output", has_text="LEFT").inner_text())
        second = browser.new_page()
        second.goto(page.url)
        second.wait_for_function("() => window.jupyterapp?.shell?.currentWidget?.sessionContext")
        show(second)
        named(second.locator(".wb-Sidebar"), "model").wait_for()
        second.close()
        page.evaluate("async () => { await window.jupyterapp.commands.execute('docmanager:save'); }")
        notebook.open(notebook.folder / "twice.ipynb")
        show(page)
        named(sidebar, "model").wait_for()
    assert said[0] == said[1]
    notebook.run_cell(2)
    notebook.idle()
    page.evaluate("async () => { await window.jupyterapp.commands.execute('docmanager:save'); }")
    notebook.open(notebook.folder / "twice.ipynb")
    show(page)
    expect(sidebar).to_contain_text("The workbench is not installed in this kernel")
    page.evaluate("async () => { await window.jupyterapp.serviceManager.sessions.shutdownAll(); }")
    page.wait_for_timeout(500)


def test_the_end_of_a_long_run_is_announced(notebook, sidebar):
    page = open_with(notebook, sidebar, "ends.ipynb", MODELS + RUN.replace("100_000", "200"))
    page.evaluate(
        """async () => {
          const connector = window.jupyterapp.serviceManager.settings;
          await connector.save('neural-workbench:plugin', '{"notifySeconds": 0.5, "refreshSeconds": 0.5}');
        }"""
    )
    page.reload()
    page.wait_for_function("() => window.jupyterapp?.shell?.currentWidget?.sessionContext")
    show(page)
    notebook.idle()
    notebook.run_cell(0)
    expect(page.locator(".wb-status")).to_contain_text("training")
    expect(named(sidebar, "slow").locator(".wb-run")).to_contain_text("done")
    page.evaluate("() => { window.jupyterapp.commands.execute('apputils:display-notifications'); }")
    said = page.locator(".jp-Notification-List, .jp-Notification-Center").first
    expect(said).to_contain_text("The run of slow is done after")


def test_a_double_click_on_a_file_of_weights_shows_its_layers(notebook, sidebar):
    nasty = '<img src=x onerror="window.hit = 1">'
    weights = {"encoder.weight": torch.zeros(640, 32), "encoder.bias": torch.zeros(64), nasty: torch.zeros(2).half()}
    save_file(weights, notebook.folder / "small.safetensors", metadata={"format": "pt"})
    (notebook.folder / "broken.safetensors").write_bytes(struct.pack("<Q", 2**60) + b"x")
    page = open_with(notebook, sidebar, "files.ipynb", "pass")
    sent: list[int] = []
    page.on("response", lambda r: sent.append(r.status) if "/files/small.safetensors" in r.url else None)
    page.evaluate("() => { window.jupyterapp.commands.execute('filebrowser:activate'); }")
    page.locator(".jp-DirListing-item", has_text="small.safetensors").dblclick()
    table = page.locator(".wb-Table")
    expect(table.locator("tbody tr")).to_have_count(3)
    expect(table).to_contain_text("3 tensors · 20.5 k numbers")
    expect(table.locator("tbody")).to_contain_text("640 \u00d7 32")
    expect(table.locator("tbody")).to_contain_text(nasty)
    assert sent == [206]
    assert page.evaluate("window.hit") is None
    notebook.photograph(page.locator(".jp-LabShell"), "safetensors")
    page.locator(".jp-DirListing-item", has_text="broken.safetensors").dblclick()
    expect(page.locator(".wb-Table:visible")).to_contain_text("no safetensors file")


def test_the_launcher_opens_a_notebook_that_runs(notebook, sidebar):
    page = open_with(notebook, sidebar, "start.ipynb", "pass")
    page.evaluate("() => { window.jupyterapp.commands.execute('launcher:create'); }")
    card = page.locator(".jp-LauncherCard", has_text="Look inside a model")
    card.wait_for()
    notebook.photograph(page.locator(".jp-LabShell"), "launcher")
    card.click()
    page.wait_for_function("() => window.jupyterapp.shell.currentWidget?.content?.widgets?.length === 4")
    notebook.idle()
    notebook.run_all(wait=True)
    expect(named(sidebar, "model")).to_contain_text("Sequential")


FOREIGN = {
    "model_name": "AnyModel",
    "model_module": "anywidget",
    "model_module_version": "*",
    "state": {
        "_model_name": "AnyModel",
        "_model_module": "anywidget",
        "_model_module_version": "*",
        "_view_name": "AnyView",
        "_view_module": "anywidget",
        "_view_module_version": "*",
        "_esm": "window.hit = 1; export default { render({ el }) { el.textContent = 'STARTED'; } };",
    },
}


@pytest.mark.thorough
def test_a_notebook_that_is_not_trusted_starts_no_saved_widget(notebook, install):
    page, path = notebook.page, notebook.folder / "foreign.ipynb"
    view = {"application/vnd.jupyter.widget-view+json": {"model_id": "a1", "version_major": 2, "version_minor": 0}}
    cell = nbformat.v4.new_code_cell("pass", outputs=[nbformat.v4.new_output("display_data", view)])
    book = nbformat.v4.new_notebook(cells=[cell], metadata={"kernelspec": {"name": "python3", "display_name": "P"}})
    state = {"version_major": 2, "version_minor": 0, "state": {"a1": FOREIGN}}
    book.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": state}
    nbformat.write(book, path)
    # As JupyterLab's widgets do it by themselves. Once they do not, the extension has nothing to withhold.
    notebook.open(path)
    page.wait_for_function("() => window.hit === 1")

    install()
    notebook.open(path)
    page.evaluate("() => window.jupyterapp.commands.execute('apputils:display-notifications')")
    expect(page.locator(".jp-Notification-List, .jp-Notification-Center").first).to_contain_text("is not trusted")
    page.wait_for_timeout(500)
    assert page.evaluate("window.hit") is None
    kept = "() => window.jupyterapp.shell.currentWidget.context.model.toJSON().metadata.widgets"
    assert page.evaluate(kept) == book.metadata["widgets"], "the document is as it was"

    page.evaluate("() => { window.jupyterapp.commands.execute('notebook:trust'); }")
    page.locator(".jp-Dialog").get_by_role("button", name="Trust").click()
    page.locator(".jp-Dialog").wait_for(state="detached")
    page.evaluate("() => { window.jupyterapp.commands.execute('docmanager:save'); }")
    page.wait_for_function("() => !window.jupyterapp.shell.currentWidget.context.model.dirty")
    notebook.open(path)
    page.locator(".jp-OutputArea-output", has_text="STARTED").wait_for()
    assert page.evaluate("window.hit") == 1

"""A cell that runs again leaves no panel behind, and takes none away that another cell still shows."""

import gc
import threading
import weakref

import pytest

from workbench.panels.page import outputs as outputs_file
from workbench.panels.page.outputs import Outputs


class Panel:
    """Notes whether it is closed."""

    closed = False

    def close(self):
        self.closed = True


@pytest.fixture
def outputs():
    return Outputs()


def run(outputs, cell, *panels, deleted=()):
    outputs.begin(cell, deleted)
    for panel in panels:
        outputs.show(panel, cell)
    outputs.end(cell)


def test_what_a_cell_showed_before_is_closed_when_it_has_run_again(outputs):
    first, second = Panel(), Panel()
    run(outputs, "a", first)
    run(outputs, "b")
    assert not first.closed
    run(outputs, "a", second)
    assert (first.closed, second.closed) == (True, False)
    run(outputs, "a")
    assert second.closed


def test_what_is_shown_again_or_elsewhere_stays(outputs):
    again, elsewhere = Panel(), Panel()
    run(outputs, "a", again, elsewhere)
    run(outputs, "b", elsewhere)
    run(outputs, "a", again)
    assert not again.closed
    assert not elsewhere.closed
    run(outputs, "b")
    assert elsewhere.closed


def test_a_panel_stays_while_its_cell_runs_again(outputs):
    panel = Panel()
    run(outputs, "a", panel)
    outputs.begin("a")
    assert not panel.closed
    outputs.end("a")
    assert panel.closed


def test_what_a_deleted_cell_showed_is_closed(outputs):
    panel = Panel()
    run(outputs, "a", panel)
    run(outputs, "b", deleted=["a", "never there"])
    assert panel.closed


def test_nothing_is_kept_alive(outputs):
    panel = Panel()
    run(outputs, "a", panel)
    alive = weakref.ref(panel)
    del panel
    gc.collect()
    assert alive() is None
    run(outputs, "a")


def test_what_a_thread_draws_anew_stays_in_its_cell(monkeypatch):
    class Events:
        def register(self, *_):
            pass

    class Shell:
        events = Events()
        cell = "train"

        def get_parent(self):
            return {"metadata": {"cellId": self.cell}}

    shell, shown = Shell(), Outputs()
    monkeypatch.setattr(outputs_file, "_shell", lambda: shell)
    monkeypatch.setattr(outputs_file, "_OUTPUTS", shown)
    panel = Panel()
    shown.begin("train")
    outputs_file.displayed(panel)
    shown.end("train")
    shell.cell = "another"
    drawing = threading.Thread(target=outputs_file.displayed, args=(panel,))
    drawing.start()
    drawing.join()
    run(shown, "train")
    assert panel.closed

"""The Diagram tab without a browser: what it sends, saves and says, and that a click selects the module."""

import json

import pytest
import torch
from torch import nn

from workbench import panels
from workbench.interpret import Session, trace
from workbench.panels.views._view import source
from workbench.panels.views.diagram import DiagramView


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.f, self.g = nn.Linear(4, 4), nn.Linear(4, 2)

    def forward(self, x):
        return self.g(x + self.f(x))


@pytest.fixture
def shown():
    panel = panels.attach(Residual(), torch.randn(2, 4))
    panel.choose("diagram")
    yield panel
    panel.close()


def test_the_tab_sends_the_plan_of_the_trace_as_json(shown):
    frame = shown.frame
    assert frame["wish"] == {"tab": "diagram"}
    expected = trace(shown.session.model, shown.session.batch)
    meta = json.loads(json.dumps(frame["meta"]))
    assert meta == json.loads(json.dumps({"model": "Residual", **expected.plan.message()}))
    assert frame["code"] == "wb.interpret.trace(model, inputs)"
    assert frame["doubts"][0] == {"level": "good", "text": expected.summary}
    assert "1 residual additions" in expected.summary


def test_a_click_selects_the_module_for_every_view(shown):
    shown.show({"tab": "diagram", "part": {"module": "f"}})
    assert shown.session.selection.layer == "f"
    for nonsense in ("no.such", 3, None, ["f"]):
        shown.show({"tab": "diagram", "part": {"module": nonsense}})
        assert shown.session.selection.layer == "f"


def test_the_table_lists_every_node_in_the_order_of_execution(shown):
    table = shown.table()
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    assert [row["name"] for row in rows] == ["x", "", "f", "add", "g", "output"]
    assert [row["residual"] for row in rows] == [False, False, False, True, False, False]
    assert rows[4]["output"] == "2x2"
    assert rows[1]["parameters"] == 30


def test_a_page_that_draws_nothing_has_the_drawing(shown):
    assert trace(shown.session.model, shown.session.batch).svg() in shown.picture()
    assert "1 residual additions" in shown.text()


def test_what_is_left_out_is_said():
    class Idle(nn.Module):
        def forward(self, x):
            return x

    (frame,) = DiagramView(Session(Idle(), torch.randn(1, 2))).whole()
    assert "Idle" in frame.doubts[0].text


def test_the_page_sets_text_and_fetches_nothing():
    text = source("diagram")
    assert "innerHTML" not in text
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")

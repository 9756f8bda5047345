"""Panels on one session: what is selected or edited in one is seen in all, and each notices that it has become old."""

import gc
import threading
import time
import weakref

import numpy as np
import pytest
import torch
from torch import nn

from workbench import panels
from workbench.interpret import Session
from workbench.interpret.moment import versions
from workbench.panels.following import watching as watching_file
from workbench.panels.following.watching import WATCHER
from workbench.panels.inspector import Inspector
from workbench.panels.page.desk import DESK


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Embedding(6, 5), nn.Flatten(), nn.Linear(20, 8), nn.Tanh(), nn.Linear(8, 3))


@pytest.fixture
def pair():
    """Two Inspectors on one session, both on the same tab."""
    session = Session(network(), torch.tensor([[0, 1, 2, 3], [3, 2, 1, 5]]), names=["ant", "bee", "cat"])
    found = [Inspector(session).choose("saliency") for _ in range(2)]
    yield found
    for panel in found:
        panel.close()
    wait_until(lambda: not threads())


def wait_until(condition, seconds=20.0):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    assert condition()


def threads():
    return [thread for thread in threading.enumerate() if thread.name == "workbench-watching"]


def scores(panel):
    return np.frombuffer(panel.frame["arrays"]["scores"]["data"], np.float32)


def show_on(panel, *, on=True, page="one"):
    panel._handle_custom_msg({"type": "seen", "page": page, "on": on}, [])


def test_what_is_selected_in_one_panel_is_selected_in_the_other_and_in_its_other_tabs(pair):
    one, two = pair
    seq = two.frame["seq"]
    one.show({"tab": "saliency", "part": {"token": 2}}, 7)
    assert DESK.settle()
    assert one.detail["meta"]["token"] == 2
    assert two.frame["meta"]["token"] == 2
    assert two.frame["seq"] == seq
    two.show({"tab": "saliency", "part": {"target": 1}})
    assert DESK.settle()
    assert one.frame["meta"]["target"].endswith(": bee")
    assert np.array_equal(scores(one), np.frombuffer(two.detail["arrays"]["scores"]["data"], np.float32))


class Attending(nn.Module):
    """Two layers of two heads."""

    def __init__(self):
        super().__init__()
        self.first, self.second = (nn.MultiheadAttention(4, 2, batch_first=True) for _ in range(2))

    def forward(self, x):
        x = self.first(x, x, x)[0]
        return self.second(x, x, x)[0].mean(1)


def test_a_head_chosen_in_one_panel_is_chosen_in_the_other():
    torch.manual_seed(0)
    session = Session(Attending(), torch.randn(2, 5, 4))
    one, two = (Inspector(session).choose("attention") for _ in range(2))
    one.show({"tab": "attention", "part": {"layer": 1, "head": 1}}, 3)
    assert DESK.settle()
    assert (two.frame["meta"]["layer"], two.frame["meta"]["head"]) == (1, 1)
    assert session.selection.layer == "second"
    session.select(layer="first", head=0)
    assert DESK.settle()
    assert [(panel.frame["meta"]["layer"], panel.frame["meta"]["head"]) for panel in (one, two)] == [(0, 0), (0, 0)]
    session.select(layer="no such layer", head=7)
    assert DESK.settle()
    assert [(panel.frame["meta"]["layer"], panel.frame["meta"]["head"]) for panel in (one, two)] == [(0, 0), (0, 0)]
    one.close()
    two.close()


def test_a_pixel_pointed_at_in_one_panel_is_pointed_at_in_the_other():
    torch.manual_seed(0)
    session = Session(nn.Sequential(nn.Conv2d(1, 3, 3), nn.Flatten(), nn.Linear(48, 3)), torch.rand(2, 1, 6, 6))
    one, two = (Inspector(session).choose("saliency") for _ in range(2))
    one.show({"tab": "saliency", "part": {"row": 2, "column": 4}}, 3)
    assert DESK.settle()
    assert list(two.frame["meta"]["pixel"]) == [2, 4]
    assert "inspector.choose('saliency', row=2, column=4)" in two.frame["cell"]
    target = session.target.sentence
    for wrong in ({"row": "x", "column": 1}, {"row": 1}, {"row": -3, "column": -1}, {"column": [0]}):
        one.show({"tab": "saliency", "part": wrong})
    assert session.selection.pixel == (0, 0)
    assert session.target.sentence == target
    session.use(torch.rand(2, 1, 6, 6))
    assert session.selection.pixel is None
    one.close()
    two.close()


def test_a_selection_made_in_a_cell_is_seen_in_all_panels(pair):
    pair[0].session.select(token=3)
    assert DESK.settle()
    assert [panel.frame["meta"]["token"] for panel in pair] == [3, 3]


def test_what_does_not_change_a_screen_is_not_sent_again(pair):
    one, two = pair
    one.choose("overview")
    sent = []
    one.observe(lambda change: sent.append(change["new"]), "frame")
    two.show({"tab": "saliency", "part": {"token": 1}})
    assert DESK.settle()
    assert sent == []


def test_a_panel_does_not_draw_twice_what_it_was_asked_for_itself(pair):
    one, _ = pair
    drawn = []
    one.observe(lambda change: drawn.append(change["name"]), ["frame", "detail"])
    one.show({"tab": "saliency", "part": {"token": 1}}, once=True)
    assert DESK.settle()
    assert drawn == ["detail"]


def test_a_wish_of_the_page_is_not_lost_to_a_change_elsewhere(pair):
    one, two = pair
    gate = threading.Event()
    DESK.ask("gate", gate.wait)
    one.wished({"tab": "overview"}, 41)
    two.session.select(token=2)
    gate.set()
    assert DESK.settle()
    assert one.frame["wish"] == {"tab": "overview"}
    assert one.frame["seq"] == 41
    assert two.frame["meta"]["token"] == 2


def test_edits_are_marked_in_every_panel_and_a_reset_gives_the_same_bits(pair):
    one, two = pair
    before, plain = scores(one).copy(), one.session.scores
    one.session.ablate("3", 2)
    one.session.steer("3", torch.arange(8.0), 0.1)
    assert DESK.settle()
    for panel in pair:
        assert panel.edited["said"][0] == "ablated 3, unit 2"
        assert panel.edited["effect"].startswith("the output moved by ")
        assert "_edited" in panel.sources
        assert not np.array_equal(scores(panel), before)
        assert "inspector.session.ablate('3', 2)\ninspector.session.steer('3', vector, 0.1)" in panel.frame["cell"]
        assert panel.frame["code"].startswith("# edited: add call=inspector.session.call\n")
        assert "edited: ablated 3, unit 2, steered 3" in panel.text()
        assert "edited: ablated 3, unit 2, steered 3" in panel.picture()
    two.show({"tab": "saliency", "reset": True})
    assert DESK.settle()
    for panel in pair:
        assert panel.edited == {}
        assert np.array_equal(scores(panel), before)
        assert "ablate" not in panel.frame["cell"]
        assert "edited" not in panel.text()
    assert torch.equal(one.session.scores, plain)


def test_the_lines_of_figures_give_those_of_the_edited_model(pair):
    import workbench as wb

    one, _ = pair
    one.session.ablate("3", 2)
    assert DESK.settle()
    note, line = one.frame["code"].splitlines()
    assert note.endswith("call=inspector.session.call")
    known = {"wb": wb, "model": one.session.model, "inputs": one.session.batch, "inspector": one}
    found = eval(line.removesuffix(")") + ", call=inspector.session.call)", known)
    assert np.allclose(found.scores[0].numpy().reshape(-1), scores(one), atol=1e-5)


def test_a_closed_panel_leaves_the_session_and_another_stays(pair):
    one, two = pair
    one.close()
    two.session.select(token=1)
    assert DESK.settle()
    assert two.frame["meta"]["token"] == 1
    assert one.frame["meta"]["token"] is None


def test_a_panel_on_show_notices_that_the_weights_have_changed(pair):
    one, two = pair
    show_on(one)
    time.sleep(0.1)
    assert not one.stale
    with torch.no_grad():
        one.session.model[2].weight.mul_(1.5)
    wait_until(lambda: one.stale, 3)
    assert not two.stale  # nobody looks at it
    show_on(two)
    wait_until(lambda: two.stale, 3)
    one.choose("saliency")
    assert not one.stale
    assert two.stale
    two.redraw()
    assert not two.stale


def test_training_in_a_cell_is_noticed_while_it_goes_on(pair):
    one, _ = pair
    show_on(one)
    model = one.session.model
    optimiser = torch.optim.Adam(model.parameters())
    end, steps = time.monotonic() + 5, 0
    while not one.stale and time.monotonic() < end:
        model(torch.randint(0, 6, (8, 4))).square().mean().backward()
        optimiser.step()
        steps += 1
    assert one.stale
    assert steps


@pytest.mark.parametrize("ended", ["hidden", "closed"])
def test_watching_ends_when_nobody_can_see_the_panel(ended):
    panel = panels.attach(network(), torch.tensor([[0, 1, 2, 3]]))
    show_on(panel, page="one")
    show_on(panel, page="two")
    assert len(threads()) == 1
    show_on(panel, on=False, page="one")
    time.sleep(0.05)
    assert len(threads()) == 1
    if ended == "hidden":
        show_on(panel, on=False, page="two")
        wait_until(lambda: not threads(), 1)
        with torch.no_grad():
            panel.session.model[2].weight.mul_(2)
        time.sleep(0.1)
        assert not panel.stale
        show_on(panel, page="two")
        wait_until(lambda: panel.stale, 1)
    panel.close()
    wait_until(lambda: not threads(), 1)
    show_on_closed = panels.attach(network(), torch.tensor([[0, 1, 2, 3]]))
    show_on_closed.close()
    show_on_closed.seen("late", on=True)
    assert threads() == []


def test_watching_keeps_its_share_of_the_time(monkeypatch):
    """A glance that costs much is taken seldom."""
    monkeypatch.setattr(watching_file, "PERIOD", 0.01)

    class Dear:
        glances = 0

        def glance(self):
            self.glances += 1
            time.sleep(0.002)

    dear = Dear()
    WATCHER.watch(dear)
    time.sleep(1.0)
    WATCHER.leave(dear)
    wait_until(lambda: not threads(), 1)
    assert dear.glances == 1


def test_a_glance_costs_little_and_takes_no_lock(pair):
    from workbench.core import live

    one, _ = pair
    step = live.Step(0)
    step.enter(1)  # a step of a run is going on
    seen = threading.Thread(target=one.glance)
    seen.start()
    seen.join(1)
    assert not seen.is_alive()
    step.leave()
    parameters = [nn.Parameter(torch.zeros(1)) for _ in range(1000)]
    model = nn.ParameterList(parameters)
    start = time.process_time()
    for _ in range(10):
        versions(model)
    assert (time.process_time() - start) / 10 < 0.02


def test_a_closed_panel_holds_neither_session_nor_model():
    session = Session(network(), torch.tensor([[0, 1, 2, 3]]))
    one, two = Inspector(session), Inspector(session)
    show_on(one)
    session.ablate("3", 1)
    assert DESK.settle()
    model, alive = weakref.ref(session.model), weakref.ref(one)
    one.close()
    two.close()
    one.close()
    del session, two
    gc.collect()
    assert model() is None
    del one
    gc.collect()
    assert alive() is None
    wait_until(lambda: not threads(), 1)

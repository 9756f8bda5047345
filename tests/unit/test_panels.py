"""What every panel promises: text ESM, freed on close, the newest wish, errors shown, a picture without scripts."""

import gc
import json
import re
import threading
import time
import weakref
from pathlib import Path

import numpy as np
import pytest
from torch import nn

from workbench import panels
from workbench.core.errors import DataError
from workbench.core.names import names
from workbench.core.scripts import read
from workbench.panels.page.base import Panel
from workbench.panels.page.desk import DESK, Desk
from workbench.panels.page.frame import Doubt, Frame, Packed, companded

FOLDER = Path(panels.__file__).parent
ESM = 'export default { render({ el }) { el.textContent = "x"; } };'


class Echo(Panel):
    _esm = ESM

    def __init__(self, subject=None, wait=0.0):
        self.subject, self.wait, self.asked = subject, wait, []
        super().__init__()

    def answers(self, wish):
        self.asked.append(dict(wish))
        time.sleep(self.wait)
        if wish.get("fail") == "known":
            raise DataError("There is <b>nothing</b> here: give something.")
        if wish.get("fail"):
            raise ZeroDivisionError("by nought")
        packed = Packed(np.arange(3, dtype=np.uint8))
        frame = Frame(meta={"n": wish.get("n")}, arrays={"a": packed}, doubts=[Doubt("good", "exact")], code="wb.x()")
        yield ("detail" if wish.get("part") else "frame"), frame

    def text(self):
        return "<script>alert(1)</script>"


def send(panel, seq, **wish):
    """What arrives when a page sends a wish."""
    panel._handle_custom_msg({"type": "wish", "seq": seq, "wish": wish}, [])


def test_files_are_read_to_text_behind_what_panels_share(tmp_path):
    (tmp_path / "own.js").write_text("export default {};")
    (tmp_path / "own.css").write_text(".mine {}")

    class Own(Panel):
        _esm = tmp_path / "own.js"
        _css = tmp_path / "own.css"

    assert isinstance(Own._esm, str)
    assert Own._esm.startswith(read(FOLDER / "page" / "shared.js"))
    assert Own._esm.endswith("export default {};")
    assert Own._css.startswith((FOLDER / "page" / "shared.css").read_text())
    assert Own._css.endswith(".mine {}")


@pytest.mark.parametrize("asked", [False, True])
def test_what_a_panel_showed_is_collected_after_close(asked):
    model = nn.Linear(2, 2)
    panel = Echo(model)
    if asked:
        send(panel, 1, n=1)
        assert DESK.settle()
    alive = weakref.ref(model)
    del model
    gc.collect()
    assert alive() is not None
    panel.close()
    del panel
    gc.collect()
    assert alive() is None


def test_an_answer_carries_the_number_of_its_wish_and_binary_arrays():
    panel = Echo()
    send(panel, 7, n=3)
    assert DESK.settle()
    assert panel.frame["seq"] == 7
    assert panel.frame["meta"] == {"n": 3}
    assert panel.frame["arrays"]["a"]["data"] == bytes([0, 1, 2])
    assert panel.frame["doubts"] == [{"level": "good", "text": "exact"}]
    assert panel.detail == {}
    send(panel, 8, n=4, part=True)
    assert DESK.settle()
    assert panel.detail["seq"] == 8
    assert panel.frame["seq"] == 7
    panel.close()


def test_of_many_wishes_the_newest_is_answered_and_those_between_are_skipped():
    panel = Echo(wait=0.05)
    for n in range(50):
        send(panel, n, n=n)
    assert DESK.settle()
    assert panel.frame["meta"] == {"n": 49}
    assert len(panel.asked) <= 3
    panel.close()


def test_wishes_of_two_panels_do_not_replace_each_other():
    one, two = Echo(wait=0.05), Echo()
    send(one, 1, n=1)
    send(two, 1, n=2)
    send(one, 2, n=3)
    assert DESK.settle()
    assert (one.frame["meta"]["n"], two.frame["meta"]["n"]) == (3, 2)
    one.close()
    two.close()


@pytest.mark.parametrize(
    "message",
    [None, "wish", {"type": "wish"}, {"type": "wish", "seq": "1", "wish": {}}, {"type": "wish", "seq": 1, "wish": 5}],
)
def test_other_messages_are_ignored(message):
    panel = Echo()
    panel._handle_custom_msg(message, [])
    assert DESK.settle()
    assert panel.asked == []
    panel.close()


def test_an_error_is_shown_and_the_next_wish_is_answered():
    panel = Echo()
    send(panel, 1, fail="known")
    assert DESK.settle()
    assert panel.frame["error"] == "There is <b>nothing</b> here: give something."
    assert panel.frame["where"] == ""
    assert panel.frame["seq"] == 1
    send(panel, 2, fail="other")
    assert DESK.settle()
    assert panel.frame["error"] == "ZeroDivisionError: by nought"
    assert "answers" in panel.frame["where"]
    send(panel, 3, n=1)
    assert DESK.settle()
    assert "error" not in panel.frame
    panel.close()


def test_show_raises_where_nobody_looks():
    panel = Echo()
    with pytest.raises(DataError, match="give something"):
        panel.show({"fail": "known"})
    panel.close()


def test_a_closed_panel_works_for_nobody():
    panel = Echo(wait=0.1)
    send(panel, 1, n=1)
    send(panel, 2, n=2)
    panel.close()
    assert DESK.settle()
    assert {"n": 2} not in panel.asked
    panel.close()


def test_a_notebook_gets_the_widget_and_escaped_text_and_html():
    panel = Echo()
    data, _ = panel._repr_mimebundle_()
    assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == panel.model_id
    assert data["text/plain"] == "<script>alert(1)</script>"
    assert "<script" not in data["text/html"]
    assert "&lt;script&gt;" in data["text/html"]
    panel.close()


def test_the_desk_works_in_one_background_thread():
    desk, seen = Desk(), []
    for asker in "abc":
        desk.ask(asker, lambda: seen.append(threading.current_thread().name))
    assert desk.settle()
    assert len(seen) == 3
    assert set(seen) == {"workbench-panels"}


@pytest.mark.parametrize("bits", [8, 16])
def test_companding_keeps_small_weights_visible_and_reads_back(bits):
    values = np.array([[0.0, 1e-3, 0.25, 1.0, np.nan, -2.0]])
    packed = companded(values, bits=bits)
    largest = 2**bits - 1
    back = packed.top * (packed.data / largest) ** packed.power
    # The step of the scale is at most 2 sqrt(v / top) / largest of the top.
    assert np.allclose(back[0, :4], values[0, :4], atol=1.5 / largest)
    assert packed.data[0, 1] > 0.02 * largest
    assert list(packed.data[0, 4:]) == [0, 0]


def test_companding_of_nothing_is_all_zero():
    packed = companded(np.zeros((2, 2)))
    assert packed.top == 1.0
    assert not packed.data.any()


def test_a_frame_is_json_but_for_its_arrays():
    frame = Frame(meta={"a": 1}, arrays={"x": Packed(np.zeros((2, 3), np.float32))}, refused="")
    message = frame.message()
    data = message["arrays"]["x"].pop("data")
    json.dumps(message)
    assert len(data) == 24
    assert message["arrays"]["x"]["shape"] == [2, 3]


def scripts():
    return sorted(FOLDER.rglob("*.js"))


@pytest.mark.parametrize("path", scripts(), ids=lambda path: path.name)
def test_scripts_are_small_set_text_only_and_fetch_nothing(path):
    text = path.read_text()
    code = "\n".join(line for line in text.splitlines() if not line.strip().startswith("//"))
    code = code.replace("'http://www.w3.org/2000/svg'", "a namespace, which nobody fetches")
    assert len(text.encode()) <= 30_000
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function|fetch\(|https?:", code
    )


def test_every_script_that_can_be_focused_says_no_to_shortcuts_of_the_lab():
    for path in scripts():
        for made in re.findall(r"^.*el\('(?:input|button|select|summary)'.*$", path.read_text(), re.MULTILINE):
            assert "focusable(" in made, f"{path.name}: {made.strip()}"


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.css")), ids=lambda path: path.name)
def test_styles_stay_inside_the_panel_and_fetch_nothing(path):
    text = path.read_text()
    assert "url(" not in text
    assert "@import" not in text
    plain = re.sub(r"\{[^{}]*\}", "{}", re.sub(r"/\*.*?\*/", "", text))
    for selector in re.findall(r"([^{};]+)\{\}", re.sub(r":is\([^()]*\)", "", plain)):
        if "@" not in selector and "from" not in selector and not selector.strip().startswith("to"):
            assert all(".wb" in part for part in selector.split(","))


def test_whole_bundles_are_small():
    assert len(panels.Inspector._esm.encode()) <= 30_000
    assert len(panels.Live._esm.encode()) <= 30_000


def test_the_room_lists_what_it_offers_and_names_no_file():
    assert set(dir(panels)) == {"Inspector", "Live", "attach", "follow", "overlay"}
    assert not set(dir(panels)) & set(names(panels.__path__))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        panels.nothing  # noqa: B018 - asking is the test

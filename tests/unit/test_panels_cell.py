"""Show code: the shown cell, run elsewhere with the same variables, gives the same screen bit by bit."""

import hashlib
import subprocess
import sys

import pytest
import torch
from torch import nn

from workbench import data, panels
from workbench.panels.page.cell import Origin, cell

NASTY = ['"); import os  # "', "'''\n", "\\", "<script>", "\u202etxt", "{x}", "日本\u2028"]


class Words:
    all_special_tokens = ()

    def __call__(self, text, **_):
        return {"tokens": torch.tensor([[ord(letter) % 7 for letter in text]])}

    def convert_ids_to_tokens(self, i):
        return str(i)

    def decode(self, ids):
        return str(ids[0])


class Looking(nn.Module):
    """Two heads of an attention whose weights depend on the tokens."""

    def __init__(self):
        super().__init__()
        self.embedding, self.head = nn.Embedding(7, 8), nn.Linear(8, 3)

    def forward(self, tokens):
        x = self.embedding(tokens).unflatten(-1, (2, 4)).transpose(1, 2)
        return self.head(nn.functional.scaled_dot_product_attention(x, x, x).transpose(1, 2).flatten(2).mean(1))


def screen(panel):
    """The binary content on the screen, and the part of the meta data that does not depend on the clock."""
    shown = dict(panel.frame["arrays"])
    meta = dict(panel.frame["meta"])
    if panel.detail and panel.detail["wish"]["tab"] == panel.frame["wish"]["tab"]:
        shown |= panel.detail["arrays"]
        meta |= panel.detail["meta"]
    for row in meta.get("rows", []):
        row.pop("time")
    return {name: (one["dtype"], one["shape"], one["top"], one["data"]) for name, one in shown.items()}, meta


def shows_the_same(panel, code, **variables):
    known = {"__name__": "__main__", **variables}
    exec(code, known)
    again = known["inspector"]
    try:
        assert screen(again) == screen(panel)
    finally:
        again.close()


@pytest.fixture
def model():
    torch.manual_seed(0)
    return Looking()


def test_a_chosen_head_query_and_example(model):
    inputs = torch.randint(7, (3, 5))
    panel = panels.attach(model, inputs, names=NASTY[:3], processor=Words()).choose("attention")
    panel.show({"tab": "attention", "input": {"example": 2}})
    panel.show({"tab": "attention", "part": {"layer": 0, "head": 1, "query": 3}})
    shows_the_same(panel, panel.detail["cell"], model=model, inputs=inputs, processor=Words())
    assert "inspector.choose('attention', layer=0, head=1, query=3)" in panel.detail["cell"]
    panel.close()


@pytest.mark.parametrize("tab", ["overview", "attention", "saliency"])
@pytest.mark.parametrize("text", [*NASTY, "plain"])
def test_every_tab_of_a_typed_text(model, tab, text):
    panel = panels.attach(model, "before", processor=Words()).choose(tab).look(text)
    shows_the_same(panel, panel.frame["cell"], model=model, inputs=None, processor=Words())
    panel.close()


def test_the_class_that_was_asked_for_and_the_token_pointed_at(model):
    inputs = torch.randint(7, (1, 5))
    panel = panels.attach(model, inputs, target=1, processor=Words())
    panel.show({"tab": "saliency", "part": {"target": 2}})
    panel.show({"tab": "saliency", "part": {"token": 4}})
    panel.show({"tab": "saliency"})
    assert panel.frame["cell"].endswith("inspector.choose('saliency', target=2, token=4)")
    shows_the_same(panel, panel.frame["cell"], model=model, inputs=inputs, processor=Words())
    panel.close()


def test_an_unusual_call(model):
    def call(model, inputs):
        return model(inputs["tokens"]) * 2

    inputs = {"tokens": torch.randint(7, (1, 5))}
    panel = panels.attach(model, inputs, call=call).choose("attention")
    shows_the_same(panel, panel.frame["cell"], model=model, inputs=inputs, call=call)
    panel.close()


MAKE = """
import torch
from torch import nn
from workbench import data
torch.manual_seed(0)
model = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(512, 10))
inputs = data.load("digits")
"""
TELL = """
import hashlib
for name, one in sorted(inspector.frame["arrays"].items()):
    print(name, one["shape"], hashlib.sha256(one["data"]).hexdigest())
"""


def test_a_fresh_interpreter_shows_the_same_bytes():
    known = {}
    exec(MAKE, known)
    panel = panels.attach(known["model"], data.load("digits")).choose("saliency").look(misclassified=True)
    assert panel.input["example"] > 0
    script = f"{MAKE}{panel.frame['cell']}\n{TELL}"
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    arrays = sorted(panel.frame["arrays"].items())
    lines = [f"{name} {one['shape']} {hashlib.sha256(one['data']).hexdigest()}" for name, one in arrays]
    assert len(lines) == 2
    assert said.splitlines() == lines
    panel.close()


def test_long_lists_of_names_are_a_variable_and_short_ones_are_written():
    many = Origin(names=[f"class {i}" for i in range(1000)], processor=Words())
    assert many.arguments() == ", names=names, processor=processor"
    assert Origin(names=["no", 'say "yes"'], target=0).arguments() == ", names=['no', 'say \"yes\"'], target=0"
    assert cell(Origin(), "overview", {}).splitlines() == [
        "import workbench as wb",
        "",
        "inspector = wb.attach(model, inputs)",
        "inspector.choose('overview')",
    ]

"""Two models and two inputs side by side in the attention tab: what differs is painted, and nothing else is."""

import re

import pytest

pytestmark = pytest.mark.browser

TWO = """
import copy
import torch
from workbench import panels, pretrained
model, processor = pretrained.load("minilm")
changed = copy.deepcopy(model)
with torch.no_grad():
    query = changed.encoder.layer[0].attention.self.query
    query.weight[64:96] = 0   # head 2 of layer 0 asks for nothing
    query.bias[64:96] = 0
narrow = torch.nn.Linear(3, 2)
text = "The central bank raised interest rates again because inflation had not slowed as much as it expected."
inspector = panels.attach(model, text, processor=processor)
inspector
"""

INKED = """canvas => {
  const { width, height } = canvas, data = canvas.getContext('2d').getImageData(0, 0, width, height).data;
  let inked = 0;
  for (let k = 0; k < data.length; k += 4) inked += data[k] !== 250 || data[k + 1] !== 250 || data[k + 2] !== 252;
  return inked;
}"""
"""pixels of a map that are not the light paper, which is what a difference of nothing is painted with"""

INKED_HEADS = """(canvas, [layer, heads]) => {
  const side = (canvas.width - 2) / heads, tall = side, context = canvas.getContext('2d'), found = [];
  for (let head = 0; head < heads; head++) {
    const data = context.getImageData(2 + head * side, 2 + layer * tall, side - 2, tall - 2).data;
    for (let k = 0; k < data.length; k += 4) {
      if (data[k] !== 250 || data[k + 1] !== 250 || data[k + 2] !== 252) { found.push(head); break; }
    }
  }
  return found;
}"""


def shown(page, address):
    page.wait_for_function("at => document.querySelector('.wb-attention')?.dataset.shown === at", arg=address)


def opened(notebook, name, code):
    """The panel with its attention open."""
    notebook.open(notebook.write(f"{name}.ipynb", code))
    notebook.run_all()
    panel = notebook.page.locator(".wb-inspector")
    panel.wait_for()
    panel.get_by_role("tab", name="Attention").click()
    shown(notebook.page, "0.0")
    return panel


def test_a_changed_head_is_seen_in_the_difference_and_nowhere_before(notebook):
    page = notebook.page
    panel = opened(notebook, "two-models", TWO)
    panel.get_by_role("button", name="Compare with a second input or another model").click()
    models = panel.get_by_role("combobox", name="Model of the second input")
    options = models.locator("option")
    assert re.match(r"changed · BertModel · 22.7 M parameters", options.filter(has_text="changed").inner_text())
    refused = options.filter(has_text="narrow")
    assert refused.is_disabled()
    assert "it does not take this input" in refused.inner_text()
    models.select_option("changed")
    panel.locator(".wb-trio h5", has_text="changed").wait_for()

    # All heads small: in layer 0 head 2 alone, and behind it whatever it has changed.
    thumbs = panel.locator(".wb-thumbs")
    assert thumbs.evaluate(INKED_HEADS, [0, 12]) == [2]
    assert len(thumbs.evaluate(INKED_HEADS, [1, 12])) > 6
    maps = panel.locator(".wb-trio .wb-heat")
    assert maps.count() == 3
    assert maps.nth(2).evaluate(INKED) == 0
    picture = "canvas => canvas.toDataURL()"
    assert maps.nth(0).evaluate(picture) == maps.nth(1).evaluate(picture)
    panel.get_by_placeholder("find heads").fill("differs > 0.5")
    panel.get_by_text("1 of 72").wait_for()
    panel.get_by_placeholder("find heads").press("Enter")
    shown(page, "0.2")
    assert maps.nth(2).evaluate(INKED) > 100
    assert maps.nth(0).evaluate(picture) != maps.nth(1).evaluate(picture)
    panel.locator(".wb-facts").get_by_text(re.compile(r"up to \+0\.9")).wait_for()
    panel.get_by_placeholder("find heads").fill("")
    notebook.photograph(panel, "comparing-models")

    # One query is pointed at in all three.
    maps.nth(2).focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    assert re.search(
        r"the → \[CLS\]\s+1\.0.* · changed 0\.\d+ · difference 0\.\d+", panel.locator(".wb-hover").inner_text()
    )
    assert panel.locator(".wb-trio .wb-row:visible").count() == 3

    # The other tabs: saliency shows both, the overview says that it shows one.
    panel.get_by_role("tab", name="Overview").click()
    panel.get_by_text("model alone: this tab compares nothing").wait_for()
    panel.get_by_role("tab", name="Saliency").click()
    panel.locator(".wb-pair .wb-tok").nth(20).wait_for()
    panel.get_by_role("tab", name="Attention").click()

    # Another number of positions: two maps, and a sentence in the place of the third.
    typed = panel.get_by_role("group", name="Second input").get_by_role("combobox", name="Input text")
    typed.fill("A bank of the river.")
    typed.press("Enter")
    panel.get_by_text(re.compile("No difference: model has 20 . 20 positions here, changed 8 . 8.")).wait_for()
    assert maps.nth(1).evaluate("canvas => canvas.width") == 8
    assert panel.locator(".wb-trio .wb-heat:visible").count() == 2
    notebook.photograph(panel, "comparing-shapes")
    panel.get_by_role("button", name="Close the comparison").click()
    panel.locator(".wb-attention[data-view=map]").wait_for()
    assert panel.locator(".wb-trio .wb-heat:visible").count() == 1

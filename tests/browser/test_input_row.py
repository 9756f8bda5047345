"""The input row in JupyterLab: upload, cells, nodes and a second input, by mouse and by keyboard."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.browser


def opened(notebook, name, code, tab="Saliency"):
    """The panel of a notebook with one cell, at a tab."""
    notebook.open(notebook.write(f"{name}.ipynb", code))
    notebook.run_all()
    panel = notebook.page.locator(".wb-inspector")
    panel.wait_for()
    panel.get_by_role("tab", name=tab).click()
    panel.locator(f".wb-{tab.lower()}").wait_for()
    panel.locator(".wb-rows .wb-input").first.wait_for()
    return panel


def computed(panel, act):
    """Do something and wait for the frame that answers it."""
    before = panel.get_attribute("data-seq")
    act()
    panel.page.wait_for_function("was => document.querySelector('.wb-inspector').dataset.seq !== was", arg=before)


def fits(panel, notebook, name):
    """On 360 px nothing of the row is cut off."""
    page = notebook.page
    beside = 1400 - round(panel.bounding_box()["width"])
    for wide in (360 + beside, 360):  # the lab itself grows narrower too
        page.set_viewport_size({"width": wide, "height": 1100})
        page.wait_for_timeout(400)
        beside = wide - round(panel.bounding_box()["width"])
    page.set_viewport_size({"width": 360 + beside, "height": 1100})
    page.wait_for_timeout(400)
    assert 355 <= panel.bounding_box()["width"] <= 365
    rows = panel.locator(".wb-rows")
    assert rows.evaluate("rows => rows.scrollWidth - rows.clientWidth") <= 1
    panel.screenshot(path=notebook.screenshots / f"{name}-narrow.png")
    page.set_viewport_size({"width": 1400, "height": 1100})
    page.wait_for_timeout(300)


DROP = """(line, text) => {
  const bytes = Uint8Array.from(atob(text), letter => letter.charCodeAt(0)), data = new DataTransfer();
  data.items.add(new File([bytes], 'noise.png', { type: 'image/png' }));
  line.dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true }));
}"""


def photograph(pixels, kind="JPEG"):
    """The bytes of a file."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


PHOTOGRAPHS = """
from sklearn.datasets import load_sample_images
import workbench as wb
model, pictures = wb.load("efficientnet_lite0")
china, flower = load_sample_images().images
inspector = wb.attach(model, pictures(china), processor=pictures, names=pictures.names)
inspector
"""


def test_a_photograph_is_uploaded_and_a_second_one_compared(notebook):
    from sklearn.datasets import load_sample_images

    panel = opened(notebook, "photographs", PHOTOGRAPHS)
    china, flower = map(photograph, load_sample_images().images)
    chosen = {"name": "flower.jpg", "mimeType": "image/jpeg", "buffer": flower}
    with notebook.page.expect_file_chooser() as chooser:
        panel.get_by_role("button", name="Upload a picture").click()
    computed(panel, lambda: chooser.value.set_files(chosen))
    panel.get_by_text("640 by 427: prepared by Pictures").wait_for()
    panel.get_by_text("the predicted class: daisy").wait_for()
    panel.get_by_role("button", name="Show code").click()
    assert "# picture: the bytes of 'flower.jpg'" in panel.locator("pre").first.inner_text()
    panel.get_by_role("button", name="Hide code").click()
    bad = {"name": "<b>bad</b>.png", "mimeType": "image/png", "buffer": b"no picture"}
    with notebook.page.expect_file_chooser() as chooser:
        panel.get_by_role("button", name="Upload a picture").click()
    chooser.value.set_files(bad)
    alert = panel.get_by_role("alert")
    alert.get_by_text("'<b>bad</b>.png' is no picture").wait_for()
    assert panel.locator(".wb-scores").count() == 1
    panel.get_by_role("button", name="Compare with a second input").click()
    second = panel.get_by_role("group", name="Second input")
    with notebook.page.expect_file_chooser() as chooser:
        second.get_by_role("button", name="Upload a picture").click()
    chooser.value.set_files({"name": "china.jpg", "mimeType": "image/jpeg", "buffer": china})
    second.get_by_text("china.jpg").wait_for()
    panel.get_by_text(re.compile("% of the probability has moved")).wait_for()
    panel.locator(".wb-scores").nth(1).wait_for()
    # Nearly as large as is allowed, dropped on the second line.
    noise = photograph(np.random.default_rng(0).integers(0, 256, (1500, 1500, 3), dtype=np.uint8), "PNG")
    assert 6_000_000 < len(noise) < 8_000_000
    second.evaluate(DROP, base64.b64encode(noise).decode())
    second.get_by_text("1500 by 1500: prepared by Pictures").wait_for()
    notebook.photograph(panel, "row-pictures")
    fits(panel, notebook, "row-pictures")


WINES = """
import torch
import workbench as wb
from torch import nn
torch.manual_seed(0)
inspector = wb.attach(nn.Linear(13, 3), "wine")
inspector
"""


def test_a_cell_changes_the_answer_and_nonsense_is_refused(notebook):
    panel = opened(notebook, "wines", WINES)
    panel.get_by_text("13 cells").click()
    before = panel.locator(".wb-facts").inner_text()
    alcohol = panel.get_by_role("textbox", name="alcohol", exact=True)
    alcohol.fill("2.5")
    computed(panel, lambda: alcohol.press("Enter"))
    panel.get_by_text("13 cells, 1 changed").wait_for()
    assert panel.locator(".wb-facts").inner_text() != before
    assert panel.locator("tr", has_text="alcohol").first.inner_text().split("\t")[1] == "2.5"
    # The focus stays in the cell, and the next one is a step away.
    assert alcohol.evaluate("node => node === document.activeElement")
    notebook.page.keyboard.press("Tab")
    assert notebook.page.evaluate("document.activeElement.getAttribute('aria-label')") == "malic_acid"
    notebook.page.keyboard.type("x")
    notebook.page.keyboard.press("Enter")
    panel.get_by_role("alert").get_by_text("malic_acid must be a finite number; got ").wait_for()
    notebook.photograph(panel, "row-cells")
    fits(panel, notebook, "row-cells")
    computed(panel, lambda: panel.get_by_role("button", name="Reset cells").click())
    assert panel.locator(".wb-facts").inner_text() == before


CLUB = """
import workbench as wb
model = wb.build("gat", "karate_club")
wb.fit(model, "karate_club", steps=60)
inspector = wb.attach(model, "karate_club")
inspector
"""


def test_a_node_of_the_club_is_picked_by_number_and_by_its_neighbours(notebook):
    panel = opened(notebook, "club", CLUB)
    number = panel.get_by_role("textbox", name="Node, 0 to 33")
    number.fill("33")
    computed(panel, lambda: number.press("Enter"))
    panel.get_by_text(re.compile("class of node 33: community ")).wait_for()
    beside = panel.get_by_role("combobox", name="Neighbours")
    assert beside.locator("option").first.inner_text() == "17 neighbours"
    first = beside.locator("option").nth(1).get_attribute("value")
    computed(panel, lambda: beside.select_option(first))
    panel.get_by_text(re.compile(f"class of node {first}: community ")).wait_for()
    notebook.photograph(panel, "row-nodes")
    fits(panel, notebook, "row-nodes")
    number.fill("34")
    number.press("Enter")
    panel.get_by_role("alert").get_by_text("There is no node 34: the graph has 34, numbered from 0.").wait_for()


SENTENCES = """
import workbench as wb
model, processor = wb.load("minilm")
inspector = wb.attach(model, "The central bank raised interest rates.", processor=processor)
inspector
"""


def test_a_second_sentence_is_compared_by_keyboard(notebook):
    page = notebook.page
    panel = opened(notebook, "sentences", SENTENCES)
    button = panel.get_by_role("button", name="Compare with a second input")
    button.focus()
    page.keyboard.press("Enter")
    typed = panel.get_by_role("group", name="Second input").get_by_role("combobox", name="Input text")
    typed.wait_for()
    assert typed.input_value() == "The central bank raised interest rates."
    typed.fill("The river bank was covered in flowers.")
    typed.press("Enter")
    panel.locator(".wb-pair .wb-tok", has_text="flowers").wait_for()
    panel.get_by_text(re.compile(r"cosine 0\.\d+ between the mean hidden vectors")).wait_for()
    assert typed.evaluate("node => node === document.activeElement")
    notebook.photograph(panel, "row-sentences")
    fits(panel, notebook, "row-sentences")
    panel.get_by_role("button", name="Close the comparison").click()
    panel.locator(".wb-pair").wait_for(state="detached")


NEXT = """
import workbench as wb
model, processor = wb.load("smollm2")
inspector = wb.attach(model, "The capital of France is", processor=processor)
inspector.compare("The capital of Italy is")
inspector
"""


@pytest.mark.thorough
def test_the_next_tokens_of_two_texts_stand_side_by_side(notebook):
    panel = opened(notebook, "next", NEXT, "Overview")
    table = panel.locator(".wb-change table")
    table.get_by_text(" Paris").wait_for()
    figures = [row.inner_text().split("\t") for row in table.locator("tbody tr").all()]
    assert all(len(row) >= 4 for row in figures)
    changes = {row[0].strip(): float(re.sub("[^0-9.]", "", row[3])) for row in figures}
    assert np.isfinite(list(changes.values())).all()
    notebook.photograph(panel, "row-next")

"""The Inspector in JupyterLab: keyboard and mouse change what is drawn, and what models and data bring is text."""

import csv
import io
import re

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.browser

# Attention that is known by construction: head 0 of layer 0 looks at itself, head 1 at the position before; head 0 of
# layer 1 looks at the first position, head 1 at the last. The tokens carry HTML.
KNOWN = """
import torch
from torch import nn
from workbench import panels

class Pointing(nn.Module):
    def __init__(self, *shifts):
        super().__init__()
        self.shifts = shifts
        self.gain = nn.Parameter(torch.ones(()))
    def forward(self, x):
        n = x.shape[1]
        keys = 40 * torch.eye(n)
        queries = torch.stack([keys[shift(torch.arange(n), n)] for shift in self.shifts])
        values = x[:, None].expand(-1, len(self.shifts), -1, -1) * self.gain
        size = (len(x), -1, -1, -1)
        keys = keys.expand(len(self.shifts), -1, -1).expand(size)
        return x + nn.functional.scaled_dot_product_attention(queries.expand(size), keys, values).mean(1)

class Known(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(8, 6)
        self.near = Pointing(lambda i, n: i, lambda i, n: (i - 1).clamp(0))
        self.far = Pointing(lambda i, n: 0 * i, lambda i, n: 0 * i + n - 1)
        self.head = nn.Linear(6, 3)
    def forward(self, tokens):
        return self.head(self.far(self.near(self.embedding(tokens))).mean(1))

WORDS = ["<img src=x onerror=window.hacked=1>", "<script>window.hacked=1</script>", "&amp;"]
WORDS += ["an", "ordinary", "sentence", "with", "[SEP]"]

class Words:
    all_special_tokens = ()
    def convert_ids_to_tokens(self, i): return WORDS[i]
    def decode(self, ids): return WORDS[ids[0]]

torch.manual_seed(0)
tokens = torch.arange(8)[None]
inspector = panels.attach(Known(), tokens, names=["<b>bold</b>", "two", "three"], processor=Words())
inspector
"""

AT = "(canvas, [x, y]) => [...canvas.getContext('2d').getImageData(x, y, 1, 1).data]"
INK, PAPER = [20, 35, 95, 255], [250, 250, 252, 255]


def shown(page, address):
    page.wait_for_function("at => document.querySelector('.wb-attention')?.dataset.shown === at", arg=address)


def test_attention_by_keyboard_and_mouse(notebook):
    page = notebook.page
    notebook.open(notebook.write("known.ipynb", KNOWN))
    notebook.run_all()
    panel = page.locator(".wb-inspector")
    panel.wait_for()
    panel.get_by_role("tab", name="Attention").click()
    shown(page, "0.0")
    heat = panel.locator(".wb-heat")
    assert heat.evaluate(AT, [3, 3]) == INK
    assert heat.evaluate(AT, [2, 3]) == PAPER

    panel.get_by_role("slider", name="head").focus()
    page.keyboard.press("ArrowRight")
    shown(page, "0.1")
    assert heat.evaluate(AT, [3, 3]) == PAPER
    assert heat.evaluate(AT, [2, 3]) == INK

    slider = panel.get_by_role("slider", name="layer")
    box = slider.bounding_box()
    page.mouse.click(box["x"] + box["width"] - 3, box["y"] + box["height"] / 2)
    shown(page, "1.1")
    assert heat.evaluate(AT, [7, 3]) == INK

    thumbs = panel.locator(".wb-thumbs")
    thumbs.focus()
    page.keyboard.press("ArrowUp")
    shown(page, "0.1")
    assert heat.evaluate(AT, [2, 3]) == INK

    box = heat.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 2.5 / 8, box["y"] + box["height"] * 3.5 / 8)
    assert panel.locator(".wb-hover").first.inner_text() == "an → &amp;  1.000"


def test_html_in_tokens_and_classes_is_text(notebook):
    page = notebook.page
    notebook.open(notebook.write("html.ipynb", KNOWN))
    notebook.run_all()
    panel = page.locator(".wb-inspector")
    panel.wait_for()
    panel.get_by_role("tab", name="Attention").click()
    shown(page, "0.0")
    panel.get_by_text("<img src=x onerror=window.hacked=1>").first.wait_for()
    panel.get_by_role("tab", name="Saliency").click()
    panel.locator(".wb-tok").first.wait_for()
    assert panel.locator(".wb-tok").all_inner_texts()[:3] == [
        "<img src=x onerror=window.hacked=1>",
        "<script>window.hacked=1</script>",
        "&amp;",
    ]
    assert any("<b>bold</b>" in text for text in panel.locator("option").all_inner_texts())
    assert panel.locator("img, script, b:text-is('bold')").count() == 0
    assert page.evaluate("window.hacked") is None


def saved(panel, kind):
    """The bytes of the file that a button saves."""
    with panel.page.expect_download() as got:
        panel.get_by_role("button", name=f"Save as {kind}").click()
    download = got.value
    assert download.suggested_filename == f"Known-attention.{kind.lower()}"
    return download.path().read_bytes()


@pytest.mark.both
def test_what_is_on_show_is_saved_without_the_network(notebook):
    notebook.open(notebook.write("saved.ipynb", KNOWN))
    notebook.run_all()
    panel = notebook.page.locator(".wb-inspector")
    panel.get_by_role("tab", name="Attention").click()
    shown(notebook.page, "0.0")
    rows = list(csv.DictReader(io.StringIO(saved(panel, "CSV").decode("utf-8-sig"))))
    assert [row["key token"] for row in rows[:3]] == [row["query token"] for row in rows[:24:8]]
    assert rows[1]["key token"] == "<script>window.hacked=1</script>"
    assert [round(float(row["weight"]), 3) for row in rows] == np.eye(8).flatten().tolist()
    box = panel.bounding_box()
    image = np.asarray(Image.open(io.BytesIO(saved(panel, "PNG"))).convert("RGB"))
    assert image.shape[1] == 2 * round(box["width"])
    # The large map is drawn with the darkest ink on its diagonal, at the place where it stands on the page.
    heat = panel.locator(".wb-heat").bounding_box()
    x, y = (round(2 * (heat[axis] - box[axis])) for axis in "xy")
    cell = heat["width"] / 8
    at = [image[y + round(cell * (2 * i + 1)), x + round(cell * (2 * i + 1))].tolist() for i in range(8)]
    assert at == [INK[:3]] * 8
    assert image[y + round(cell), x + round(cell * 3)].tolist() == PAPER[:3]
    text = saved(panel, "SVG").decode()
    assert text.startswith("<svg xmlns=")
    assert "&lt;script&gt;window.hacked=1&lt;/script&gt;" in text
    assert notebook.page.evaluate("window.hacked") is None


MINILM = """
from workbench import panels, pretrained
model, processor = pretrained.load("minilm")
text = "The central bank raised interest rates again because inflation had not slowed as much as it expected."
inspector = panels.attach(model, text, processor=processor)
inspector
"""


@pytest.mark.both
def test_a_pretrained_transformer(notebook):
    page = notebook.page
    notebook.open(notebook.write("minilm.ipynb", MINILM))
    notebook.run_all()
    panel = page.locator(".wb-inspector")
    panel.wait_for()
    panel.locator(".wb-overview tbody tr").first.wait_for()
    notebook.photograph(panel, "overview")
    panel.get_by_role("tab", name="Attention").click()
    shown(page, "0.0")
    notebook.photograph(panel, "attention")
    for wide in (900, 640):
        page.set_viewport_size({"width": wide, "height": 1100})
        page.wait_for_timeout(300)
        assert panel.locator(".wb-body").evaluate("body => body.scrollWidth - body.clientWidth") <= 1
        panel.screenshot(path=notebook.screenshots / f"attention-{wide}.png")
    page.set_viewport_size({"width": 1400, "height": 1100})
    panel.get_by_role("tab", name="Saliency").click()
    panel.locator(".wb-tok").first.wait_for()
    panel.get_by_role("button", name="Show code").click()
    assert "inspector = wb.attach(model, 'The central bank" in panel.locator("pre").first.inner_text()
    assert "wb.interpret.explain(model, inputs)" in panel.locator("pre").nth(1).inner_text()
    notebook.photograph(panel, "saliency")
    typed = panel.get_by_role("combobox", name="Input text")
    typed.fill("Paris is lovely.")
    typed.press("Enter")
    panel.locator(".wb-tok", has_text="paris").wait_for()
    assert panel.locator("datalist option").first.get_attribute("value").startswith("The central bank")


PICTURES = """
import torch
from torch import nn
from workbench import data, panels
torch.manual_seed(0)
model = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(512, 10))
inspector = panels.attach(model, data.load("digits"))
inspector
"""


def test_pictures_refusals_and_the_next_example(notebook):
    page = notebook.page
    notebook.open(notebook.write("pictures.ipynb", PICTURES))
    notebook.run_all()
    panel = page.locator(".wb-inspector")
    panel.wait_for()
    panel.get_by_role("tab", name="Attention").click()
    panel.locator(".wb-refused").wait_for()
    assert "No attention was computed by Sequential" in panel.locator(".wb-refused").inner_text()
    panel.get_by_role("tab", name="Saliency").click()
    panel.locator(".wb-scores").wait_for()
    before = panel.get_attribute("data-seq")
    panel.get_by_role("button", name="Next example").click()
    page.wait_for_function("was => document.querySelector('.wb-inspector').dataset.seq !== was", arg=before)
    assert "example 2 of 270" in panel.inner_text()
    panel.get_by_role("button", name="misclassified example").click()
    panel.get_by_text(re.compile(r"^predicted \d, is \d$")).wait_for()
    notebook.photograph(panel, "pixels")


LEARNING = """
import workbench as wb
from torch import nn
run = wb.start(nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10)), "digits", steps=200_000)
inspector = wb.attach(run.model, "digits").follow(run)
inspector
"""


def test_the_header_says_which_step_is_on_show_and_what_that_costs(notebook):
    notebook.open(notebook.write("learning.ipynb", LEARNING, "run.stop()"))
    notebook.run_cell(0)
    head = notebook.page.locator(".wb-inspector .wb-head")
    head.get_by_text(re.compile(r"following run, step [\d,]+, \+(<1|\d+) %")).wait_for()
    first = head.inner_text()
    notebook.page.wait_for_function(
        "was => document.querySelector('.wb-inspector .wb-head').innerText !== was", arg=first
    )
    notebook.run_cell(1)
    head.get_by_text(re.compile(r"run stopped, step [\d,]+, \+")).wait_for()


FAILING = """
import torch
from torch import nn
from workbench import panels

class Failing(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 2)
    def forward(self, x):
        if x.requires_grad:
            raise ZeroDivisionError("<img src=x onerror=window.hacked=1>")
        return self.layer(x)

panels.attach(Failing(), torch.ones(1, 3))
"""


def test_an_error_of_a_later_tab_is_shown_as_text_and_the_others_go_on(notebook):
    page = notebook.page
    notebook.open(notebook.write("failing.ipynb", FAILING))
    notebook.run_all()
    panel = page.locator(".wb-inspector")
    panel.wait_for()
    panel.get_by_role("tab", name="Saliency").click()
    said = panel.get_by_role("alert")
    said.wait_for()
    assert "ZeroDivisionError: <img src=x onerror=window.hacked=1>" in said.inner_text()
    notebook.photograph(panel, "error")
    # The tabs are one stop of the keyboard; arrows move between them.
    panel.get_by_role("tab", name="Saliency").focus()
    page.keyboard.press("Home")
    panel.locator(".wb-overview tbody tr").first.wait_for()
    assert said.count() == 0
    assert page.evaluate("window.hacked") is None


SWINGING = """
import torch
from torch import nn
from workbench import panels

class Swinging(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 1)
    def forward(self, x):
        return torch.sin(40_000 * self.layer(x))

torch.manual_seed(0)
panels.attach(Swinging(), torch.randn(1, 3))
"""


def test_a_method_whose_scores_do_not_add_up_gives_way_to_another_and_the_panel_says_so(notebook):
    notebook.open(notebook.write("swinging.ipynb", SWINGING))
    notebook.run_all()
    panel = notebook.page.locator(".wb-inspector")
    panel.get_by_role("tab", name="Saliency").click()
    said = panel.get_by_text(re.compile("integrated gradients was refused .* Used instead: exact Shapley values"))
    said.wait_for()
    # Asked for by name it is refused as well.
    before = panel.get_attribute("data-seq")
    panel.get_by_role("combobox", name="Method").select_option("integrated_gradients")
    notebook.page.wait_for_function("was => document.querySelector('.wb-inspector').dataset.seq !== was", arg=before)
    said.wait_for()
    notebook.photograph(panel, "refused-method")
    panel.get_by_role("tab", name="Overview").click()
    said.wait_for(state="detached")

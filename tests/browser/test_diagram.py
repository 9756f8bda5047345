"""The Diagram tab in JupyterLab: folding, keyboard, zoom, selection, a saved drawing, and a thousand modules."""

import json
import re
import xml.etree.ElementTree as ET

import pytest

pytestmark = pytest.mark.browser

SVG = "{http://www.w3.org/2000/svg}"

MINILM = """
from workbench import panels, pretrained
model, processor = pretrained.load("minilm")
inspector = panels.attach(model, "The central bank raised interest rates.", processor=processor)
inspector
"""

PLACES = """
import json
from workbench.interpret import trace
from workbench.interpret.architecture.placing import placed
def flat(here, x, y):
    own = [[here.box.type, here.part.name, round(x, 1), round(y, 1), round(here.width, 1), round(here.height, 1)]]
    return (own if here.depth >= 0 else []) + [row for one in here.inner for row in flat(one, x + one.x, y + one.y)]
print("PLACES" + json.dumps(flat(placed(trace(inspector.session.model, inspector.session.batch).plan), 14, 14)))
"""

DRAWN = """root => [...root.querySelectorAll('.wb-node')].map(g => {
  const box = g.querySelector('.wb-box'), [x, y] = g.getAttribute('transform').match(/[\\d.-]+/g).map(Number);
  return [x, y, +box.getAttribute('width'), +box.getAttribute('height')];
})"""


def opened(notebook, name, *cells):
    notebook.open(notebook.write(name, *cells))
    notebook.run_all(wait=True)
    panel = notebook.page.locator(".wb-inspector")
    panel.get_by_role("tab", name="Diagram").click()
    panel.get_by_role("treeitem").first.wait_for()
    return panel


def item(panel, name, **kwargs):
    return panel.get_by_role("treeitem", name=re.compile(name), **kwargs)


def test_a_transformer_by_keyboard_and_mouse(notebook):
    page = notebook.page
    panel = opened(notebook, "diagram.ipynb", MINILM, PLACES)
    notebook.photograph(panel, "diagram-minilm")
    said = next(text for text in notebook.outputs().all_inner_texts() if text.startswith("PLACES"))
    placed = [row[2:] for row in json.loads(said.removeprefix("PLACES"))]
    drawn = panel.evaluate(DRAWN)
    near = [min(max(abs(a - b) for a, b in zip(one, other, strict=True)) for other in placed) for one in drawn]
    assert len(drawn) > 10
    assert max(near) < 0.2  # the page and Python do the same sums

    root = item(panel, "^BertModel")
    root.focus()
    for expected in ("^BertEmbeddings", "word_embeddings"):
        page.keyboard.press("ArrowDown")
        assert re.search(expected, page.evaluate("document.activeElement.getAttribute('aria-label')"))
    page.keyboard.press("ArrowRight")
    assert "token_type_embeddings" in page.evaluate("document.activeElement.getAttribute('aria-label')")
    assert "embeddings.token_type_embeddings" in panel.locator(".wb-side").inner_text()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    assert item(panel, "^BertEmbeddings").get_attribute("aria-expanded") == "false"
    assert item(panel, "word_embeddings").count() == 0
    page.keyboard.press("Enter")
    assert item(panel, "word_embeddings").count() == 1

    size = panel.get_by_role("button", name="Zoom to actual size")
    page.keyboard.press("+")
    assert size.inner_text() == "125 %"
    page.keyboard.press("-")
    page.keyboard.press("0")
    assert size.inner_text() == "100 %"
    box = panel.locator(".wb-view").bounding_box()
    page.mouse.move(box["x"] + 200, box["y"] + 200)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -200)
    page.keyboard.up("Control")
    page.wait_for_function("() => parseInt(document.querySelectorAll('.wb-tools button')[1].textContent) > 110")
    size.click()

    panel.get_by_role("button", name="Fold all modules", exact=True).click()
    assert panel.get_by_role("treeitem").count() == 5
    panel.get_by_role("button", name="Unfold all modules").click()
    item(panel, "^BertLayer layer.0 … 5").focus()
    page.keyboard.press("x")
    assert item(panel, "^BertLayer layer.0,").count() == 1
    before = panel.get_attribute("data-seq")
    item(panel, "^BertLayer layer.0,").locator(".wb-title").click()
    page.wait_for_function("was => document.querySelector('.wb-inspector').dataset.seq !== was", arg=before)
    assert "encoder.layer.0" in panel.locator(".wb-side").inner_text()


def test_the_drawing_is_saved_as_the_page_shows_it(notebook):
    panel = opened(notebook, "saved.ipynb", MINILM)
    shown = panel.locator(".wb-view text").all_text_contents()
    with notebook.page.expect_download() as got:
        panel.get_by_role("button", name="Save the whole drawing").click()
    assert got.value.suggested_filename == "BertModel-architecture.svg"
    tree = ET.fromstring(got.value.path().read_text("utf-8"))
    kinds = {node.tag.removeprefix(SVG) for node in tree.iter()}
    assert kinds <= {"svg", "g", "rect", "path", "title", "text", "tspan", "circle"}
    texts = ["".join(node.itertext()) for node in tree.iter(f"{SVG}text")]
    assert set(shown) <= set(texts)
    assert any("pooler" in text for text in texts)  # also what is out of sight
    assert all(node.get("fill") for node in tree.iter(f"{SVG}text"))


NASTY = """
import torch
from torch import nn
from workbench import panels
Bad = type("<img src=x onerror=window.hacked=1>", (nn.Linear,), {})
model = nn.Sequential()
model.add_module("</text><script>hacked=1</script>", Bad(4, 4))
model.add_module("\\u202e&amp;'\\"", Bad(4, 4))
inspector = panels.attach(model, torch.randn(1, 4))
inspector
"""


def test_names_are_text(notebook):
    panel = opened(notebook, "nasty.ipynb", NASTY)
    texts = panel.locator(".wb-view text").all_text_contents()
    assert any(text.startswith("<img src=x onerror=window.hacked=") for text in texts)
    assert any("</text><script>" in text for text in texts)
    assert panel.locator(".wb-diagram img, .wb-diagram script").count() == 0
    assert notebook.page.evaluate("window.hacked") is None


THOUSAND = """
import torch
from torch import nn
from workbench import panels

class Block(nn.Module):
    def __init__(self, i):
        super().__init__()
        self.norm, self.up, self.act, self.down = nn.LayerNorm(8), nn.Linear(8, 8 + i), nn.GELU(), nn.Linear(8 + i, 8)
    def forward(self, x):
        return x + self.down(self.act(self.up(self.norm(x))))

inspector = panels.attach(nn.Sequential(*[Block(i) for i in range(200)]), torch.randn(2, 8))
inspector
"""

SCROLL = """async () => {
  const view = document.querySelector('.wb-view');
  [...document.querySelectorAll('.wb-tools button')].find(b => b.textContent === 'Unfold').click();
  for (let i = 0; i < 60; i++) {
    view.scrollTop += 400;
    await new Promise(done => requestAnimationFrame(done));
  }
  return { nodes: view.querySelectorAll('.wb-node').length, height: view.scrollHeight };
}"""


def test_of_a_thousand_modules_only_those_in_sight_are_drawn(notebook):
    panel = opened(notebook, "thousand.ipynb", THOUSAND)
    found = notebook.page.evaluate(SCROLL)
    assert found["height"] > 60_000
    assert found["nodes"] < 60  # only what is in sight is in the page
    panel.get_by_role("button", name="Fold all modules", exact=True).click()
    assert panel.get_by_role("treeitem").count() == 3


OTHERS = """
import torch
from torch import nn
from workbench import panels, pretrained
text = "The central bank raised interest rates."
model, processor = pretrained.load("{name}")
inspector = panels.attach(model, {inputs}, processor=processor)
inspector
"""


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("name", "inputs"), [("smollm2", "text"), ("efficientnet_lite0", "torch.randn(1, 3, 224, 224)")]
)
def test_how_other_models_look(notebook, name, inputs):
    panel = opened(notebook, f"{name}.ipynb", OTHERS.format(name=name, inputs=inputs))
    notebook.photograph(panel, f"diagram-{name}")
    notebook.page.set_viewport_size({"width": 560, "height": 1100})
    notebook.page.wait_for_timeout(300)
    assert panel.locator(".wb-body").evaluate("body => body.scrollWidth - body.clientWidth") <= 1


MLP = """
import torch
from torch import nn
from workbench import panels
inspector = panels.attach(nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10)), torch.randn(2, 64))
inspector
"""


def test_a_perceptron(notebook):
    panel = opened(notebook, "mlp.ipynb", MLP)
    titles = panel.locator(".wb-node").evaluate_all(
        "all => all.map(node => node.getAttribute('aria-label').split(/[ ,]/)[0])"
    )
    assert sorted(titles) == ["Linear", "Linear", "ReLU", "Sequential", "input", "output"]
    notebook.photograph(panel, "diagram-mlp")

"""The attention panel in JupyterLab: long inputs, real models, pictures, graphs, and a model that trains."""

import pytest

pytestmark = pytest.mark.browser

AT = "(canvas, [x, y]) => [...canvas.getContext('2d').getImageData(x, y, 1, 1).data]"
DARKNESS = """(canvas) => {
  const { width, height } = canvas, data = canvas.getContext('2d').getImageData(0, 0, width, height).data;
  let before = 0, all = 0;
  for (let i = 0; i < height; i++) for (let j = 0; j < width; j++) {
    const dark = 251 - data[4 * (i * width + j)];
    all += dark;
    if (j === i - 1) before += dark;
  }
  return before / all;
}"""
"""of a heat map on light paper: how much of the ink is on the diagonal below the main one"""
PICTURE = "canvas => canvas.toDataURL()"


def shown(page, address):
    page.wait_for_function("at => document.querySelector('.wb-attention')?.dataset.shown === at", arg=address)


def opened(notebook, name, *cells, address="0.0"):
    """The panel with its attention open."""
    notebook.open(notebook.write(f"{name}.ipynb", *cells))
    notebook.run_all()
    panel = notebook.page.locator(".wb-inspector")
    panel.wait_for()
    panel.get_by_role("tab", name="Attention").click()
    shown(notebook.page, address)
    return panel


# Head h of layer l looks h + 12 l positions back, so that every frame can be told from every other.
LONG = """
import torch
from torch import nn
from workbench import panels

class Shifted(nn.Module):
    def __init__(self, layer):
        super().__init__()
        self.layer = layer
    def forward(self, x):
        n = x.shape[1]
        at = torch.arange(n)
        weights = torch.stack([torch.eye(n)[(at - h - 12 * self.layer).clamp(0)] for h in range(12)])
        return (weights.masked_fill(weights == 0, 1e-9).log().softmax(-1) @ x[:, None]).mean(1)

class Long(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(Shifted(layer) for layer in range(12))
    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x.mean((1, 2))[:, None]

torch.manual_seed(0)
inspector = panels.attach(Long(), torch.rand(1, LENGTH, 4))
inspector.session.max_bytes = 1 << 30
inspector.session.refresh()
inspector
"""

COUNT = """() => {
  window.counted = 0;
  const own = WebSocket.prototype, get = Object.getOwnPropertyDescriptor(own, 'onmessage');
  const add = event => { window.counted += event.data.byteLength ?? event.data.size ?? event.data.length; };
  const listen = own.addEventListener;
  const set = function (act) { listen.call(this, 'message', add); get.set.call(this, act); };
  Object.defineProperty(own, 'onmessage', { ...get, set });
}"""


def test_five_hundred_and_twelve_tokens(notebook):
    page = notebook.page
    page.add_init_script(f"({COUNT})()")
    notebook.open(notebook.write("long.ipynb", LONG.replace("LENGTH", "512")))
    notebook.run_all()
    panel = page.locator(".wb-inspector")
    panel.wait_for()
    notebook.idle()
    before = page.evaluate("window.counted")
    panel.get_by_role("tab", name="Attention").click()
    shown(page, "0.0")
    page.wait_for_function("() => document.querySelector('.wb-thumbs').width > 250")
    assert 300_000 < page.evaluate("window.counted") - before <= 1_000_000
    heat = panel.locator(".wb-heat")
    assert heat.evaluate("canvas => [canvas.width, canvas.height]") == [512, 512]
    assert heat.evaluate(AT, [200, 200])[0] < 40
    assert heat.evaluate(AT, [199, 200])[0] > 240

    # A drag over all heads and back: what is drawn at last is what the slider says, and little waits behind it.
    slider = panel.get_by_role("slider", name="head")
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    x = [box["x"] + 8 + (box["width"] - 16) * i / 11 for i in range(12)]
    y = box["y"] + box["height"] / 2
    before = page.evaluate("window.counted")
    page.mouse.move(x[0], y)
    page.mouse.down()
    for at in [*x, *reversed(x), *x[:8]]:
        page.mouse.move(at, y)
    page.mouse.up()
    shown(page, "0.7")
    assert slider.input_value() == "7"
    assert heat.evaluate(AT, [193, 200])[0] < 40
    assert heat.evaluate(AT, [200, 200])[0] > 240
    assert page.evaluate("window.counted") - before < 32 * 280_000
    # Zoomed, every weight is a pixel of the canvas.
    heat.focus()
    for _ in range(4):
        page.keyboard.press("+")
    assert heat.evaluate("canvas => canvas.width") < 100
    page.keyboard.press("0")
    assert heat.evaluate("canvas => canvas.width") == 512
    notebook.photograph(panel, "attention-512")


def test_a_long_input_comes_window_by_window(notebook):
    page = notebook.page
    panel = opened(notebook, "longer", LONG.replace("LENGTH", "1500").replace("range(12))", "range(1))"))
    assert "strongest of 3" in panel.locator(".wb-below").inner_text()
    heat = panel.locator(".wb-heat")
    heat.focus()
    for _ in range(6):
        page.keyboard.press("+")
    page.wait_for_function("() => !document.querySelector('.wb-below').innerText.includes('strongest')")
    assert heat.evaluate("canvas => canvas.width") < 200
    page.keyboard.press("ArrowRight")
    notebook.photograph(panel, "attention-window")


MINILM = """
from workbench import panels, pretrained
model, processor = pretrained.load("minilm")
text = "The central bank raised interest rates again because inflation had not slowed as much as it expected."
inspector = panels.attach(model, text, processor=processor)
inspector
"""


def test_a_head_of_minilm_looks_at_the_token_before(notebook):
    page = notebook.page
    panel = opened(notebook, "minilm-heads", MINILM)
    find = panel.get_by_placeholder("find heads")
    find.fill("previous > 0.9")
    panel.get_by_text("1 of 72").wait_for()
    find.press("Enter")
    shown(page, "0.2")
    heat = panel.locator(".wb-heat")
    assert heat.evaluate(DARKNESS) > 0.5
    # Every token but the first looks at the one before.
    heat.focus()
    page.keyboard.press("ArrowDown")
    for before, token in (("[CLS]", "the"), ("the", "central"), ("central", "bank")):
        assert panel.locator(".wb-list b").first.inner_text() == token
        assert panel.locator(".wb-bars span").first.inner_text() == before
        assert float(panel.locator(".wb-bars .wb-num").first.inner_text()) > 0.95
        page.keyboard.press("ArrowDown")
    notebook.photograph(panel, "attention-previous")
    find.fill("")
    panel.get_by_role("slider", name="layer").focus()
    page.keyboard.press("ArrowRight")
    shown(page, "1.2")
    assert heat.evaluate(DARKNESS) < 0.2

    # Lines, a token that is found, several heads as one, a difference.
    panel.get_by_role("button", name="lines", exact=True).click()
    panel.locator(".wb-lines canvas").wait_for()
    notebook.photograph(panel, "attention-lines")
    panel.get_by_role("button", name="map", exact=True).click()
    panel.get_by_placeholder("find a token").fill("infl")
    panel.get_by_placeholder("find a token").press("Enter")
    assert panel.locator(".wb-list b").first.inner_text() == "inflation"
    panel.get_by_role("button", name="Pin this head").click()
    panel.locator(".wb-thumbs").focus()
    before = heat.evaluate(PICTURE)
    page.keyboard.press("ArrowRight")
    shown(page, "1.3")
    panel.get_by_role("combobox", name="minus").select_option("pinned")
    page.wait_for_function("was => document.querySelector('.wb-heat').toDataURL() !== was", arg=before)
    panel.get_by_text("a difference of weights is no difference of what the model does").wait_for()
    notebook.photograph(panel, "attention-difference")
    panel.get_by_role("combobox", name="minus").select_option("")
    panel.get_by_role("combobox", name="show").select_option("rollout")
    panel.get_by_label("hide special tokens").check()
    panel.get_by_role("button", name="Show code").click()
    panel.locator("pre").get_by_text("over='rollout', hide=1").wait_for()

    panel.get_by_role("button", name="Hide code").click()
    page.set_viewport_size({"width": 480, "height": 1700})
    page.wait_for_timeout(400)
    assert panel.evaluate("panel => panel.clientWidth") <= 364
    assert panel.locator(".wb-body").evaluate("body => body.scrollWidth - body.clientWidth") <= 1
    panel.screenshot(path=notebook.screenshots / "attention-360.png")


SMOLLM = """
from workbench import panels, pretrained
model, processor = pretrained.load("smollm2")
inspector = panels.attach(model, "The cat sat on the mat. The cat sat on the", processor=processor)
inspector
"""


def test_smollm_looks_back_only_and_has_a_head_of_the_token_before(notebook):
    page = notebook.page
    panel = opened(notebook, "smollm-heads", SMOLLM)
    heat = panel.locator(".wb-heat")
    n = heat.evaluate("canvas => canvas.width")
    paper = heat.evaluate(AT, [n - 1, 0])
    assert all(heat.evaluate(AT, [j, i]) == paper for i in range(n) for j in range(i + 1, n))
    find = panel.get_by_placeholder("find heads")
    find.fill("previous > 0.6")
    find.press("Enter")
    page.wait_for_function("() => document.querySelector('.wb-attention').dataset.shown !== '0.0'")
    assert heat.evaluate(DARKNESS) > 0.3
    notebook.photograph(panel, "attention-smollm")


GENERATING = SMOLLM.replace(
    '"The cat sat on the mat. The cat sat on the", processor=processor',
    '"The cat sat on", processor=processor, '
    "call=lambda model, inputs: model.generate(**inputs, max_new_tokens=4, do_sample=False)",
)


def test_the_steps_of_a_generation_are_rows_of_one_map(notebook):
    panel = opened(notebook, "generating", GENERATING)
    step = panel.get_by_role("slider", name="step")
    assert step.get_attribute("max") == "3"
    assert panel.locator(".wb-heat").evaluate("canvas => [canvas.width, canvas.height]") == [7, 7]
    step.focus()
    notebook.page.keyboard.press("ArrowLeft")
    query = panel.locator(".wb-list b").first.text_content()
    assert query == panel.locator(".wb-queries span").nth(5).text_content()
    notebook.photograph(panel, "attention-generating")


TRAINING = """
import torch, workbench as wb
from torch import nn

class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.patch = nn.Linear(8, 32)
        self.encoder = nn.TransformerEncoder(
            nn.TransformerEncoderLayer(32, 4, 64, batch_first=True, dropout=0.0), 2, enable_nested_tensor=False)
        self.head = nn.Linear(32, 10)
    def forward(self, x):
        return self.head(self.encoder(self.patch(x.flatten(1).unflatten(-1, (8, 8)))).mean(1))

torch.manual_seed(0)
run = wb.start(Small(), "digits", steps=1_000_000)
inspector = wb.attach(run.model, "digits")
inspector.choose("attention").follow(run)
inspector
"""


def test_three_frames_are_seen_while_the_model_trains(notebook):
    page = notebook.page
    notebook.open(notebook.write("training.ipynb", TRAINING, "print('running', run.running)", "run.stop()"))
    notebook.run_cell(0)
    panel = page.locator(".wb-inspector")
    panel.wait_for()
    shown(page, "0.0")
    seen = set()
    for _ in range(3):
        now = panel.locator(".wb-heat").evaluate(PICTURE)
        seen.add(now)
        page.wait_for_function("was => document.querySelector('.wb-heat').toDataURL() !== was", arg=now)
    assert len(seen) == 3
    notebook.run_cell(1)
    notebook.outputs().get_by_text("running True").wait_for()
    notebook.run_cell(2)


PATCHES = """
import torch
from torch import nn
from workbench import panels

class Patches(nn.Module):
    def __init__(self):
        super().__init__()
        self.patch, self.first = nn.Conv2d(1, 16, 4, 4), nn.Parameter(torch.randn(1, 1, 16))
    def forward(self, x):
        h = torch.cat([self.first.expand(len(x), -1, -1), self.patch(x).flatten(2).mT], 1)
        n = h.shape[1]
        ahead = torch.eye(n)[(torch.arange(n) + 1) % n]   # every patch looks at the next
        h = nn.functional.scaled_dot_product_attention(60 * ahead[None, None], torch.eye(n)[None, None], h[:, None])
        return h[:, 0, 0, :3]

torch.manual_seed(0)
y, x = torch.meshgrid(torch.linspace(-1, 1, 28), torch.linspace(-1, 1, 28), indexing="ij")
inspector = panels.attach(Patches(), (x * x + y * y < 0.4).float()[None, None])
inspector
"""


def test_a_picture_is_tinted_where_it_is_looked_at(notebook):
    panel = opened(notebook, "patches", PATCHES)
    canvas = panel.locator(".wb-lit canvas")
    canvas.wait_for()
    size = canvas.bounding_box()["width"]
    canvas.click(position={"x": size * 2.5 / 7, "y": size * 0.5 / 7})
    # The patch beside the one that was chosen is orange on what was black; the one after it stays black.
    assert canvas.evaluate(AT, [round(size * 3.5 / 7), round(size * 0.5 / 7)])[0] > 180
    assert canvas.evaluate(AT, [round(size * 4.5 / 7), round(size * 0.5 / 7)])[0] < 40
    assert panel.locator(".wb-list b").first.inner_text() == "0,2"
    assert panel.locator(".wb-bars span").first.inner_text() == "0,3"
    notebook.photograph(panel, "attention-picture")


GRAPH = """
import torch
from torch import nn
from torch_geometric.datasets import KarateClub
from torch_geometric.nn import GATConv
from workbench import panels

class Gat(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = GATConv(34, 8, heads=4), GATConv(32, 4)
    def forward(self, x, edge_index):
        return self.second(self.first(x, edge_index).relu(), edge_index)

torch.manual_seed(0)
inspector = panels.attach(Gat(), KarateClub()[0])
inspector
"""


def test_a_graph_shows_whom_a_node_looks_at(notebook):
    page = notebook.page
    panel = opened(notebook, "karate", GRAPH)
    canvas = panel.locator(".wb-graph canvas")
    canvas.focus()
    for _ in range(11):
        page.keyboard.press("ArrowDown")
    # Member 11 knows member 0 alone, and itself.
    assert panel.locator(".wb-list b").first.inner_text() == "11"
    names = panel.locator(".wb-bars").first.locator("span:not(.wb-num)").all_inner_texts()
    assert sorted(names) == ["0", "11"]
    notebook.photograph(panel, "attention-graph")


FAULTS = """
import torch
from torch import nn
from workbench import panels

class Faulty(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(4, 4)
    def forward(self, tokens):
        x = self.embedding(tokens)
        weights = (x @ x.mT).softmax(-1)
        if tokens.shape[1] > 2:
            weights = weights.masked_fill(torch.eye(tokens.shape[1]).bool(), float("nan"))
        return (weights @ x).mean((1, 2))[:, None].nan_to_num()

WORDS = ["<img src=x onerror=window.hacked=1>", "two", "three", "four"]
class Words:
    all_special_tokens = ()
    def __call__(self, text, **_): return {"tokens": torch.tensor([[WORDS.index(w) for w in text.split()]])}
    def convert_ids_to_tokens(self, i): return WORDS[i]
    def decode(self, ids): return WORDS[ids[0]]

model = Faulty()
inspector = panels.attach(model, "two three four", processor=Words())
inspector
"""


def test_what_is_not_a_number_is_red_one_token_is_drawn_and_a_model_may_be_deleted(notebook):
    page = notebook.page
    panel = opened(notebook, "faults", FAULTS, "import gc\ndel model\ngc.collect()")
    heat = panel.locator(".wb-heat")
    assert [heat.evaluate(AT, [i, i])[:3] for i in range(3)] == [[224, 49, 49]] * 3
    panel.get_by_role("alert").get_by_text("3 of 9 weights drawn are not a number").wait_for()
    notebook.photograph(panel, "attention-nan")
    typed = panel.get_by_role("combobox", name="Input text")
    typed.fill("two")
    typed.press("Enter")
    page.wait_for_function("() => document.querySelector('.wb-heat').width === 1")
    assert panel.locator(".wb-bars .wb-num").first.inner_text() == "1.00"
    assert page.evaluate("window.hacked") is None

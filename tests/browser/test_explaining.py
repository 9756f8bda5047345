"""Saliency and SHAP in JupyterLab: what is on the page is true of the model, in light and in dark."""

import re

import pytest

pytestmark = pytest.mark.browser

# The word that decides is found without any method: the one whose replacement lowers the score most.
READING = """
import torch
from torch import nn
import workbench as wb
encoder, tokenizer = wb.load("minilm")
def vector(text):
    return encoder(**tokenizer(text, return_tensors="pt")).last_hidden_state.mean(1)[0]
class Topics(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder, self.head = encoder, nn.Linear(384, 2, bias=False)
        with torch.no_grad():
            self.head.weight.copy_(torch.stack([vector("money and banks"), vector("football and sport")]))
    def forward(self, **inputs):
        return self.head(self.encoder(**inputs).last_hidden_state.mean(1))
model, text = Topics().eval(), "Yesterday the bank moved to a new street."
given = dict(tokenizer(text, return_tensors="pt"))
ids = given["input_ids"]
with torch.no_grad():
    losses = []
    for i in range(1, ids.shape[1] - 1):
        other = ids.clone()
        other[0, i] = tokenizer.pad_token_id
        losses.append(float((model(**given) - model(**(given | {"input_ids": other})))[0, 0]))
print("DECIDES", tokenizer.convert_ids_to_tokens(int(ids[0, 1 + max(range(len(losses)), key=losses.__getitem__)])))
inspector = wb.attach(model, text, processor=tokenizer, names=["money", "sport"])
inspector
"""

WARMEST = """tokens => tokens.map(token => {
  const found = getComputedStyle(token).backgroundColor.match(/[\\d.]+/g).map(Number);
  return [token.textContent, found[0] > found[2] ? found[3] ?? 1 : 0];
}).sort((a, b) => b[1] - a[1])[0][0]"""


def decided(notebook):
    said = notebook.page.locator(".jp-OutputArea-output", has_text=re.compile("^DECIDES")).inner_text()
    return said.split(maxsplit=1)[1].strip()


def test_saliency_colours_the_word_that_decides_by_every_method_that_is_chosen(notebook):
    page = notebook.page
    notebook.open(notebook.write("deciding.ipynb", READING))
    notebook.run_all()
    panel = page.locator(".wb-inspector")
    panel.get_by_role("tab", name="Saliency").click()
    words = panel.locator(".wb-tokens").first.locator(".wb-tok")
    words.first.wait_for()
    panel.locator(".wb-foot", has_text="add up to the change in output").wait_for()
    assert decided(notebook) == "bank"
    for theme in ("Dark", "Light"):
        notebook.theme(theme)
        assert words.evaluate_all(WARMEST) == "bank"
    panel.get_by_role("combobox", name="Method").select_option("feature_ablation")
    panel.get_by_text("feature ablation does not promise to add up").wait_for()
    assert words.evaluate_all(WARMEST) == "bank"
    assert panel.get_by_role("combobox", name="Method").input_value() == "feature_ablation"
    panel.get_by_role("button", name="Compare methods").click()
    panel.locator(".wb-agree tr").nth(2).wait_for()
    notebook.photograph(panel, "saliency-compared")


RULE = """
import torch
from torch import nn
import workbench as wb
class Rule(nn.Module):
    def forward(self, x):
        return torch.stack([3 * x[:, 1] + 2 * x[:, 3] * (x[:, 0] > 0), 0 * x[:, 0]], 1)
inspector = wb.attach(Rule(), "wine")
inspector
"""
INK = "bar => getComputedStyle(bar).fill"


def test_shap_shows_the_columns_of_the_rule_and_links_what_is_clicked(notebook):
    page = notebook.page
    notebook.open(notebook.write("rule.ipynb", RULE))
    notebook.run_all()
    panel = page.locator(".wb-inspector")
    panel.get_by_role("tab", name="SHAP").click()
    swarm = panel.get_by_role("img", name="beeswarm: what each feature adds in every example")
    swarm.wait_for()
    assert swarm.locator(".wb-name").first.text_content().startswith("malic_acid")
    waterfall = panel.get_by_role("img", name="waterfall: from the mean score to this one, feature by feature")
    used = {name.split(" = ")[0] for name in waterfall.locator(".wb-name title").all_text_contents()}
    assert {"malic_acid", "alcalinity_of_ash"} <= used
    assert {name for name in used if "other" not in name} <= {"malic_acid", "alcalinity_of_ash", "alcohol"}
    inks = []
    for theme in ("Dark", "Light"):
        notebook.theme(theme)
        inks.append(waterfall.locator("rect").first.evaluate(INK))
    assert inks[0] != inks[1]
    swarm.locator(".wb-name", has_text="alcalinity_of_ash").click()
    panel.get_by_role("heading", name="what alcalinity_of_ash adds").wait_for()
    panel.get_by_text("alcalinity_of_ash · colour: alcohol, low to high").wait_for()
    points = panel.get_by_role("img", name="scatter: what alcalinity_of_ash adds against its value").locator("circle")
    place = points.nth(5).locator("title").text_content().partition(":")[0]
    points.nth(5).click()
    panel.get_by_role("heading", name=place, exact=True).wait_for()
    panel.get_by_role("button", name="Show decision").click()
    assert panel.locator(".wb-mine").count() == 1
    panel.get_by_role("button", name="Show code").click()
    assert re.search(r"choose\('shap', feature=3, example=\d+\)", panel.locator("pre").first.inner_text())
    notebook.photograph(panel, "shap")


NEXT = """
import workbench as wb
model, tokenizer = wb.load("smollm2")
inspector = wb.attach(model, "The capital of France is", processor=tokenizer)
inspector
"""
FLOWER = """
import workbench as wb
from sklearn.datasets import load_sample_image
model, pictures = wb.load("efficientnet_lite0")
inspector = wb.attach(model, load_sample_image("flower.jpg"), processor=pictures, names=pictures.names)
inspector
"""
SERIES = """
import torch, workbench as wb
from torch import nn
class Years(nn.Module):
    def forward(self, x):
        return 2 * x.flatten(1)[:, -1:] - x.flatten(1)[:, -11:-10]
inspector = wb.attach(Years(), "sunspots")
inspector
"""
GRAPH = """
import torch, workbench as wb
from torch import nn
class Neighbours(nn.Module):
    def forward(self, x, edge_index):
        return x[:, :2] + torch.zeros(len(x), 2).index_add(0, edge_index[1], x[edge_index[0], :2])
edges = torch.tensor([[0, 1, 1, 2, 3, 4], [1, 0, 2, 1, 4, 5]])
inspector = wb.attach(Neighbours(), {"x": torch.rand(6, 3), "edge_index": edges}).look(node=1)
inspector
"""


@pytest.mark.thorough
@pytest.mark.parametrize(("name", "code"), [("next", NEXT), ("flower", FLOWER), ("years", SERIES), ("graph", GRAPH)])
def test_more_kinds_of_model_in_both_tabs(notebook, name, code):
    page = notebook.page
    page.set_default_timeout(180_000)
    notebook.open(notebook.write(f"{name}.ipynb", code))
    notebook.run_all()
    panel = page.locator(".wb-inspector")
    for tab in ("Saliency", "SHAP"):
        panel.get_by_role("tab", name=tab).click()
        panel.locator(".wb-saliency, .wb-shap").locator("visible=true").first.wait_for()
        panel.locator(".wb-foot", has_text="add up to the change in output within").wait_for()
        notebook.photograph(panel, f"{tab.lower()}-{name}")
        said = panel.inner_text()
        if name == "next":
            assert re.search(r"the predicted next token at the last position:\s+Paris", said)
        if name == "flower":
            assert "the predicted class: daisy" in said
    if name == "graph":
        panel.get_by_role("tab", name="Saliency").click()
        coloured = panel.locator(".wb-net circle[style*=fill] title")
        assert {text.split()[1] for text in coloured.all_text_contents()} == {"0", "1", "2"}

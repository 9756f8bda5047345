"""Deformable attention in JupyterLab: the points of a query over the picture."""

import pytest

pytestmark = pytest.mark.browser

AT = """(canvas, [x, y]) => {
  const dpr = window.devicePixelRatio || 1;
  return [...canvas.getContext("2d").getImageData(Math.round(x * dpr), Math.round(y * dpr), 1, 1).data];
}"""

# Query 0 samples the four quarters of a black picture and prefers the lower left; query 1 the upper right.
POINTS = """
import torch
from torch import nn
from torch.nn import functional as F
from workbench import panels

class Sampling(nn.Module):
    def __init__(self):
        super().__init__()
        self.look = nn.Conv2d(3, 4, 4, 4)
        self.places = nn.Parameter(torch.tensor([[[-.5, -.5], [.5, -.5], [-.5, .5], [1.2, .5]]] * 2))
        self.scores = nn.Parameter(torch.tensor([[0., 0., 3., 0.], [0., 3., 0., 0.]]))
    def forward(self, x):
        sampled = F.grid_sample(self.look(x), self.places[None].expand(len(x), -1, -1, -1), align_corners=False)
        return (sampled * self.scores.softmax(-1)[None, None]).sum(-1).flatten(1)

class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        self.sampling, self.head = Sampling(), nn.Linear(8, 3)
    def forward(self, x):
        return self.head(self.sampling(x))

torch.manual_seed(0)
picture = torch.zeros(1, 3, 64, 64)
picture[0, 2, 20:44, 20:44] = 0.2
inspector = panels.attach(Detector(), picture)
inspector
"""


@pytest.mark.thorough
def test_the_points_of_a_query_are_drawn_where_it_samples(notebook):
    notebook.open(notebook.write("points.ipynb", POINTS))
    notebook.run_all()
    page = notebook.page
    panel = page.locator(".wb-inspector")
    panel.wait_for()
    panel.get_by_role("tab", name="Attention").click()
    canvas = panel.locator(".wb-lit canvas")
    canvas.wait_for()
    page.wait_for_function("() => document.querySelector('.wb-lit p')?.textContent.startsWith('4 points')")
    size = canvas.bounding_box()["width"]
    at = {"lower left": [0.25 * size, 0.75 * size], "upper right": [0.75 * size, 0.25 * size]}

    def orange(place):
        red, green, blue, _ = canvas.evaluate(AT, at[place])
        return red > 200 > green > blue

    notebook.photograph(panel, "attention-points")
    assert orange("lower left")
    assert not orange("upper right")
    assert canvas.evaluate(AT, [0.25 * size, 0.5 * size])[0] < 60  # between points there is the picture alone
    panel.locator(".wb-lit .wb-chips").get_by_text("1", exact=True).click()
    panel.locator(".wb-lit .wb-chips button[aria-pressed=true]", has_text="1").wait_for()
    assert orange("upper right")
    assert not orange("lower left")
    canvas.focus()
    assert canvas.evaluate("canvas => canvas === document.activeElement")


DETECTOR = """
import torch
import transformers as t
from workbench import panels

torch.manual_seed(0)
backbone = t.ResNetConfig(embedding_size=8, hidden_sizes=[8, 8, 16, 16], depths=[1, 1, 1, 1],
                          out_features=["stage2", "stage3", "stage4"], layer_type="basic")
config = t.DeformableDetrConfig(d_model=32, encoder_layers=1, decoder_layers=1, encoder_attention_heads=4,
                                decoder_attention_heads=4, num_queries=6, encoder_ffn_dim=16, decoder_ffn_dim=16,
                                backbone_config=backbone, use_timm_backbone=False, backbone=None)
model = t.DeformableDetrModel(config).eval()
for name, parameter in model.named_parameters():
    if "attention_weights.weight" in name:
        torch.nn.init.normal_(parameter)
y, x = torch.meshgrid(torch.linspace(-1, 1, 96), torch.linspace(-1, 1, 128), indexing="ij")
inspector = panels.attach(model, {"pixel_values": torch.stack([x, y, -x * y])[None]})
inspector.session.select(layer="decoder.layers.0.self_attn", head=0)
inspector
"""


def test_a_deformable_detr_shows_its_points_after_a_layer_that_has_none(notebook):
    notebook.open(notebook.write("detector.ipynb", DETECTOR))
    notebook.run_all()
    panel = notebook.page.locator(".wb-inspector")
    panel.wait_for()
    panel.get_by_role("tab", name="Attention").click()
    heat = panel.locator(".wb-thumbs canvas, .wb-map canvas").first
    heat.wait_for()
    assert panel.locator(".wb-lit:visible").count() == 0
    panel.get_by_label("layer", exact=True).fill("2")
    panel.locator(".wb-lit canvas").wait_for()
    said = panel.locator(".wb-lit p").inner_text()
    assert said.startswith("16 points are sampled")
    assert "● level 0, ■ level 1, ▲ level 2, ◆ level 3" in said
    assert panel.locator(".wb-lit .wb-chips button").all_inner_texts() == list("012345")
    notebook.photograph(panel, "attention-points-detr")

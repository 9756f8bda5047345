"""Every screen for everybody: axe finds nothing serious, the keyboard reaches everything, narrow and wide pages fit."""

from importlib.resources import files

import pytest
from playwright.sync_api import Locator, expect

pytestmark = pytest.mark.browser

AXE = (files("axe_playwright_python") / "axe.min.js").read_text("utf-8")
SERIOUS = """async node => {
  const { violations, passes } = await axe.run(node, { resultTypes: ['violations'] });
  if (passes.length < 3) return ['axe found nothing to check'];
  return violations.filter(v => v.impact === 'serious' || v.impact === 'critical').flatMap(
    v => v.nodes.map(n => `${v.id}: ${n.html.slice(0, 160)} ${(n.any[0] || n.all[0] || n.none[0])?.message ?? ''}`));
}"""
MODEL = """
import torch
import workbench as wb
from torch import nn

class Looking(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding, self.head = nn.Embedding(9, 8), nn.Linear(8, 3)
    def forward(self, tokens):
        x = self.embedding(tokens).unflatten(-1, (2, 4)).transpose(1, 2)
        return self.head(nn.functional.scaled_dot_product_attention(x, x, x).transpose(1, 2).flatten(2).mean(1))

torch.manual_seed(0)
model = Looking()
"""
ATTACH = "wb.attach(model, torch.arange(18).view(2, 9) % 9)"
TRAIN = 'run = wb.start(nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), "digits", steps=60)'
APP = 'app = wb.Workbench("cnn")\napp'
THEMES = ("Light", "Dark", "Dark High Contrast")
FORCED = "the colours of the system"
SHOWN = """([where, key, value]) => document.querySelector(where).dataset[key] === value
  && !document.querySelector(`${where} .wb-wait`)"""
STOP = """() => {
  let at = document.activeElement;
  while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
  const style = getComputedStyle(at);
  return { inside: Boolean(at.closest('.wb')), ring: style.outlineStyle !== 'none' || style.boxShadow !== 'none',
    name: at.getAttribute('aria-label') || at.textContent || at.labels?.[0]?.textContent || '' };
}"""
OVERFLOW = "node => node.scrollWidth - node.clientWidth"


def test_axe_finds_nothing_serious(notebook, sidebar):
    page, found = notebook.page, []
    notebook.open(notebook.write("axe.ipynb", MODEL, ATTACH, TRAIN, APP))
    page.evaluate("() => window.jupyterapp.commands.execute('workbench:show-models')")
    notebook.run_all(wait=True)
    panel, live, bench = (page.locator(f".wb-{kind}").first for kind in ("inspector", "live", "bench"))
    page.wait_for_function("() => document.querySelector('.wb-live').dataset.status === 'done'")
    expect(sidebar.locator(".wb-item").first).to_be_visible()
    page.evaluate(f"() => {{ {AXE} }}")
    for theme in (*THEMES, FORCED):
        if theme == FORCED:
            page.emulate_media(forced_colors="active", contrast="more", reduced_motion="reduce")
        else:
            notebook.theme(theme)
        for name in panel.get_by_role("tab").all_inner_texts():
            panel.get_by_role("tab", name=name).click()
            page.wait_for_function(SHOWN, arg=[".wb-inspector", "tab", name.lower()])
            found += serious(panel, f"{name}, {theme}")
        for name in bench.get_by_role("tab").all_inner_texts():
            bench.get_by_role("tab", name=name).click()
            page.wait_for_function(SHOWN, arg=[".wb-bench", "step", name.split()[-1].lower()])
            found += serious(bench, f"app: {name}, {theme}")
        found += serious(live, f"live view, {theme}") + serious(sidebar, f"sidebar, {theme}")
    assert found == []
    moving = (
        "() => document.getAnimations().filter(a => a.playState === 'running' && a.effect.target.closest('.wb')).length"
    )
    assert page.evaluate(moving) == 0, "less motion was asked for"


def serious(screen: Locator, name: str) -> list[str]:
    """What axe finds serious about a screen."""
    return [f"{name}: {one}" for one in screen.evaluate(SERIOUS)]


def test_the_keyboard_reaches_every_control_in_the_order_of_the_page_and_leaves_again(notebook):
    page = notebook.page
    notebook.open(notebook.write("keys.ipynb", MODEL, ATTACH, "pass"))
    notebook.run_all(wait=True)
    panel = page.locator(".wb-inspector")
    panel.get_by_role("tab", name="Attention").click()
    panel.locator(".wb-heat").wait_for()
    panel.locator("button").first.focus()
    stops = [page.evaluate(STOP)]
    while stops[-1]["inside"] and len(stops) < 80:
        page.keyboard.press("Tab")
        stops.append(page.evaluate(STOP))
    assert not stops.pop()["inside"], "the focus is not caught"
    assert len(stops) > 8
    assert [stop for stop in stops if not stop["name"].strip()] == []
    assert [stop for stop in stops[1:] if not stop["ring"]] == [], "one sees where the focus is"
    names = [stop["name"] for stop in stops]
    tabs = {"Overview", "Diagram", "Attention", "Saliency", "SHAP"}
    assert len([name for name in names if name in tabs]) == 1, "one stop"
    assert page.evaluate("() => window.jupyterapp.shell.currentWidget.content.activeCellIndex") is not None


@pytest.mark.parametrize("width", [360, 3840])
def test_it_fits_narrow_and_wide_pages(notebook, width):
    page = notebook.page
    notebook.open(notebook.write(f"wide{width}.ipynb", MODEL, ATTACH, APP))
    notebook.run_all(wait=True)
    page.set_viewport_size({"width": width, "height": 1100})
    panel, bench = page.locator(".wb-inspector"), page.locator(".wb-bench")
    for tab in panel.get_by_role("tab").all_inner_texts():
        panel.get_by_role("tab", name=tab).click()
        page.wait_for_function("() => !document.querySelector('.wb-inspector .wb-wait')")
        assert panel.evaluate(OVERFLOW) <= 1, tab
    panel.screenshot(path=notebook.screenshots / f"inspector-{width}.png")
    assert bench.evaluate(OVERFLOW) <= 1
    bench.screenshot(path=notebook.screenshots / f"app-{width}.png")

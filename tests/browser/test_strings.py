"""The list of nasty names on real pages: in the Inspector, the live view, the sidebar and an exported page, as text."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

LIST = Path(__file__).resolve().parents[1] / "nasty.json"
NASTY = [each["text"] * each.get("times", 1) for each in json.loads(LIST.read_text("utf-8"))]

MODEL = f"""
import json
import torch
import workbench as wb
from torch import nn

NASTY = [each["text"] * each.get("times", 1) for each in json.load(open({str(LIST)!r}))]
KINDS = [text for text in NASTY if "\\0" not in text and text.isprintable() and len(text) < 200]
MODULES = [text for text in NASTY if text and "." not in text and not hasattr(nn.Module(), text)]

class Words:
    all_special_tokens = ()
    def convert_ids_to_tokens(self, i): return NASTY[i]
    def decode(self, ids): return NASTY[ids[0]]

class Looking(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding, self.head = nn.Embedding(len(NASTY), 8), nn.Linear(8, len(NASTY))
        for i, name in enumerate(MODULES):
            self.add_module(name, type(KINDS[i % len(KINDS)], (nn.Identity,), {{}})())
    def forward(self, tokens):
        x = self.embedding(tokens).unflatten(-1, (2, 4)).transpose(1, 2)
        return self.head(nn.functional.scaled_dot_product_attention(x, x, x).transpose(1, 2).flatten(2).mean(1))

torch.manual_seed(0)
for i, name in enumerate(NASTY):
    globals()[name] = type(KINDS[i % len(KINDS)], (Looking,), {{}})()
"""
ATTACH = """
inspector = wb.attach(globals()[NASTY[1]], torch.arange(len(NASTY))[None], names=NASTY, processor=Words())
inspector
"""
TELL = "import builtins\nprint('HIT', hasattr(builtins, 'hit'), __import__('os').path.exists('hit'))"
EXPORT = "print('EXPORTED', wb.export_html('strings.ipynb', 'strings.html').bytes > 10_000)"
FOREIGN = "script, iframe, form, base, link, object, img:not([src^='data:']), [onerror], [onload]"
TEXTS = "nodes => nodes.map(node => node.textContent)"


def as_dom(text):
    """A text as a page holds it: UTF-8 cannot write a lone half of a pair."""
    return text.encode("utf-8", "replace").decode("utf-8")


def exported(browser, path):
    """Check a page that was exported; what a payload left behind."""
    saved = browser.new_page()
    mistakes = []
    saved.on("pageerror", lambda error: mistakes.append(str(error)))
    saved.goto(path.as_uri())
    saved.locator(".wb-panel[data-drawn=yes] .wb-tok").first.wait_for()
    kept = saved.locator(".wb-tok").evaluate_all(TEXTS)
    assert [text for text in NASTY if text.strip() and text.isprintable() and as_dom(text) not in kept] == []
    hit = saved.evaluate("window.hit")
    assert saved.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    assert mistakes == []
    saved.close()
    return hit


def test_nasty_names_are_text_on_every_screen_and_nothing_of_them_runs(notebook, sidebar, browser):
    page = notebook.page
    notebook.open(notebook.write("strings.ipynb", MODEL, ATTACH, TELL, EXPORT))
    page.evaluate("() => window.jupyterapp.commands.execute('workbench:show-models')")
    notebook.run_cell(0)
    notebook.run_cell(1)
    panel = page.locator(".wb-inspector")
    panel.locator(".wb-overview tbody tr").first.wait_for()
    rows = panel.locator(".wb-overview tbody tr").evaluate_all(TEXTS)
    shown = [text for text in NASTY if text and "." not in text and len(text) < 200]
    missing = [text for text in shown if text.isprintable() and not any(as_dom(text) in row for row in rows)]
    assert missing == []
    panel.get_by_role("tab", name="Attention").click()
    panel.locator(".wb-heat").wait_for()
    panel.locator(".wb-heat").hover(position={"x": 40, "y": 30})
    panel.get_by_role("tab", name="Saliency").click()
    panel.locator(".wb-tok").first.wait_for()
    tokens = panel.locator(".wb-tok").evaluate_all(TEXTS)
    assert [text for text in NASTY if text.strip() and text.isprintable() and as_dom(text) not in tokens] == []
    panel.get_by_role("button", name="Show code").click()
    for kind in ("SVG", "PNG", "CSV"):
        with page.expect_download() as got:
            panel.get_by_role("button", name=f"Save as {kind}").click()
        assert "/" not in got.value.suggested_filename
    assert panel.locator(FOREIGN).evaluate_all("nodes => nodes.map(node => node.outerHTML)") == []
    notebook.photograph(panel, "strings")

    page.evaluate("() => window.jupyterapp.commands.execute('workbench:show-models')")
    names = sidebar.locator(".wb-item .wb-name")
    expect(names.first).to_be_visible()
    listed = names.evaluate_all(TEXTS)
    plain = [text for text in NASTY if text.strip() and len(text) < 200 and text.isprintable()]
    assert [text for text in plain if as_dom(text) not in listed] == []
    assert sidebar.locator("b, i, img, script, iframe, a, svg:not(.wb-curve)").count() == 0
    notebook.photograph(page.locator(".jp-LabShell"), "strings-sidebar")

    page.evaluate("async () => { await window.jupyterapp.commands.execute('docmanager:save'); }")
    notebook.run_cell(2)
    notebook.run_cell(3)
    for said in ("HIT False False", "EXPORTED True"):
        notebook.outputs().filter(has_text=said).wait_for()
    assert page.evaluate("window.hit") is None

    assert exported(browser, notebook.folder / "strings.html") is None

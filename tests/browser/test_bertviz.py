"""bertviz's views open without a network: nothing is asked of anybody, and every head is drawn."""

import pytest
import torch
from playwright.sync_api import Browser, expect

from workbench.interpret import attention


def maps():
    from transformers import BertConfig, BertModel

    class Tokenizer:
        def convert_ids_to_tokens(self, index):
            return "<img src=x onerror=document.title='run'>" if index == 1 else f"word{index}"

        def decode(self, tokens):
            return self.convert_ids_to_tokens(tokens[0])

    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=20, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
        initializer_range=1.0,
    )  # fmt: skip
    return attention(BertModel(config).eval(), torch.tensor([[1, 2, 3, 4]]), processor=Tokenizer())


@pytest.mark.parametrize(("view", "drawn"), [("head", 2 * 4 * 4), ("model", 2 * 2 * 4 * 4)])
def test_a_view_draws_offline(browser: Browser, tmp_path, view, drawn):
    context = browser.new_context(viewport={"width": 1100, "height": 900})
    page = context.new_page()
    asked, mistakes = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: mistakes.append(str(error)))
    path = maps().bertviz(view).save(tmp_path / "view.html")
    page.goto(path.as_uri())
    context.set_offline(True)
    expect(page.locator("svg").first).to_be_visible()
    lines = page.locator("svg line")
    page.wait_for_timeout(500)
    assert lines.count() >= drawn
    assert page.get_by_text("word2").first.is_visible() or view == "model"
    page.screenshot(path=str(tmp_path / f"bertviz_{view}.png"))
    assert page.title() != "run"
    assert mistakes == []
    assert [url for url in asked if not url.startswith("file:")] == []
    context.close()


def test_a_view_runs_in_the_frame_that_a_notebook_shows(browser: Browser):
    context = browser.new_context()
    page = context.new_page()
    page.set_content(maps().bertviz("head")._repr_html_())
    frame = page.frame_locator("iframe")
    expect(frame.locator("svg").first).to_be_visible()
    expect(frame.get_by_text("word3").first).to_be_visible()
    context.close()

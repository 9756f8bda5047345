"""The start notebook, as a newcomer meets it: Run All, then the heads of a real model by keyboard and mouse."""

import shutil
from pathlib import Path

import pytest

pytestmark = pytest.mark.browser

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
PIXELS = "canvas => [...canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data].join()"
SHOWN = "at => [...document.querySelectorAll('.wb-attention')].some(view => view.dataset.shown === at)"


def test_run_all_then_choose_heads(notebook):
    page = notebook.page
    path = notebook.folder / "00_start.ipynb"
    shutil.copy(NOTEBOOKS / "00_start.ipynb", path)
    notebook.open(path)
    notebook.run_all(wait=True)
    wrong = page.locator(".jp-OutputArea-output", has_text="Traceback (most recent call last)")
    assert wrong.all_inner_texts() == []
    assert page.locator(".wb-live").first.get_attribute("data-status") == "done"
    assert page.locator(".wb-inspector").count() >= 2

    panel = page.locator(".wb-inspector").last
    panel.get_by_role("tab", name="Attention").click()
    heat = panel.locator(".wb-heat")
    page.wait_for_function(SHOWN, arg="0.0")
    first = heat.evaluate(PIXELS)
    panel.get_by_role("slider", name="head").focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function(SHOWN, arg="0.1")
    second = heat.evaluate(PIXELS)
    slider = panel.get_by_role("slider", name="layer")
    box = slider.bounding_box()
    page.mouse.click(box["x"] + box["width"] - 3, box["y"] + box["height"] / 2)
    page.wait_for_function(SHOWN, arg="5.1")
    third = heat.evaluate(PIXELS)
    assert len({first, second, third}) == 3
    notebook.photograph(page.locator(".wb-live").first, "start-live")
    notebook.photograph(panel, "start-attention")
    # The theme has changed twice meanwhile: sliders and picture still mean the same head.
    assert (slider.input_value(), panel.get_by_role("slider", name="head").input_value()) == ("5", "1")
    assert heat.evaluate(PIXELS) == third
    for i in range(page.locator(".wb-inspector").count() - 1):
        notebook.photograph(page.locator(".wb-inspector").nth(i), f"start-inspector-{i}")

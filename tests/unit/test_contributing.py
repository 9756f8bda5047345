"""The recipes of CONTRIBUTING.md are code that works."""

import re
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import nn

from workbench.interpret import Session

TEXT = (Path(__file__).resolve().parent.parent.parent / "CONTRIBUTING.md").read_text()
RECIPES = dict(re.findall(r"^## (An? \w+)\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL))
SCREEN = 100
"""Lines that a recipe may have."""


def recipe(title: str) -> ModuleType:
    """The Python of a recipe, imported."""
    (code,) = re.findall(r"```python\n(.*?)```", RECIPES[title], re.DOTALL)
    module = ModuleType(f"recipe_{title.split()[1]}")
    sys.modules[module.__name__] = module
    exec(compile(code, f"CONTRIBUTING.md: {title}", "exec"), module.__dict__)
    return module


def test_there_are_three_recipes_of_a_screen_each():
    assert set(RECIPES) == {"An architecture", "A method", "A panel"}
    assert all(body.count("\n") <= SCREEN for body in RECIPES.values())


def test_the_architecture_builds_and_its_ablation_is_smaller():
    entry = recipe("An architecture").ARCHITECTURE
    config = entry.configure(preset="tiny")
    model, ablated = (entry.initialised(config, seed=0, ablated=ablated) for ablated in (False, True))
    assert model(torch.zeros(2, 1, 8, 8)).shape == (2, 10)
    count = lambda module: sum(p.numel() for p in module.parameters())  # noqa: E731
    assert count(ablated) < count(model)


def test_the_method_is_exact_on_a_linear_model():
    torch.manual_seed(0)
    model, x = nn.Linear(5, 3), torch.randn(1, 5)
    found = recipe("A method").occlusion(model, x, target=2)
    assert torch.allclose(found.drop, model.weight[2] * x[0], atol=1e-6)
    assert found.noise == 0
    assert model.training


def test_the_panel_shows_the_scores():
    model, x = nn.Linear(5, 3), torch.randn(1, 5)
    (frame,) = recipe("A panel").VIEW(Session(model, x)).whole()
    assert [row[0] for row in frame.meta["rows"]] == model(x)[0].argsort(descending=True).tolist()


@pytest.mark.parametrize("forbidden", ["innerHTML =", "http", "document.write"])
def test_the_page_of_the_panel_keeps_the_rules(forbidden: str):
    (page,) = re.findall(r"```js\n(.*?)```", RECIPES["A panel"], re.DOTALL)
    assert forbidden not in page
    assert "whole(frame)" in page

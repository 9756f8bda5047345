"""The drawing of a trace: well-formed, without anything a program may not open, nothing on top of anything else."""

import json
import xml.etree.ElementTree as ET
from collections import OrderedDict

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from workbench.interpret import trace
from workbench.interpret.architecture.placing import placed

TIMES = "\N{MULTIPLICATION SIGN}"
SVG = "{http://www.w3.org/2000/svg}"
NASTY = [
    "<img src=x onerror=alert(1)>",
    "</title><script>alert(1)</script>",
    "&amp;\"'",
    "\u202egnp.exe",
    "a\x00b\ud800c",
]


class Block(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.norm, self.attention = nn.LayerNorm(width), nn.MultiheadAttention(width, 2, batch_first=True)
        self.up, self.down = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)

    def forward(self, x):
        h = self.norm(x)
        x = x + self.attention(h, h, h)[0]
        return x + self.down(torch.relu(self.up(x)))


@pytest.fixture
def found():
    return trace(nn.Sequential(*[Block() for _ in range(4)], nn.Linear(8, 3)), torch.randn(1, 5, 8))


def texts(svg):
    return ["".join(node.itertext()) for node in ET.fromstring(svg).iter(f"{SVG}text")]


def test_equal_blocks_are_drawn_once_with_how_often_they_come(found):
    said = texts(found.svg())
    assert sum(text.startswith("Block") for text in said) == 1
    assert f"{TIMES} 4" in said
    assert said.count("+") == 2
    assert TIMES.join("158") in said


def test_blocks_of_other_shapes_are_drawn_each():
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 5), nn.Linear(5, 5))
    groups = [box for box in trace(model, torch.randn(1, 4)).plan.boxes if box.kind == "group" and box.type]
    assert [len(box.parts) for box in groups] == [3]


def test_parallel_equals_are_no_group():
    class Parallel(nn.Module):
        def __init__(self):
            super().__init__()
            self.q, self.k, self.v = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 4)

        def forward(self, x):
            return self.q(x) * self.k(x) - self.v(x)

    plan = trace(Parallel(), torch.randn(1, 4)).plan
    assert not any(box.kind == "group" and box.type for box in plan.boxes)
    assert [len(row) for box in plan.boxes if box.type == "Parallel" for row in box.rows] == [3, 1, 1]


def test_any_program_opens_the_drawing(found):
    tree = ET.fromstring(found.svg())
    assert {node.tag.removeprefix(SVG) for node in tree.iter()} <= {
        "svg",
        "title",
        "rect",
        "g",
        "path",
        "text",
        "tspan",
        "circle",
    }
    assert not any("style" in node.attrib or "class" in node.attrib or "href" in node.attrib for node in tree.iter())
    assert found._repr_svg_() == found.svg()


@pytest.mark.parametrize("name", NASTY)
def test_names_are_text_in_the_drawing(name):
    class Called(nn.Linear):
        pass

    Called.__name__ = "".join(c for c in name if c not in "\0\ud800")  # a class cannot be called these
    model = nn.Sequential(OrderedDict([(name.replace(".", " "), Called(4, 4))]))
    tree = ET.fromstring(trace(model, torch.randn(1, 4)).svg().encode())
    titles = ["".join(node.itertext()) for node in tree.iter(f"{SVG}title")]
    said = name.replace(".", " ").replace("\0", "\ufffd").replace("\ud800", "\ufffd")
    assert any(title.startswith(f"{Called.__name__} {said}") for title in titles)
    assert not any(node.tag.endswith(("img", "script")) for node in tree.iter())


def test_levels_open_and_close_boxes(found):
    counts = [len(texts(found.svg(levels))) for levels in (0, 1, 2)]
    assert counts == sorted(counts)
    assert counts[0] < counts[1] < counts[2]
    assert "Sequential" in texts(found.svg(0))


def overlaps(a, b):
    return a.x < b.x + b.width and b.x < a.x + a.width and a.y < b.y + b.height and b.y < a.y + a.height


def check(here):
    for i, one in enumerate(here.inner):
        assert one.x >= 0
        assert one.y >= 0
        assert one.x + one.width <= here.width
        assert one.y + one.height <= here.height
        assert not any(overlaps(one, other) for other in here.inner[:i])
        check(one)


class Random(nn.Module):
    """Reads earlier values as a list of pairs says; every pair is summed through a layer."""

    def __init__(self, pairs):
        super().__init__()
        self.pairs = pairs
        self.layers = nn.ModuleList(nn.Sequential(nn.Linear(3, 3), nn.ReLU()) for _ in pairs)

    def forward(self, x):
        made = [x]
        for (a, b), layer in zip(self.pairs, self.layers, strict=True):
            made.append(layer(made[a % len(made)]) + made[b % len(made)])
        return torch.stack(made).sum(0)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=9), st.integers(0, 4))
def test_no_box_lies_on_another_or_leaves_the_one_around_it(pairs, levels):
    found = trace(Random(pairs), torch.randn(2, 3))
    check(placed(found.plan, levels))
    ET.fromstring(found.svg(levels))
    for box in found.plan.boxes:
        row = {part: r for r, parts in enumerate(box.rows) for part in parts} | {-1: -1, len(box.parts): len(box.rows)}
        assert sorted(p for parts in box.rows for p in parts) == list(range(len(box.parts)))
        assert all(row[link.source] < row[link.target] for link in box.links)


def test_a_large_model_is_small_to_send():
    blocks = nn.Sequential(*[nn.Sequential(Block(), Block()) for _ in range(125)])
    found = trace(blocks, torch.randn(1, 5, 8))
    assert sum(node.kind == "module" for node in found.nodes) == 1 + 125 * (1 + 2 * 5)
    assert len(json.dumps(found.plan.message())) < 40_000

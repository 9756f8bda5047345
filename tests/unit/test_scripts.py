"""Scripts out of files: what is put together is known again, and nothing else is."""

from pathlib import Path

import pytest
import torch
from torch import nn

import workbench
from workbench.core.scripts import ROW, is_made_of, part, read, row
from workbench.notebooks._trust import is_installed
from workbench.panels import attach


def test_a_part_has_its_style_and_its_pieces_before_it_and_no_comments(tmp_path):
    files = {
        "a.js": "// why\n  export default 1;\n",
        "_a_2.js": "two;\n",
        "_a_1.js": "one;\n",
        "a.css": '.wb { x: "y" }',
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert part(tmp_path, "a") == 'const style = ".wb { x: \\"y\\" }";\none;\ntwo;\nexport default 1;'


def test_a_style_travels_as_it_is_and_a_script_without_comments(tmp_path):
    for name in ("a.js", "a.css"):
        (tmp_path / name).write_text("// why\n\n  two\n")
    assert (read(tmp_path / "a.js"), read(tmp_path / "a.css")) == ("two", "// why\n\n  two\n")


def test_no_text_in_a_script_goes_over_several_lines():
    scripts = list((Path(workbench.__path__[0]) / "panels").rglob("*.js"))
    assert len(scripts) > 10
    open_ended = [
        f"{file.name}:{i}"
        for file in scripts
        for i, line in enumerate(file.read_text("utf-8").split("\n"), 1)
        if line.count("`") % 2 or line.endswith("\\") or "/*" in line
    ]
    assert open_ended == []


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("a", True),
        ("a\nb", True),
        ("b\na\na", True),
        ("", False),
        ("a b", False),
        ("a\n", False),
        ("a\nc", False),
        ("ab", False),
    ],
)
def test_a_text_is_known_by_its_parts(text, known):
    assert is_made_of(text, {"a", "b"}) is known


def test_everything_that_an_inspector_carries_is_installed_and_nothing_with_a_line_more():
    made = attach(nn.Sequential(nn.Flatten(), nn.Linear(16, 3)), torch.rand(2, 1, 4, 4))
    for tab in made.tabs:
        made.show({"tab": tab["name"]})
    carried = {"_esm": made._esm, **made.sources}
    made.close()
    assert len(carried) >= 5
    assert [name for name, text in carried.items() if not is_installed(text, ".js")] == []
    for text in carried.values():
        assert not is_installed(f"{text}\nwindow.hit = 1;", ".js")
        assert not is_installed(f"window.hit = 1;\n{text}", ".js")
    assert row(["a"], "b") == f"{ROW}\na\nb"

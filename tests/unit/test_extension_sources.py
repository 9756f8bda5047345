"""The extension as it is committed: built from its sources, small, and free of places; and its own unit tests."""

import ast
import json
import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
import torch

import workbench as wb
from workbench.app import desk

ROOT = Path(__file__).resolve().parent.parent.parent
SCRIPT = ROOT / ".ci" / "extension.py"
SOURCE = ROOT / "extensions" / "lab"
BUILT = ROOT / "workbench" / "labextension"


def test_what_is_built_belongs_to_the_sources():
    done = subprocess.run([sys.executable, SCRIPT, "check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("part", ["sources", "built"])
def test_a_change_on_either_side_is_noticed(part: str, tmp_path: Path):
    script = runpy.run_path(str(SCRIPT))
    (tmp_path / "a.ts").write_text("export {};")
    files = script[part]()
    base = {"sources": SOURCE, "built": BUILT}[part]
    kept = script["digest"](files, base)
    assert kept == json.loads((BUILT / "built.json").read_text())[part]
    assert script["digest"](files[1:], base) != kept
    assert script["digest"]([tmp_path / "a.ts"], tmp_path) != script["digest"]([], tmp_path)


def test_the_scripts_stay_below_60_kilobytes():
    assert sum(path.stat().st_size for path in BUILT.rglob("*.js")) <= 60_000


def test_the_lock_file_names_versions_and_checksums_and_no_host():
    lock = (SOURCE / "yarn.lock").read_text()
    assert lock.count("checksum:") > 100
    assert not re.search(r"https?:|resolved|registry\.", lock)


def test_no_source_writes_markup():
    code = "".join(path.read_text() for path in (SOURCE / "src").glob("*.ts"))
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", code)


def test_page_and_kernel_agree_on_names():
    code = (SOURCE / "src" / "kernel.ts").read_text()
    assert f"'{desk.TARGET}'" in code
    assert f"__import__('{desk.__name__}'" in code
    assert f".{desk.opened.__name__}(" in code


@pytest.fixture(scope="module")
def templates() -> list[dict[str, Any]]:
    """The notebooks of the launcher."""
    script = runpy.run_path(str(SCRIPT))
    code = "import('./src/templates.ts').then(t => console.log(JSON.stringify(t.TEMPLATES.map(t.notebook))))"
    words = ["node", "--input-type=module", "-e", code]
    done = subprocess.run(words, cwd=SOURCE, env=script["environment"](), capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_templates_are_sound_notebooks(templates: list[dict[str, Any]]):
    assert len(templates) >= 4
    for template in templates:
        nbformat.validate(template)


@pytest.mark.slow
def test_templates_run(templates: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("WORKBENCH_BUDGET", "ci")
    for template in templates:
        names: dict[str, Any] = {}
        shown: list[Any] = []
        monkeypatch.setattr(sys, "displayhook", shown.append)
        for cell in template["cells"]:
            if cell["cell_type"] == "code":
                exec(compile(ast.Interactive(ast.parse(cell["source"]).body), "cell", "single"), names)
        has_model = any(isinstance(value, torch.nn.Module) for value in names.values())
        assert has_model or isinstance(shown[-1], wb.Workbench)


def test_the_unit_tests_of_the_extension():
    done = subprocess.run([sys.executable, SCRIPT, "test"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:]
    assert re.search(r"pass [1-9]\d", done.stdout)

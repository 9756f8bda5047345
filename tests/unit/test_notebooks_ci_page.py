"""``docs/ci.md``: the workflow is whole, and what it runs is run here."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import nbformat
import pytest
import yaml

from workbench.core.environment import budget, strict

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "ci.md").read_text("utf-8")
WORKFLOW = yaml.safe_load(re.search(r"```yaml\n(.*?)```", TEXT, re.DOTALL)[1])
JOB = WORKFLOW["jobs"]["notebooks"]
STEPS = {step.get("name", step.get("uses")): step for step in JOB["steps"]}


def shell(text, folder):
    """What a shell makes of a step, with the job's environment and this interpreter first on the path."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    variables = {**os.environ, **JOB["env"], "PATH": path, "PYTHONPATH": str(ROOT)}
    return subprocess.run(["bash", "-ec", text], check=False, cwd=folder, env=variables, capture_output=True, text=True)


def write(folder, *cells):
    (folder / "notebooks").mkdir(exist_ok=True)
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    made.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(made, folder / "notebooks" / "mine.ipynb")


def test_the_workflow_has_what_github_asks_for():
    assert {"name", "jobs"} < set(WORKFLOW)
    assert set(WORKFLOW[True]) == {"push", "pull_request"}, "YAML reads the key 'on' as true"
    assert WORKFLOW["permissions"] == {"contents": "read"}
    assert JOB["runs-on"]
    for step in JOB["steps"]:
        assert ("uses" in step) != ("run" in step)
        assert re.fullmatch(r"actions/[a-z-]+@v\d+", step.get("uses", "actions/none@v0"))


def test_the_environment_is_one_that_the_workbench_reads(monkeypatch):
    for name, value in JOB["env"].items():
        monkeypatch.setenv(name, value)
    assert strict()
    assert budget() == "ci"
    known = (ROOT / "workbench" / "core" / "environment.py").read_text("utf-8")
    named = set(re.findall(r"WORKBENCH_[A-Z]+", TEXT))
    assert named == {"WORKBENCH_STRICT", "WORKBENCH_BUDGET"}
    assert all(name in known for name in named)


def test_what_is_installed_exists():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    for name, extras in re.findall(r"'([\w-]+)\[([\w,]+)\]'", TEXT):
        assert name == project["name"]
        assert set(extras.split(",")) <= set(project["optional-dependencies"])
    (apart,) = re.findall(r"--no-deps (\S+==[\d.]+)", TEXT)
    assert apart in (ROOT / "constraints" / "no-deps.txt").read_text("utf-8")


@pytest.mark.slow
def test_the_commands_run_a_notebook_and_make_its_page(tmp_path):
    words = "from workbench.core.environment import budget, strict\nassert budget() == 'ci'\nassert strict()"
    write(tmp_path, words, "print('ran to', 'the end')")
    done = shell(STEPS["Run the notebooks"]["run"], tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "report.xml").exists()
    done = shell(STEPS["Make pages"]["run"], tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ran to the end" in (tmp_path / "pages" / "mine.html").read_text("utf-8")
    for path in STEPS["Keep the pages"]["with"]["path"].split():
        assert (tmp_path / path).exists()


@pytest.mark.slow
def test_a_notebook_that_raises_fails_the_run_and_its_page_shows_why(tmp_path):
    write(tmp_path, "raise ValueError('here it broke')")
    assert shell(STEPS["Run the notebooks"]["run"], tmp_path).returncode == 1
    assert shell(STEPS["Make pages"]["run"], tmp_path).returncode == 0
    assert "here it broke" in (tmp_path / "pages" / "mine.html").read_text("utf-8")

"""What the wheel holds, and that the files which pin versions agree with each other."""

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from workbench.cli.doctor.data_packages import PACKAGES

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Names of the files in the wheel, built from the work tree without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    words = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(words, cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return set(zipfile.ZipFile(built).namelist())


def test_wheel_holds_the_notebooks(wheel: set[str]):
    kept = {path.name for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert "00_start.ipynb" in kept
    assert {f"workbench/_notebooks/{name}" for name in kept} <= wheel


def test_wheel_holds_every_file_of_the_package(wheel: set[str]):
    elsewhere = {"__pycache__", "labextension"}
    files = [p for p in (ROOT / "workbench").rglob("*") if p.is_file() and not elsewhere & set(p.parts)]
    assert {p.relative_to(ROOT).as_posix() for p in files} <= wheel
    assert "workbench/py.typed" in wheel
    assert any(name.endswith(".js") for name in wheel)


def test_wheel_puts_the_extension_where_jupyterlab_looks_for_it_and_nowhere_else(wheel: set[str]):
    built = ROOT / "workbench" / "labextension"
    files = {path.relative_to(built).as_posix() for path in built.rglob("*") if path.is_file()}
    found = {name.partition("/data/share/jupyter/labextensions/neural-workbench/")[2] for name in wheel}
    assert found - {""} == files | {"install.json"}
    assert not [name for name in wheel if name.startswith("workbench/labextension")]


def test_wheel_holds_nothing_else(wheel: set[str]):
    own = {name.split("/")[0] for name in wheel if ".dist-info/" not in name and ".data/" not in name}
    assert own == {"workbench"}


def test_environment_yml_is_what_the_script_writes():
    subprocess.run([sys.executable, ".ci/pin.py", "--check"], cwd=ROOT, check=True)


def test_constraints_are_exact_public_versions_with_torch_first():
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    assert lines[0].startswith("torch==")
    assert not [line for line in lines if not re.fullmatch(r"[a-z0-9-]+==[0-9][0-9a-z.]*", line)]


def test_every_requirement_is_pinned_inside_its_range():
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    pins = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line)
    table = tomllib.loads((ROOT / "pyproject.toml").read_text())
    lists = [table["project"]["dependencies"], *table["project"]["optional-dependencies"].values()]
    lists += table["dependency-groups"].values()
    for requirement in (Requirement(text) for names in lists for text in names):
        if requirement.name != table["project"]["name"]:
            assert requirement.specifier.contains(pins[canonicalize_name(requirement.name)]), requirement


def test_every_pin_admits_the_python_of_debian_12():
    from importlib.metadata import distributions

    from packaging.specifiers import SpecifierSet
    from packaging.utils import canonicalize_name

    names = [line.split("==")[0] for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line]
    installed = [found for found in distributions() if canonicalize_name(found.name) in names]
    assert len(installed) > 100
    wanted = {found.name: found.metadata.get("Requires-Python", "") for found in installed}
    assert not {name: text for name, text in wanted.items() if not SpecifierSet(text).contains("3.11.2")}


def test_all_names_every_other_extra_but_the_one_that_brings_much():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    (everything,) = extras.pop("all")
    assert set(everything.split("[")[1].rstrip("]").split(",")) == set(extras) - {"bertviz"}


def test_torchvision_is_not_asked_for():
    assert "torchvision" not in (ROOT / "constraints.txt").read_text()


def hashed(name: str) -> dict[str, str]:
    """Package and version in one of the files with hashes."""
    text = (ROOT / "constraints" / name).read_text()
    assert text.count("==") == text.count("--hash=sha256:")
    return dict(re.findall(r"^([\w.-]+)==(\S+) \\$", text, re.MULTILINE))


def test_doctor_knows_the_packages_that_no_extra_can_name():
    assert hashed("no-deps.txt") == PACKAGES


def test_packages_pinned_by_content_have_the_version_of_the_constraints():
    pins = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line)
    for name, version in hashed("hashed.txt").items():
        assert pins[name] == version

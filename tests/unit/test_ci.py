"""The scripts that make the environment and run the tiers."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


def script(name: str) -> ModuleType:
    """A script of ``.ci``, as a module."""
    spec = importlib.util.spec_from_file_location(f"ci_{name}", ROOT / ".ci" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script, about an environment in a temporary folder, with pip's calls recorded in ``calls``."""
    module = script("environment")
    monkeypatch.setattr(module, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(module, "calls", [], raising=False)
    monkeypatch.setattr(module, "pip", lambda *words: module.calls.append(words))
    monkeypatch.setattr(module, "make_venv", lambda: (tmp_path / ".venv").mkdir(exist_ok=True))
    monkeypatch.setattr(module, "is_usable", lambda: True)
    return module


def test_torch_comes_first_from_the_constraints_and_only_once(environment: ModuleType):
    environment.main("lab")
    first = [words[0] for words in environment.calls]
    assert first.index(environment.requirement("torch")) < first.index("--editable")
    done = len(environment.calls)
    environment.main("lab")
    assert len(environment.calls) == done


def test_an_environment_for_tests_serves_the_lab_and_not_the_other_way(environment: ModuleType):
    environment.main("lab")
    assert environment.is_complete("lab")
    assert not environment.is_complete("test")
    environment.main("test")
    assert any("--group" in words for words in environment.calls)
    assert environment.is_complete("lab")


def test_an_interrupted_installation_is_not_complete(environment: ModuleType, monkeypatch: pytest.MonkeyPatch):
    environment.main("lab")

    def stop(*words: str) -> None:
        if "--editable" in words:
            raise KeyboardInterrupt

    monkeypatch.setattr(environment, "pip", stop)
    with pytest.raises(KeyboardInterrupt):
        environment.main("test")
    assert not environment.is_complete("lab")
    assert not environment.is_complete("test")


def test_a_change_of_the_project_makes_it_incomplete(
    environment: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    environment.main("lab")
    for name in environment.INPUTS:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    assert not environment.is_complete("lab")  # another folder: environments cannot be moved
    environment.complete("lab")
    assert environment.is_complete("lab")
    (tmp_path / "constraints.txt").write_text("torch==0")
    assert not environment.is_complete("lab")


def test_packages_that_were_cut_off_are_forgotten(environment: ModuleType, tmp_path: Path):
    site = tmp_path / ".venv/lib/python3.11/site-packages"
    for name, files in {"whole-1.0": ["METADATA", "RECORD"], "cut-1.0": ["METADATA"]}.items():
        folder = site / f"{name}.dist-info"
        folder.mkdir(parents=True)
        for file in files:
            (folder / file).write_text("")
    (site / "~old").mkdir()
    (site / "cut").mkdir()
    environment.remove_half_installed()
    assert {path.name for path in site.iterdir()} == {"whole-1.0.dist-info", "cut"}


def test_torch_index_is_handed_to_pip(environment: ModuleType, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TORCH_INDEX", "file:///wheels")
    environment.main("lab")
    (torch,) = [words for words in environment.calls if words[0].startswith("torch==")]
    assert torch[-2:] == ("--extra-index-url", "file:///wheels")


def test_missing_ensurepip_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    module = script("environment")
    monkeypatch.setattr(module, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(module.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(SystemExit, match="apt-get install python3-venv"):
        module.make_venv()
    assert not (tmp_path / ".venv").exists()


@pytest.fixture
def tiers(tmp_path: Path) -> ModuleType:
    """The tier runner, and below ``tmp_path`` three files of tests."""
    (tmp_path / "test_good.py").write_text("def test_one(): pass\ndef test_two(): pass\n")
    (tmp_path / "test_bad.py").write_text("def test_bad(): assert False\n")
    (tmp_path / "test_skip.py").write_text("import pytest\n@pytest.mark.skip\ndef test_skip(): pass\n")
    return script("tiers")


def outcome(tiers: ModuleType, *commands: list[str], limit: int = 60) -> tuple[int, int, int]:
    count = tiers.run(tiers.Tier("trial", commands, limit=limit))
    return count.passed, count.failed, count.skipped


def python(code: str) -> list[str]:
    return [Path(sys.executable).name, "-c", code]


@pytest.mark.slow
def test_counts_are_those_of_the_runner(tiers: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytest_in = lambda *names: tiers.pytest("-p", "no:cacheprovider", *(str(tmp_path / name) for name in names))  # noqa: E731
    assert outcome(tiers, pytest_in("test_good.py", "test_bad.py", "test_skip.py")) == (2, 1, 1)
    assert outcome(tiers, pytest_in("test_good.py")) == (2, 0, 0)
    assert outcome(tiers, pytest_in("test_skip.py")) == (0, 1, 1)  # a tier that checked nothing
    assert outcome(tiers, pytest_in("test_absent.py"))[1] == 1


def test_other_commands_count_as_one_check_each(tiers: ModuleType):
    assert outcome(tiers, python("pass"), python("raise SystemExit(3)")) == (1, 1, 0)


def test_a_command_that_does_not_end_fails_and_leaves_nothing_running(tiers: ModuleType, tmp_path: Path):
    mark = tmp_path / "alive"
    child = f"import pathlib, time; time.sleep(3); pathlib.Path({str(mark)!r}).touch()"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    assert outcome(tiers, python(code), limit=1) == (0, 1, 0)
    import time

    time.sleep(3)
    assert not mark.exists()


def test_the_table_closes_with_the_totals_alone_on_a_line(tiers: ModuleType):
    counts = {"lint": tiers.Count(1.5, 3, 0, 0), "unit": tiers.Count(60.0, 40, 2, 1)}
    lines = tiers.table(counts).splitlines()
    assert lines[-1] == "43 passed, 2 failed, 1 skipped"
    assert lines[-3].split() == ["total", "61.5", "43", "2", "1"]


def test_an_unknown_tier_is_refused(tiers: ModuleType):
    with pytest.raises(SystemExit, match=r"no tier speed. Choose from lint, types, unit"):
        tiers.main(["speed"])

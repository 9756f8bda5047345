"""``workbench lab``: copies keep what a person changed, and the server says where it is."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from workbench.cli import lab, main


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "package"
    (folder / "images").mkdir(parents=True)
    (folder / "00_start.ipynb").write_text("start, first edition")
    (folder / "01_more.ipynb").write_text("more, first edition")
    (folder / "images" / "one.png").write_bytes(b"picture")
    return folder


def test_everything_is_copied(source: Path, tmp_path: Path):
    assert lab.copy_notebooks(source, tmp_path / "mine") == []
    assert (tmp_path / "mine" / "00_start.ipynb").read_text() == "start, first edition"
    assert (tmp_path / "mine" / "images" / "one.png").read_bytes() == b"picture"


def test_a_new_edition_refreshes_what_nobody_changed_and_keeps_the_rest(source: Path, tmp_path: Path):
    mine = tmp_path / "mine"
    lab.copy_notebooks(source, mine)
    (mine / "01_more.ipynb").write_text("my own words")
    (mine / "notes.ipynb").write_text("a file of mine")
    for name in ("00_start.ipynb", "01_more.ipynb"):
        (source / name).write_text("second edition")
    assert lab.copy_notebooks(source, mine) == ["01_more.ipynb"]
    assert (mine / "00_start.ipynb").read_text() == "second edition"
    assert (mine / "01_more.ipynb").read_text() == "my own words"
    assert (mine / "notes.ipynb").read_text() == "a file of mine"
    assert lab.copy_notebooks(source, mine) == ["01_more.ipynb"]


def test_a_file_of_the_same_name_that_was_there_before_is_kept(source: Path, tmp_path: Path):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "00_start.ipynb").write_text("older than the copy")
    (mine / lab.RECORD).write_text("{ not JSON")
    assert lab.copy_notebooks(source, mine) == ["00_start.ipynb"]
    assert (mine / "00_start.ipynb").read_text() == "older than the copy"


def test_the_folder_of_the_package_itself_is_left_alone(source: Path):
    before = sorted(source.rglob("*"))
    assert lab.copy_notebooks(source, source) == []
    assert sorted(source.rglob("*")) == before


def test_copy_only_says_where(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["lab", str(tmp_path / "mine"), "--copy-only"]) == 0
    assert (tmp_path / "mine" / lab.START).is_file()
    assert str(tmp_path / "mine") in capsys.readouterr().out


def test_missing_jupyterlab_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setitem(sys.modules, "jupyterlab", None)
    assert main(["lab", str(tmp_path)]) == 1
    assert "pip install 'neural-workbench[lab]'" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a browser is always there")
def test_a_machine_without_a_display_has_no_browser():
    assert not lab.has_browser({})
    assert "--no-browser" in lab.command(shows=False)
    assert "--no-browser" not in lab.command(shows=True)


LISTENS = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
"""What runs in the background of a shell ignores interrupts, and hands that on to whatever it starts."""


def interrupted_until_it_ends(command: "subprocess.Popen[str]", seconds: float = 60):
    """As a person does: again, while the server is still starting something or asks whether it is meant."""
    until = time.monotonic() + seconds
    while command.poll() is None and time.monotonic() < until:
        os.killpg(command.pid, signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            command.wait(2)
    assert command.poll() is not None


@pytest.mark.slow
def test_the_address_that_is_printed_answers(tmp_path: Path):
    """A server is started for real, asked for its notebook over loopback, and ended by an interrupt."""
    from urllib.request import ProxyHandler, build_opener

    variables = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
    variables |= {f"JUPYTER_{name}_DIR": str(tmp_path / name) for name in ("CONFIG", "DATA", "RUNTIME")}
    words = [
        sys.executable,
        "-c",
        LISTENS + "import sys; from workbench.cli import main; sys.exit(main())",
        "lab",
        str(tmp_path / "mine"),
    ]
    # A pipe that says nothing, as a terminal does: at the end of its input the server takes back each interrupt.
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=variables, start_new_session=True
    ) as command:
        try:
            assert command.stdout is not None
            found = None
            until = time.monotonic() + lab.PATIENCE
            while not found and time.monotonic() < until:
                found = re.search(r"http\S+", command.stdout.readline())
            assert found
            with build_opener(ProxyHandler({})).open(found[0]) as page:
                assert page.status == 200
            interrupted_until_it_ends(command)
        finally:
            if command.poll() is None:
                os.killpg(command.pid, signal.SIGKILL)

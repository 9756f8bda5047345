"""Copy the notebooks into a folder and open JupyterLab on the first one.

Notebooks that you changed are kept as they are; those you did not are brought up to date.
Where there is no browser, the address to open is printed.
"""

import argparse
import hashlib
import json
import os
import secrets
import shutil
import subprocess
import sys
import time
import webbrowser
from collections.abc import Mapping
from pathlib import Path

from workbench.core.errors import MissingExtraError
from workbench.core.optional import need

START = "00_start.ipynb"
RECORD = ".workbench-notebooks.json"
"""In the folder of copies: what each notebook was when it was copied, so that a change can be told."""

PATIENCE = 60.0
"""Seconds that the server is given to start."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("directory", nargs="?", default="notebooks", type=Path, metavar="DIR")
    parser.add_argument("--copy-only", action="store_true", help="do not open JupyterLab")


def run(arguments: argparse.Namespace) -> int:
    """Copy, then stay until JupyterLab ends."""
    directory: Path = arguments.directory.resolve()
    kept = copy_notebooks(notebooks(), directory)
    for name in kept:
        print(f"{name} was changed here and is kept as it is.")
    if arguments.copy_only:
        print(f"The notebooks are in {directory}.")
        return 0
    need("jupyterlab", extra="lab", purpose="to open the notebooks")
    return serve(directory)


def notebooks() -> Path:
    """The folder of notebooks that came with the package: in the wheel, or beside it in a checkout.

    Raises:
        MissingExtraError: There is none.
    """
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "_notebooks", package.parent / "notebooks"):
        if (folder / START).is_file():
            return folder
    raise MissingExtraError("The notebooks are missing from this installation: pip install --force-reinstall it.")


def copy_notebooks(source: Path, target: Path) -> list[str]:
    """Copy what is missing and refresh what nobody changed.

    Args:
        source: The folder of the package.
        target: The folder of copies; made where it is missing, left alone where it is the source itself.

    Returns:
        Names of the files that were changed in the target and differ from the source; they are kept.
    """
    if source.resolve() == target.resolve():
        return []
    target.mkdir(parents=True, exist_ok=True)
    record = read_record(target)
    kept: list[str] = []
    for file in sorted(f for f in source.rglob("*") if f.is_file() and ".ipynb_checkpoints" not in f.parts):
        name = file.relative_to(source).as_posix()
        copy, wanted = target / name, digest(file)
        if copy.exists() and digest(copy) not in (wanted, record.get(name)):
            kept.append(name)
            continue
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)
        record[name] = wanted
    (target / RECORD).write_text(json.dumps(record, indent=1))
    return kept


def read_record(target: Path) -> dict[str, str]:
    """What each notebook was when it was copied; empty where that is unknown."""
    try:
        return json.loads((target / RECORD).read_text())
    except (OSError, ValueError):
        return {}


def digest(file: Path) -> str:
    """A fingerprint of a file's content."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def serve(directory: Path) -> int:
    """Run JupyterLab in a folder until it ends; an interrupt ends it."""
    shows = has_browser(os.environ)
    server = subprocess.Popen(command(shows=shows), cwd=directory, env=variables(os.environ))  # noqa: S603 - ours
    try:
        if not shows:
            print(f"\nOpen this address in a browser:\n\n    {address(server)}\n", flush=True)
        return server.wait()
    except KeyboardInterrupt:
        server.terminate()
        return server.wait()


def command(*, shows: bool) -> list[str]:
    """The words that start JupyterLab."""
    words = [sys.executable, "-m", "jupyterlab", START, "--log-level=WARN"]
    if not shows:
        words.append("--no-browser")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        words.append("--allow-root")
    return words


def variables(given: Mapping[str, str]) -> dict[str, str]:
    """The server's environment: a token that is given keeps it from printing addresses beside the one that is meant."""
    if {"JUPYTER_TOKEN", "JUPYTER_TOKEN_FILE"} & set(given):
        return dict(given)
    return {**given, "JUPYTER_TOKEN": secrets.token_hex(24)}


def has_browser(variables: Mapping[str, str]) -> bool:
    """Whether a page that is opened will be seen."""
    if sys.platform not in ("darwin", "win32") and not {"DISPLAY", "WAYLAND_DISPLAY"} & set(variables):
        return False
    try:
        webbrowser.get()
    except webbrowser.Error:
        return False
    return True


def address(server: "subprocess.Popen[bytes]") -> str:
    """Where a starting server can be reached, with its token."""
    from jupyter_server.serverapp import list_running_servers

    until = time.monotonic() + PATIENCE
    while server.poll() is None and time.monotonic() < until:
        for info in list_running_servers():
            if info["pid"] == server.pid:
                return f"{info['url']}lab/tree/{START}?token={info['token']}"
        time.sleep(0.1)
    return "the server did not say where it can be reached; its messages are above"

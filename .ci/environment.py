"""Makes ``.venv`` from the project's own files: once, again after a change, and again after an interrupted try.

    python3 .ci/environment.py lab     what a person needs
    python3 .ci/environment.py test    the same and what the tests need

A stamp in ``.venv`` holds a digest of everything the installation follows from. It is written last, so an
interrupted try has none and the next one repairs what is there. Standard library only, and a syntax that old
Pythons read, so that they can say what is wrong with them.
"""

from __future__ import annotations

import ctypes
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
INPUTS = (
    "pyproject.toml",
    "constraints.txt",
    "constraints/hashed.txt",
    "constraints/no-deps.txt",
    "constraints/no-deps-test.txt",
    ".ci/environment.py",
)
OLDEST = (3, 11)
USABLE = f"import sys, pip; sys.exit(sys.version_info < {OLDEST})"
CONSTRAINTS = ["--constraint", str(ROOT / "constraints.txt")]


def main(kind: str) -> None:
    """Bring ``.venv`` up to date for ``lab`` or ``test``; does nothing when it is."""
    use_a_recent_python()
    if is_complete(kind):
        return
    for old in VENV.glob(".complete-*"):
        old.unlink()
    make_venv()
    remove_half_installed()
    pip("--upgrade", "pip", *CONSTRAINTS)
    tell_about_torch()
    pip(requirement("torch"), *CONSTRAINTS, *torch_index())
    pip_by_hash("constraints/hashed.txt")
    groups = ["--group", "test"] if kind == "test" else []
    pip("--editable", ".[all]", *groups, *CONSTRAINTS, *torch_index())
    pip_by_hash("constraints/no-deps.txt")
    if kind == "test":
        pip_by_hash("constraints/no-deps-test.txt")
    complete(kind)


def use_a_recent_python() -> None:
    """Go on under a newer Python of this machine where the one called is too old."""
    if sys.version_info >= OLDEST:
        return
    for name in ("python3.11", "python3.12", "python3.13", "python3.14"):
        path = shutil.which(name)
        if path and subprocess.call([path, "-c", "import sys"], stderr=subprocess.DEVNULL) == 0:
            os.execv(path, [path, *sys.argv])
    sys.exit("Python 3.11 or newer is needed; this is {}.{}.".format(*sys.version_info[:2]))


def stamp(kind: str) -> Path:
    """The file that says this kind of environment is complete."""
    return VENV / (".complete-" + kind)


def digest() -> str:
    """What the installation follows from, as one short text."""
    content = b"".join((ROOT / name).read_bytes() for name in INPUTS)
    return hashlib.sha256(content + str(ROOT).encode()).hexdigest()


def is_complete(kind: str) -> bool:
    """Whether the environment was finished from these very files; one made for tests also serves the lab."""
    stamps = [stamp("test")] if kind == "test" else [stamp("lab"), stamp("test")]
    return any(s.is_file() and s.read_text() == digest() for s in stamps) and is_usable()


def complete(kind: str) -> None:
    """Write the stamp, by renaming: it is there whole or not at all."""
    draft = stamp(kind).with_suffix(".draft")
    draft.write_text(digest())
    draft.replace(stamp(kind))


def is_usable() -> bool:
    """Whether the environment's Python starts and has pip."""
    try:
        return subprocess.call([str(VENV / "bin/python"), "-c", USABLE], stderr=subprocess.DEVNULL) == 0
    except OSError:
        return False


def make_venv() -> None:
    """Make the environment where there is none that starts."""
    if is_usable():
        return
    if importlib.util.find_spec("ensurepip") is None:
        sys.exit("This Python has no ensurepip. On Debian: apt-get install python3-venv, then try again.")
    subprocess.check_call([sys.executable, "-m", "venv", "--clear", str(VENV)])


def remove_half_installed() -> None:
    """Forget packages whose installation was cut off: pip writes RECORD last, and believes a folder without it."""
    for site in VENV.glob("lib/python*/site-packages"):
        for info in site.glob("*.dist-info"):
            if not (info / "RECORD").is_file():
                print("repairing", info.name, flush=True)
                shutil.rmtree(info)
        for remnant in site.glob("~*"):
            shutil.rmtree(remnant) if remnant.is_dir() else remnant.unlink()


def requirement(name: str) -> str:
    """The exact pin of a package, as the constraints give it."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return next(line for line in lines if line.startswith(name + "=="))


def torch_index() -> list[str]:
    """Where ``TORCH_INDEX`` says that the wanted build of torch is, as pip's arguments."""
    index = os.environ.get("TORCH_INDEX", "")
    return ["--extra-index-url", index] if index else []


def tell_about_torch() -> None:
    """Say how to get the small build of torch where nothing can use the large one."""
    if sys.platform != "linux" or torch_index() or has_cuda_driver():
        return
    print(
        "No CUDA driver here, so the CPU build of torch is enough. If pip is about to fetch the large build, stop it\n"
        "and name the CPU index that PyTorch's install page gives: make lab TORCH_INDEX=...",
        flush=True,
    )


def has_cuda_driver() -> bool:
    """Whether the driver's library can be loaded."""
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    return True


def pip_by_hash(file: str) -> None:
    """Install exactly the files whose hashes are given, and nothing they ask for."""
    pip("--require-hashes", "--no-deps", "--requirement", str(ROOT / file))


def pip(*arguments: str) -> None:
    """Install with the environment's own pip; ends the program where that fails."""
    command = [str(VENV / "bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments]
    print("pip install", *arguments, flush=True)
    code = subprocess.call(command, cwd=str(ROOT))
    if code:
        sys.exit(code)


if __name__ == "__main__":
    if sys.argv[1:] not in (["lab"], ["test"]):
        sys.exit(__doc__)
    main(sys.argv[1])

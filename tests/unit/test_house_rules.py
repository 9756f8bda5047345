"""Rules of the house that no linter knows: names, documentation, sizes, and what must not stand in a file."""

import ast
import importlib
import json
import pkgutil
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import workbench

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGE = ROOT / "workbench"
FILES = sorted(PACKAGE.rglob("*.py"))
ROOMS = sorted(module.name for module in pkgutil.iter_modules(workbench.__path__) if module.ispkg)
LONGEST_FILE = 400
LONGEST_FUNCTION = 60
Function = ast.FunctionDef | ast.AsyncFunctionDef


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def tracked(*patterns: str) -> list[Path]:
    """Files that git knows, or would take."""
    words = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", *patterns]
    listed = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]


def public(tree: ast.Module) -> Iterator[Function | ast.ClassDef]:
    """Public functions and classes of a file, and public methods of its public classes."""
    for node in tree.body:
        if isinstance(node, (*Function.__args__, ast.ClassDef)) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from (n for n in node.body if isinstance(n, Function) and not n.name.startswith("_"))


def is_overload(node: ast.AST) -> bool:
    return any("overload" in ast.unparse(d) for d in getattr(node, "decorator_list", ()))


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_public_things_are_documented_and_annotated(path: Path):
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree), "the file says what it is"
    for node in public(tree):
        if isinstance(node, Function) and is_overload(node):
            continue
        assert ast.get_docstring(node), f"{node.name} has a docstring"
        if isinstance(node, Function):
            arguments = [
                *node.args.posonlyargs,
                *node.args.args,
                *node.args.kwonlyargs,
                node.args.vararg,
                node.args.kwarg,
            ]
            bare = [a.arg for a in arguments if a and a.annotation is None and a.arg not in ("self", "cls")]
            assert not bare, f"{node.name} annotates {bare}"
            assert node.returns is not None, f"{node.name} annotates what it returns"


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_files_and_functions_are_short(path: Path):
    text = path.read_text()
    assert text.count("\n") <= LONGEST_FILE
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, Function):
            lines = (node.end_lineno or 0) - node.lineno + 1
            assert lines <= LONGEST_FUNCTION, f"{node.name} has {lines} lines"


@pytest.mark.parametrize("room", ROOMS)
def test_no_function_on_a_room_shares_its_name_with_a_file(room: str):
    module = importlib.import_module(f"workbench.{room}")
    files = {found.name for found in pkgutil.iter_modules(module.__path__)}
    shadowed = [name for name in files & set(dir(module)) if callable(getattr(module, name))]
    assert not shadowed


@pytest.mark.parametrize(
    "path",
    [f for f in FILES if f.relative_to(PACKAGE).parts[0] not in ("zoo", "verbs", "cli", "__init__.py")],
    ids=relative,
)
def test_nothing_below_the_zoo_names_it(path: Path):
    strings = [
        n.value
        for n in ast.walk(ast.parse(path.read_text()))
        if isinstance(n, ast.Constant) and isinstance(n.value, str)
    ]
    docs = {
        ast.get_docstring(n, clean=False)
        for n in ast.walk(ast.parse(path.read_text()))
        if isinstance(n, (ast.Module, ast.ClassDef, *Function.__args__))
    }
    assert not [s for s in strings if s not in docs and re.search(r"workbench\.zoo|^\.?zoo$", s)]


# Put together here, so that this file does not contain what it looks for.
PLACES = ["/" + name + "/" for name in ("tmp", "work", "root", "home")]
HOSTS = [
    "pypi." + "org",
    "files.python" + "hosted",
    "download." + "pytorch",
    "npmjs." + "org",
    "deb." + "debian",
    "cdn.js" + "delivr",
    "unpkg" + ".com",
]


def test_no_path_of_a_machine_and_no_registry_stands_in_the_project():
    text_like = {
        ".py",
        ".toml",
        ".txt",
        ".yml",
        ".md",
        ".js",
        ".css",
        ".json",
        ".ipynb",
        ".sh",
        ".ts",
        ".html",
        ".lock",
        "",
    }
    found = []
    for path in tracked():
        if path.suffix in text_like:
            text = path.read_text(encoding="utf-8", errors="replace")
            found += [
                f"{relative(path)}: {word}"
                for word in [*PLACES, *HOSTS]
                if re.search(rf"(?<![\w.]){re.escape(word)}", text)
            ]
    assert not found


NOTEBOOKS = tracked("*.ipynb")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=relative)
def test_notebooks_are_kept_without_outputs(path: Path):
    for cell in json.loads(path.read_text())["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            assert cell["execution_count"] is None


def test_there_are_notebooks():
    assert NOTEBOOKS

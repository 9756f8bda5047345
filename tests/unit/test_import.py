"""``import workbench`` is light, its rooms import in any order, and its face says what it has."""

import importlib
import pkgutil
import random
import subprocess
import sys

import pytest

import workbench

HEAVY = (
    "torch",
    "pydantic",
    "numpy",
    "transformers",
    "plotly",
    "IPython",
    "ipywidgets",
    "anywidget",
    "pandas",
    "sklearn",
)
LIMIT = 0.15
"""Seconds of processor time for ``import workbench``, beyond what Python itself needs to start."""


def fresh(code: str) -> str:
    """What a new interpreter prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_import_brings_nothing_heavy():
    loaded = fresh(f"import sys, workbench; print([name for name in {HEAVY!r} if name in sys.modules])")
    assert loaded == "[]"


def test_import_is_fast():
    code = "import time; t = time.process_time(); import workbench; print(time.process_time() - t)"
    assert min(float(fresh(code)) for _ in range(5)) < LIMIT


@pytest.mark.parametrize("room", ["zoo", "data", "tasks"])
def test_listing_a_room_does_not_import_torch(room: str):
    code = f"import sys, workbench; dir(workbench.{room}); print('torch' in sys.modules)"
    assert fresh(code) == "False"


def test_command_line_help_is_light():
    code = (
        "import sys, contextlib, io\n"
        "from workbench.cli import main\n"
        "with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):\n"
        "    main(['--help'])\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    assert fresh(code) == "[]"


def test_every_name_on_the_face_resolves_and_is_listed():
    assert set(workbench.__all__) <= set(dir(workbench))
    for name in workbench.__all__:
        assert getattr(workbench, name) is not None


def test_an_unknown_name_is_refused():
    with pytest.raises(AttributeError, match="no attribute 'fitt'"):
        workbench.fitt  # noqa: B018 - the access is what is tested


def test_no_name_on_the_face_equals_a_room_unless_it_is_the_room():
    rooms = {module.name for module in pkgutil.iter_modules(workbench.__path__)}
    for name in rooms & set(workbench.__all__):
        assert getattr(workbench, name) is importlib.import_module(f"workbench.{name}")


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_verbs_work_after_all_modules_were_imported_in_any_order(seed: int):
    modules = sorted(m.name for m in pkgutil.walk_packages(workbench.__path__, "workbench."))
    random.Random(seed).shuffle(modules)
    fresh(
        "import importlib\n"
        f"for name in {modules!r}:\n"
        "    importlib.import_module(name)\n"
        "import tempfile, workbench as wb\n"
        "for name in wb.__all__:\n"
        "    assert getattr(wb, name) is not None\n"
        "assert all(callable(getattr(wb, verb)) for verb in\n"
        "    'attach build call cite compress fit load resume runs start tap verify'.split())\n"
        "with tempfile.TemporaryDirectory() as folder:\n"
        "    model = wb.build('cnn', 'digits', preset='tiny')\n"
        "    run = wb.fit(model, 'digits', steps=3, directory=folder)\n"
        "    assert run.model is model\n"
        "    assert len(wb.call(model, wb.data.load('digits').sample_batch(2))) == 2\n"
        "    with wb.tap(model) as tap:\n"
        "        pass\n"
        "    assert 'title' in wb.cite(model)\n"
    )

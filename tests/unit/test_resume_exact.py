"""Training that is killed and resumed equals training that was left alone, bit by bit.

``benchmarks/kill_resume.py`` does the killing; here a few kills of each driver; the script alone does the full count.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import workbench

ROOT = Path(workbench.__file__).parents[1]
SCRIPT = ROOT / "benchmarks" / "kill_resume.py"


def killed(driver, kills):
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--json", f"{driver}={kills}"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
@pytest.mark.parametrize(("driver", "kills"), [("loop", 3), ("ppo", 2)])
def test_a_killed_run_resumes_to_the_very_numbers(driver, kills):
    row = killed(driver, kills)
    assert row["kills"] == kills
    assert row["differing"] == 0
    assert row["exact"]
    assert all(0 <= step <= row["steps"] for step in row["resumed from"])

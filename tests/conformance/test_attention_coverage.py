"""How much of transformers the attention tap sees: the committed table meets its goal, a sample is measured again."""

import json
import subprocess
import sys
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / "benchmarks" / "attention_coverage"
TABLE = json.loads((ROOT / "docs" / "attention_coverage.json").read_text())
ROWS = {row["name"]: row for row in TABLE["rows"]}
EXCEPTIONS = json.loads((TOOL / "exceptions.json").read_text())
SAMPLE = (
    "albert", "bart", "bert", "bloom", "clip", "deberta-v2", "distilbert", "gpt2", "led", "llama", "longformer",
    "mistral", "mixtral", "reformer", "roberta", "segformer", "swin", "t5", "vit", "xlm-roberta",
)  # fmt: skip


def ran() -> list[dict]:
    return [row for row in ROWS.values() if row["outcome"] == "ran"]


def missing(row: dict) -> str:
    """What an exception would have to stand for."""
    if row["softmax"] and not row["records"]:
        return "not captured"
    return "not equal" if row["comparable"] and row["equal"] < row["truth"] else ""


@pytest.fixture(scope="module")
def again(tmp_path_factory) -> dict[str, dict]:
    path = tmp_path_factory.mktemp("coverage") / "rows.json"
    names = sorted({*SAMPLE, *EXCEPTIONS})
    words = [sys.executable, str(TOOL), "--types", *names, "--json", str(path), "--workers", "2"]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr[-2000:]
    return {row["name"]: row for row in json.loads(path.read_text())["rows"]}


def test_every_type_of_the_library_that_was_measured_is_in_the_table():
    from transformers.models.auto.modeling_auto import MODEL_MAPPING_NAMES

    assert set(TABLE["versions"]) == {"python", "torch", "transformers"}
    if TABLE["versions"]["transformers"] == version("transformers"):
        assert set(ROWS) == set(MODEL_MAPPING_NAMES)


def test_enough_of_them_run_and_are_captured_and_equal():
    attending = [row for row in ran() if row["softmax"]]
    comparable = [row for row in ran() if row["comparable"]]
    assert len(ran()) >= 420
    assert sum(row["records"] > 0 for row in attending) >= 0.98 * len(attending)
    assert sum(row["equal"] == row["truth"] > 0 for row in comparable) >= 0.98 * len(comparable)
    assert all(row["worst"] <= 1e-4 for row in comparable if row["name"] not in EXCEPTIONS)


def test_no_output_was_changed_and_nothing_left_behind():
    assert [row["name"] for row in ran() if row["changed"]] == []
    assert [row["name"] for row in ran() if row["leftovers"]] == []


def test_every_gap_is_an_exception_with_a_line_of_the_library_as_its_reason():
    assert len(EXCEPTIONS) <= 20
    assert {row["name"]: missing(row) for row in ran() if missing(row)} == {n: e["gap"] for n, e in EXCEPTIONS.items()}
    models = Path(find_spec("transformers").origin).parent / "models"
    for name, exception in EXCEPTIONS.items():
        assert exception["line"] in (models / exception["file"]).read_text(), name
        assert exception["reason"]


def test_a_sample_measured_again_gives_the_rows_of_the_table(again):
    for name in SAMPLE:
        new, old = again[name], ROWS[name]
        assert (new["outcome"], new["changed"], new["leftovers"]) == ("ran", False, []), name
        for column in ("records", "kinds", "truth", "equal", "comparable"):
            assert new[column] == old[column], (name, column)


def test_what_is_an_exception_is_still_missing(again):
    for name, exception in EXCEPTIONS.items():
        assert missing(again[name]) == exception["gap"], f"{name} works now: take it out of exceptions.json"

"""Coverage counts what passed and nothing else."""

import json
from types import SimpleNamespace

import pytest

from workbench import zoo
from workbench.core.errors import DataError
from workbench.verbs.covering import coverage

TESTS = """
import pytest

def test_good():
    assert True

def test_bad():
    assert False

@pytest.mark.skip(reason="why not")
def test_skipped():
    assert True
"""


@pytest.fixture
def counted(tmp_path, monkeypatch):
    """Coverage of a project of three rows with this evidence, where claims stand as given."""
    rows = [{"id": row, "family": row[:2], "system": row} for row in ("AA01", "AA02", "BB01")]
    catalogue = {"families": {"AA": "first", "BB": "second"}, "rows": rows}
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/catalogue.json").write_text(json.dumps(catalogue))
    (tmp_path / "test_it.py").write_text(TESTS)

    def count(evidence, claims=None):
        claims = claims or {}
        status = {name: status for name, (status, _) in claims.items()}
        monkeypatch.setattr(zoo, "names", lambda: list(claims))
        monkeypatch.setattr(zoo, "facts", lambda: {name: {"rows": rows} for name, (_, rows) in claims.items()})
        monkeypatch.setattr(zoo, "card", lambda name: SimpleNamespace(badge=SimpleNamespace(status=status[name])))
        (tmp_path / "docs/coverage.json").write_text(json.dumps(evidence))
        return coverage(tmp_path)

    return count


def test_a_claim_that_holds_counts(counted):
    result = counted({"AA01": ["zoo:one"]}, {"one": ("holds", ["AA01"])})
    assert result.ok
    assert result.covered == ("AA01",)
    assert result.families == {"AA": (1, 2), "BB": (0, 1)}
    assert "1/3 rows: AA01" in str(result)


@pytest.mark.parametrize("status", ["fails", "stale", "never run"])
def test_a_claim_that_does_not_hold_now_fails(counted, status):
    result = counted({"AA01": ["zoo:one"]}, {"one": (status, ["AA01"])})
    assert not result.ok
    assert result.covered == ()
    assert f"the claim of one is {status}" in str(result)


def test_evidence_that_does_not_exist_fails(counted):
    evidence = {
        "AA01": ["zoo:nobody"],
        "AA02": ["test:test_none.py::test_x"],
        "BB01": ["notebook:none.ipynb", "word:mine"],
    }
    result = counted(evidence)
    assert result.covered == ()
    assert len([p for p in result.problems if "there is no" in p or "is no evidence" in p]) == 4


def test_a_row_that_is_not_in_the_catalogue_or_has_no_evidence_fails(counted):
    result = counted({"ZZ99": ["zoo:one"], "AA01": []}, {"one": ("holds", ["ZZ99"])})
    assert result.covered == ()
    assert set(result.problems) == {"ZZ99 is no row of the catalogue.", "AA01: no evidence is given."}


def test_a_test_counts_when_it_passes_now(counted):
    result = counted(
        {
            "AA01": ["test:test_it.py::test_good"],
            "AA02": ["test:test_it.py::test_good", "test:test_it.py::test_bad"],
            "BB01": ["test:test_it.py::test_skipped"],
        }
    )
    assert result.covered == ("AA01",)
    assert [problem[:4] for problem in result.problems] == ["AA02", "BB01"]


def test_entries_and_evidence_must_agree(counted):
    result = counted({"AA01": ["zoo:one"]}, {"one": ("holds", ["AA02"])})
    assert result.covered == ()
    assert not result.ok
    assert "AA01: one does not name it among its rows." in result.problems
    assert "AA02: one is evidence for it, and coverage.json does not say so." in result.problems


def test_without_a_catalogue_one_sentence_says_where_it_is(tmp_path):
    with pytest.raises(DataError, match="counted in a checkout"):
        coverage(tmp_path)


def test_the_projects_own_evidence_passes():
    result = coverage()
    assert result.total == 243
    assert sum(total for _, total in result.families.values()) == 243
    assert result.ok, str(result)

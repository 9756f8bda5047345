"""The ``workbench`` command: its parts are found by file name, and what goes wrong is one sentence."""

import json
import time

import pytest

import workbench.cli
from workbench import zoo
from workbench.cli import main
from workbench.core.errors import WorkbenchError
from workbench.verbs import covering, verifying
from workbench.verbs.covering import Coverage
from workbench.verbs.verifying import Trial, Verification

COMMANDS = ("coverage", "doctor", "lab", "lesson", "verify", "zoo")
Out = pytest.CaptureFixture[str]


def verification(name: str, figure: float) -> Verification:
    trial = Trial(seed=0, figure=figure, holds=figure > 0.5)
    return Verification(name, "ablation", "It learns.", "accuracy", 0.5, 0.0, True, {}, (trial,))  # noqa: FBT003


def test_help_names_every_command_with_a_sentence(capsys: Out):
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert all(f"\n    {name} " in text for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str, capsys: Out):
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    assert f"usage: workbench {name}" in capsys.readouterr().out


def test_the_command_line_is_read_fast():
    began = time.process_time()
    workbench.cli.parser()
    assert time.process_time() - began < 0.2


def test_an_error_of_ours_is_one_sentence_and_status_1(monkeypatch: pytest.MonkeyPatch, capsys: Out):
    def fail() -> None:
        raise WorkbenchError("One sentence.")

    monkeypatch.setattr(covering, "coverage", fail)
    assert main(["coverage"]) == 1
    assert capsys.readouterr().err == "One sentence.\n"


def test_an_interrupt_has_the_status_shells_expect(monkeypatch: pytest.MonkeyPatch):
    def interrupt() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(covering, "coverage", interrupt)
    assert main(["coverage"]) == workbench.cli.INTERRUPTED


def test_zoo_list_has_every_entry(capsys: Out):
    assert main(["zoo", "list", "--json"]) == 0
    assert sorted(row["name"] for row in json.loads(capsys.readouterr().out)) == sorted(zoo.names())
    assert main(["zoo", "list"]) == 0
    text = capsys.readouterr().out
    assert all(name in text for name in zoo.names())


def test_zoo_list_is_filtered(capsys: Out):
    assert main(["zoo", "list", "--family", "vision", "--json"]) == 0
    assert {row["family"] for row in json.loads(capsys.readouterr().out)} == {"vision"}
    assert main(["zoo", "list", "--family", "visoin"]) == 1
    assert "vision" in capsys.readouterr().err


def test_zoo_card_is_text_or_json(capsys: Out):
    assert main(["zoo", "card", "cnn"]) == 0
    text = capsys.readouterr().out
    assert main(["zoo", "card", "cnn", "--json"]) == 0
    card = json.loads(capsys.readouterr().out)
    assert card["paper"]["title"] in text
    assert card["name"] == "cnn"
    assert main(["zoo", "card", "cmn"]) == 1
    assert "'cnn'" in capsys.readouterr().err


def test_verify_passes_its_arguments_on_and_its_status_is_the_verdict(monkeypatch: pytest.MonkeyPatch, capsys: Out):
    asked = []

    def verify(name: str, seeds: int, *, on_trial: object) -> Verification:
        asked.append((name, seeds))
        return verification(name, 0.9 if name == "cnn" else 0.1)

    monkeypatch.setattr(verifying, "verify", verify)
    assert main(["verify", "cnn", "--seeds", "5", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["worst"] == pytest.approx(0.9)
    assert main(["verify", "gat"]) == 1
    assert "It learns." in capsys.readouterr().out
    assert asked == [("cnn", 5), ("gat", 3)]
    asked.clear()
    assert main(["verify", "--all", "--json"]) == 1
    assert [name for name, _ in asked] == zoo.names()
    assert len(json.loads(capsys.readouterr().out)) == len(zoo.names())


@pytest.mark.parametrize("words", [["verify"], ["verify", "cnn", "--all"]])
def test_verify_wants_a_name_or_all(words: list[str], capsys: Out):
    assert main(words) == 1
    assert "Give the name of an entry, or --all." in capsys.readouterr().err


def test_coverage_fails_on_evidence_that_did_not_pass(monkeypatch: pytest.MonkeyPatch, capsys: Out):
    found = Coverage(243, ("SQ04",), (), {"SQ": (1, 20)})
    monkeypatch.setattr(covering, "coverage", lambda: found)
    assert main(["coverage"]) == 0
    assert "1/243" in capsys.readouterr().out
    broken = Coverage(243, (), ("SQ04: no evidence is given.",), {"SQ": (0, 20)})
    monkeypatch.setattr(covering, "coverage", lambda: broken)
    assert main(["coverage", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["problems"] == ["SQ04: no evidence is given."]

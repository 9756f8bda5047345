"""``student_version``: what a student receives holds no solution, in nbgrader's conventions."""

import copy
import json
from pathlib import Path

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from workbench.cli import main
from workbench.core.errors import DataError
from workbench.notebooks import grading, student_version

LESSON = Path(__file__).resolve().parents[2] / "notebooks" / "lesson_attention.ipynb"
STUB = "# YOUR CODE HERE\nraise NotImplementedError()"
LINES = st.lists(st.text(alphabet="abc #=()'\u00e9", max_size=10), max_size=4)


def stripped(source, **metadata):
    """The source that a student receives of one code cell."""
    cell = nbformat.v4.new_code_cell(source, metadata=metadata, execution_count=3)
    cell.outputs = [nbformat.v4.new_output("stream", text="forty-two")]
    made = nbformat.v4.new_notebook(cells=[cell], metadata={"widgets": {"secret": "forty-two"}})
    before = copy.deepcopy(made)
    found = student_version(made)
    assert made == before, "the teacher's notebook is as it was"
    assert "forty-two" not in json.dumps(found)
    assert found["cells"][0]["execution_count"] is None
    return found["cells"][0]["source"]


def test_a_solution_becomes_the_stub_at_its_indentation():
    source = "def f(x):\n    ### BEGIN SOLUTION\n    y = 2 * 21\n    return y\n    ### END SOLUTION\n\nf(1)"
    assert stripped(source) == "def f(x):\n    # YOUR CODE HERE\n    raise NotImplementedError()\n\nf(1)"


def test_hidden_tests_go_and_visible_ones_stay():
    assert stripped("assert f(1)\n### BEGIN HIDDEN TESTS\nassert f(2)\n### END HIDDEN TESTS") == "assert f(1)"


def test_a_solution_cell_without_a_region_goes_whole():
    assert stripped("answer = 6 * 7", **grading("a", solution=True)) == STUB
    assert stripped("check(answer)", **grading("b", points=1)) == "check(answer)"


@settings(max_examples=50, deadline=None)
@given(before=LINES, inside=LINES, after=LINES)
def test_what_is_outside_a_region_stays_and_what_is_inside_goes(before, inside, after):
    secret = [f"secret{line}" for line in inside]
    source = "\n".join([*before, "### BEGIN SOLUTION", *secret, "### END SOLUTION", *after])
    found = stripped(source)
    assert "secret" not in found
    assert found == "\n".join([*before, STUB, *after]).strip("\n")


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("### BEGIN SOLUTION\nx", "Cell 1 has '### BEGIN SOLUTION' and no '### END SOLUTION' after it"),
        ("x\n### END SOLUTION", "Cell 1 has '### END SOLUTION' without '### BEGIN SOLUTION' before it"),
        ("### BEGIN SOLUTION\n### BEGIN SOLUTION\n### END SOLUTION", "begins a region twice"),
        ("### BEGIN HIDDEN TESTS\nx", "and no '### END HIDDEN TESTS'"),
    ],
)
def test_a_region_without_an_end_is_refused_rather_than_handed_out(source, sentence):
    with pytest.raises(DataError, match=sentence):
        stripped(source)


def test_metadata_says_what_nbgrader_reads():
    fields = {"grade", "grade_id", "locked", "schema_version", "solution", "task"}
    answer, check, words = (
        grading("a", solution=True)["nbgrader"],
        grading("b", points=2)["nbgrader"],
        grading("c", points=2, solution=True)["nbgrader"],
    )
    assert set(answer) == fields
    assert set(check) == fields | {"points"}
    assert (answer["grade"], answer["solution"], answer["locked"]) == (False, True, False)
    assert (check["grade"], check["solution"], check["locked"], check["points"]) == (True, False, True, 2)
    assert (words["grade"], words["solution"], words["locked"]) == (True, True, False)
    with pytest.raises(DataError, match="is no grade_id"):
        grading("a b")


def test_locked_cells_cannot_be_edited_and_answers_cannot_be_deleted():
    cells = [
        nbformat.v4.new_code_cell("x", metadata=grading("a", points=1)),
        nbformat.v4.new_code_cell("x", metadata=grading("b", solution=True)),
        nbformat.v4.new_code_cell("x"),
    ]
    found = student_version(nbformat.v4.new_notebook(cells=cells))["cells"]
    said = [(cell["metadata"].get("deletable"), cell["metadata"].get("editable")) for cell in found]
    assert said == [(False, False), (False, None), (None, None)]


def test_what_is_no_notebook_is_refused():
    with pytest.raises(DataError, match=r"\(list\) is no notebook"):
        student_version([])


# The lesson itself


def solutions():
    """Lines of the lesson that a student must not receive."""
    lines = []
    for cell in nbformat.read(LESSON, 4).cells:
        if "### BEGIN SOLUTION" in cell.source:
            inside = cell.source.split("### BEGIN SOLUTION")[1].split("### END SOLUTION")[0]
            lines += [line.strip() for line in inside.splitlines() if len(line.strip()) > 12]
    return lines


def test_the_lessons_student_version_holds_no_line_of_a_solution():
    assert len(solutions()) > 15
    found = student_version(LESSON)
    nbformat.validate(found)
    text = "\n".join(cell["source"] for cell in found["cells"])
    assert [line for line in solutions() if line in text] == []
    ids = [cell["metadata"]["nbgrader"]["grade_id"] for cell in found["cells"]]
    assert len(ids) == len(set(ids))


@pytest.mark.slow
def test_the_lessons_student_version_runs_up_to_the_first_question(monkeypatch):
    for name in ("WORKBENCH_STRICT", "WORKBENCH_BUDGET"):
        monkeypatch.delenv(name, raising=False)
    found = nbformat.from_dict(student_version(LESSON))
    with pytest.raises(CellExecutionError) as stopped:
        NotebookClient(found, timeout=120, kernel_name="python3").execute()
    assert stopped.value.ename == "NotImplementedError"
    failed = [cell for cell in found.cells for output in cell.get("outputs", ()) if output.output_type == "error"]
    assert [cell.metadata.nbgrader.grade_id for cell in failed] == ["how-many-answer"]


TEACHERS = "### BEGIN SOLUTION\nanswer = 42\n### END SOLUTION\nprint('asked')"


@pytest.fixture
def teachers(tmp_path):
    path = tmp_path / "lesson one.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(TEACHERS)]), path)
    return path


def test_the_command_writes_what_students_receive(teachers, tmp_path, capsys):
    before, target = teachers.read_bytes(), tmp_path / "student.ipynb"
    assert main(["lesson", "student", str(teachers), str(target)]) == 0
    assert capsys.readouterr().out == f"{target} is what students receive.\n"
    assert nbformat.read(target, 4).cells[0].source == f"{STUB}\nprint('asked')"
    assert teachers.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lesson one.ipynb", "student.ipynb"]


def test_the_command_keeps_answers_unless_told_and_never_writes_over_the_teachers_notebook(teachers, tmp_path, capsys):
    target = tmp_path / "student.ipynb"
    target.write_text("somebody's answers")
    assert main(["lesson", "student", str(teachers), str(target)]) == 1
    assert "may hold somebody's answers" in capsys.readouterr().err
    assert target.read_text() == "somebody's answers"
    assert main(["lesson", "student", str(teachers), str(target), "--replace"]) == 0
    assert nbformat.read(target, 4).cells[0].source.startswith(STUB)
    before = teachers.read_bytes()
    assert main(["lesson", "student", str(teachers), str(teachers), "--replace"]) == 1
    assert "is the teacher's notebook itself" in capsys.readouterr().err
    assert teachers.read_bytes() == before


@pytest.mark.parametrize(
    ("source", "target", "sentence"),
    [("missing.ipynb", "a.ipynb", "There is no notebook"), ("lesson one.ipynb", "no/a.ipynb", "cannot be written")],
)
def test_what_the_command_cannot_do_is_one_sentence(teachers, tmp_path, source, target, sentence, capsys):
    assert main(["lesson", "student", str(tmp_path / source), str(tmp_path / target)]) == 1
    said = capsys.readouterr().err
    assert sentence in said
    assert len(said.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["lesson one.ipynb"]

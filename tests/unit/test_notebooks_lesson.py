"""``lesson``: checks that tell the truth about the model, hints, and progress that stands in the notebook."""

import json
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench import pretrained
from workbench.core.errors import DataError, UnknownNameError
from workbench.notebooks import Exercise, Lesson, Outline, lesson, progress_of
from workbench.notebooks._answers import MARK
from workbench.notebooks._lesson import right, wrong
from workbench.notebooks.teaching import lesson_names

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just(...),
    lambda inner: st.lists(inner, max_size=3) | st.tuples(inner, inner) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)


def small():
    """A lesson of two questions."""
    return Lesson(
        "small",
        Outline(
            title="A <small> lesson",
            minutes=1,
            exercises={
                "one": Exercise(
                    prompt="What is 1 + 1?",
                    check=lambda answer: right("So it is.") if answer == 2 else wrong("Count again."),
                    hints=("Use your fingers.", "It is <even>."),
                ),
                "two": Exercise(
                    prompt="And 2 + 2?", check=lambda answer: right("Yes.") if answer == 4 else wrong("No."), points=3
                ),
            },
        ),
    )


def test_a_right_answer_leads_to_the_next_question():
    begun = small()
    verdict = begun.check("one", 2)
    assert (verdict.right, verdict.points, verdict.attempts) == (True, 1, 1)
    assert str(verdict) == "Right: So it is.\nNext: two. And 2 + 2?"
    assert str(begun.check("two", 4)) == "Right: Yes."
    assert (begun.progress.points, begun.progress.of) == (4, 4)


def test_a_wrong_answer_says_what_to_look_at_and_keeps_what_was_earned():
    begun = small()
    begun.hint("one")
    verdict = begun.check("one", 3)
    assert (verdict.right, verdict.points, verdict.attempts, verdict.hints, verdict.then) == (False, 0, 1, 1, "")
    assert str(verdict) == "Not yet: Count again."
    begun.check("one", 2)
    begun.check("one", 3)
    row = begun.progress.rows[0]
    assert (row.points, row.of, row.attempts, row.hints) == (1, 1, 3, 1)


@pytest.mark.parametrize("nothing", [None, ...])
def test_no_answer_is_told_from_a_wrong_one(nothing):
    assert small().check("one", nothing).says == "There is no answer yet. What is 1 + 1?"


def test_hints_come_one_at_a_time_and_the_last_stays():
    begun = small()
    assert [begun.hint("one").text for _ in range(3)] == ["Use your fingers.", "It is <even>.", "It is <even>."]
    assert str(small().hint("one")) == "Hint 1 of 2: Use your fingers."
    with pytest.raises(UnknownNameError, match="'two' has no hints"):
        begun.hint("two")


def test_what_is_shown_is_escaped():
    begun = small()
    begun.hint("one")
    assert "&lt;even&gt;" in begun.hint("one")._repr_html_()
    assert "A &lt;small&gt; lesson" in begun._repr_html_()
    assert "A &lt;small&gt; lesson" in begun.progress._repr_html_()
    verdict = Lesson(
        "l", Outline(title="", minutes=1, exercises={"e": Exercise(prompt="", check=lambda a: wrong(f"<b>{a}"))})
    ).check("e", "<script>")
    assert "<b><" not in verdict._repr_mimebundle_()["text/html"]
    assert "&lt;b&gt;&lt;script&gt;" in verdict._repr_mimebundle_()["text/html"]


def test_names_that_do_not_exist_are_answered_with_the_nearest():
    with pytest.raises(UnknownNameError, match="Did you mean 'attention'"):
        lesson("atention")
    with pytest.raises(UnknownNameError, match="has no exercise 'thre'"):
        small().check("thre", 1)


def test_where_a_machine_marks_a_wrong_answer_raises(monkeypatch):
    monkeypatch.setenv("WORKBENCH_STRICT", "1")
    begun = small()
    assert begun.check("one", 2).right
    with pytest.raises(DataError, match="small, one: Count again"):
        begun.check("one", 3)
    with pytest.raises(DataError, match="There is no answer yet"):
        begun.check("one", ...)


def test_progress_is_read_from_a_saved_notebook(tmp_path):
    begun = lesson("attention")
    begun.hint("how many")
    cells = []
    for answer in (5, ..., 72):
        data = begun.check("how many", answer)._repr_mimebundle_()
        cells.append(nbformat.v4.new_code_cell("check", outputs=[nbformat.v4.new_output("execute_result", data)]))
    cells.append(nbformat.v4.new_code_cell("x", outputs=[nbformat.v4.new_output("stream", text="72")]))
    foreign = {MARK: {"lesson": "../../evil", "exercise": "x", "right": True}}
    cells.append(nbformat.v4.new_code_cell("x", outputs=[nbformat.v4.new_output("display_data", foreign)]))
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "answered.ipynb")
    found = progress_of(tmp_path / "answered.ipynb")
    assert list(found) == ["attention"]
    assert str(found["attention"]) == str(begun.progress)
    assert found["attention"].points == 1
    assert progress_of(nbformat.v4.new_notebook()) == {}


# The lesson on attention, against the model as transformers itself computes it when asked for its attentions.


@pytest.fixture(scope="module")
def truth():
    """(layers, heads, queries, keys) of the lesson's sentence by transformers' eager attention, tokens and values."""
    model, tokenizer = pretrained.load("minilm")
    inputs = tokenizer(lesson("attention").given["sentence"], return_tensors="pt")
    values = {}
    layer = model.encoder.layer[lesson("attention").given["layer"]].attention.self.value
    handle = layer.register_forward_hook(lambda module, given, output: values.update(value=output[0]))
    model.set_attn_implementation("eager")
    with torch.no_grad():
        weights = torch.stack(model(**inputs, output_attentions=True).attentions)[:, 0].numpy()
    handle.remove()
    return weights, tokenizer.convert_ids_to_tokens(inputs["input_ids"][0]), values["value"].numpy()


def naive(weights, offset):
    """The head with the most weight on the position at an offset, counted one by one."""
    layers, heads, count, _ = weights.shape
    pairs = [(i, i + offset) for i in range(count) if 0 <= i + offset < count]
    scores = {
        (layer, head): sum(weights[layer, head, i, j] for i, j in pairs)
        for layer in range(layers)
        for head in range(heads)
    }
    return max(scores, key=lambda head: scores[head])


@pytest.mark.parametrize(("exercise", "offset"), [("previous-token head", -1), ("next-token head", 1)])
def test_of_all_heads_only_the_one_is_right_and_a_wrong_one_does_not_give_it_away(truth, exercise, offset):
    best = naive(truth[0], offset)
    begun = lesson("attention")
    said = {(i, j): begun.check(exercise, (i, j)) for i in range(6) for j in range(12)}
    assert [head for head, verdict in said.items() if verdict.right] == [best]
    named = f"Layer {best[0]}, head {best[1]} "
    assert [head for head, verdict in said.items() if named in verdict.says] == [best]
    assert begun.check(exercise, list(best)).right
    assert begun.check(exercise, tuple(np.array(best))).right
    assert not begun.check(exercise, best[::-1]).right


def test_the_other_answers_are_true_of_the_model(truth):
    weights, tokens, values = truth
    begun = lesson("attention")
    assert begun.check("how many", weights.shape[0] * weights.shape[1]).right
    assert not begun.check("how many", weights.shape[0]).right
    received = [sum(weights[layer, :, 1:, key].sum() for layer in range(1, 6)) for key in range(len(tokens))]
    right_token = tokens[int(np.argmax(received))]
    for token in set(tokens):
        assert begun.check("the sink", token).right == (token == right_token)
    lengths = [np.sqrt((value**2).sum()) for value in values]
    ratio = lengths[0] / np.mean(lengths[1:])
    assert begun.check("what the sink gives", ratio).right
    assert begun.check("what the sink gives", 1.05 * ratio).right
    assert not begun.check("what the sink gives", 1.2 * ratio).right
    assert "upside down" in begun.check("what the sink gives", 1 / ratio).says


def test_the_head_that_would_be_missed_is_found_by_silencing_its_part_of_the_projection():
    """The oracle sets the columns of the output projection that read the head to zero, in a copy of the weights."""
    model, tokenizer = pretrained.load("minilm")
    begun = lesson("attention")
    inputs = tokenizer(begun.given["sentence"], return_tensors="pt")

    def vector():
        with torch.no_grad():
            return model(**inputs).last_hidden_state.mean(1)[0]

    before, moved = vector(), {}
    for layer, head in begun.given["candidates"]:
        weight = model.encoder.layer[layer].attention.output.dense.weight
        kept = weight.detach().clone()
        with torch.no_grad():
            weight[:, 32 * head : 32 * head + 32] = 0
        moved[layer, head] = 1 - float(torch.cosine_similarity(before, vector(), dim=0))
        with torch.no_grad():
            weight.copy_(kept)
    best = max(moved, key=lambda head: moved[head])
    for head, distance in moved.items():
        verdict = begun.check("knock-out", head)
        assert verdict.right == (head == best)
        assert f"{distance:.4f}" in verdict.says


@settings(max_examples=60, deadline=None)
@given(answer=ANYTHING)
def test_no_answer_breaks_a_check(answer):
    begun = lesson("attention")
    for exercise in begun.outline.exercises:
        assert begun.check(exercise, answer).says


# Every lesson


@pytest.mark.parametrize("name", lesson_names())
def test_every_lesson_has_a_notebook_that_asks_its_questions_in_order(name):
    outline = lesson(name).outline
    book = nbformat.read(NOTEBOOKS / f"lesson_{name}.ipynb", 4)
    checks = [cell for cell in book.cells if cell.source.startswith("lesson.check(")]
    assert [json.loads(cell.source.removeprefix("lesson.check(").split(",")[0]) for cell in checks] == [
        *outline.exercises
    ]
    assert [cell.metadata.nbgrader.points for cell in checks] == [each.points for each in outline.exercises.values()]
    assert all(cell.metadata.nbgrader.locked and cell.metadata.nbgrader.grade for cell in checks)
    assert outline.title
    assert outline.papers
    assert all(each.prompt.endswith("?") and each.hints for each in outline.exercises.values())

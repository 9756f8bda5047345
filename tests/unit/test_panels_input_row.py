"""The input row of an Inspector: examples of a whole split, one that is misclassified, texts typed before."""

import gc
import weakref

import pytest
import torch
from torch import nn

from workbench import data, panels
from workbench.core.batch import Batch
from workbench.core.errors import DataError
from workbench.panels.page.desk import DESK


class Fixed(nn.Module):
    """Says the class that stands in the first column, so that every mistake is known."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))
        self.batches = []

    def forward(self, x):
        self.batches.append(len(x))
        return -self.scale * (x[:, :1] - torch.arange(3.0)).abs()


class Numbered:
    """A data set whose examples are (class that is said, position)."""

    name, kind, target, splits = "numbered", "table", "classes", ("train", "test")

    def __init__(self, count, wrong):
        said = torch.arange(count) % 3
        self.x = torch.stack([said, torch.arange(count)], 1).float()
        self.y = said.clone()
        self.y[list(wrong)] = (said[list(wrong)] + 1) % 3
        self.sizes = {"features": 2, "classes": 3}
        field = data.load("wine")
        self.inputs, self.answer = [field.inputs[0]], None

    def size(self, split):
        return len(self.x)

    def batch(self, split, index):
        return Batch((self.x[index],), self.y[index])

    def sample_batch(self, n, split="test"):
        return self.batch(split, torch.arange(n))


def positions(panel):
    """The positions of the examples in the session, and of the one on show."""
    rows = panel.session.batch.inputs[0][:, 1].long().tolist()
    return rows, rows[panel.session.selection.example]


@pytest.fixture
def attached():
    made = []

    def attach(count, wrong=()):
        made.append(panels.attach(Fixed(), Numbered(count, wrong)).choose("overview"))
        return made[-1]

    yield attach
    for panel in made:
        panel.close()


def test_every_example_of_the_split_can_be_looked_at(attached):
    panel = attached(1003)
    assert panel.input["examples"] == 1003
    for at, rows in [(0, range(8)), (7, range(8)), (8, range(8, 16)), (1002, range(1000, 1003)), (3, range(8))]:
        panel.look(example=at)
        assert positions(panel) == (list(rows), at)
        assert panel.input["example"] == at


@pytest.mark.parametrize("wish", [{"example": 9e9}, {"example": float("nan")}, {"example": "x"}, {}, {"text": "a"}])
def test_nonsense_shows_an_example_that_exists(attached, wish):
    panel = attached(20)
    panel.show({"tab": "overview", "input": wish})
    assert positions(panel)[1] == panel.input["example"] in (0, 19)


def test_misclassified_goes_from_the_first_to_the_next_and_round(attached):
    panel = attached(1003, wrong=[2, 300, 301, 999])
    panel.look(example=500)
    seen = []
    for _ in range(5):
        panel.look(misclassified=True)
        seen.append(positions(panel)[1])
    assert seen == [2, 300, 301, 999, 2]
    assert panel.input["said"] == "predicted 2, is 0"


def test_none_or_only_one_misclassified_is_said(attached):
    panel = attached(1003)
    panel.look(example=9)
    panel.look(misclassified=True)
    assert panel.input["said"] == "none of 1,003 is misclassified"
    assert positions(panel)[1] == 9
    panel.look(example=10)
    assert panel.input["said"] == ""
    one = attached(40, wrong=[17])
    one.look(misclassified=True).look(misclassified=True)
    assert positions(one)[1] == 17
    assert one.input["said"] == "predicted 2, is 0; no other is misclassified"


def test_the_search_ends_at_the_first_and_leaves_mode_and_generator_alone(attached):
    panel = attached(5000, wrong=[2])
    model = panel.session.model.train()
    model.batches.clear()
    state = torch.get_rng_state()
    panel.look(misclassified=True)
    assert max(model.batches) <= 256
    assert sum(model.batches) < 1000
    assert model.training
    assert torch.equal(state, torch.get_rng_state())


def test_a_search_ends_when_something_newer_is_wished(attached, monkeypatch):
    panel = attached(5000)
    monkeypatch.setattr(DESK, "waits", lambda asker: True)
    panel.look(misclassified=True)
    assert panel.input["said"] == "none of the first 256 is misclassified; the search was ended"


def test_a_batch_with_answers_has_the_search_too_and_one_without_has_not():
    x, y = torch.tensor([[0.0, 0], [1, 1], [2, 2]]), torch.tensor([0, 1, 1])
    panel = panels.attach(Fixed(), Batch((x,), y)).look(misclassified=True)
    assert positions(panel)[1] == 2
    panel.close()
    bare = panels.attach(Fixed(), x)
    assert bare.input["answers"] is False
    bare.look(misclassified=True)
    assert bare.input["example"] == 0
    bare.close()


@pytest.mark.parametrize("name", ["digits", "wine"])
def test_the_examples_first_shown_are_the_first_of_the_split(name):
    found = data.load(name)
    first, block = found.sample_batch(8, "test"), found.batch("test", torch.arange(8))
    assert torch.equal(first.inputs[0], block.inputs[0])
    model = nn.Sequential(nn.Flatten(), nn.LazyLinear(10))
    model(first.inputs[0])
    panel = panels.attach(model, found).look(misclassified=True)
    at = panel.input["example"]
    whole = found.batch("test", torch.arange(found.size("test")))
    wrong = (model(whole.inputs[0]).argmax(-1) != whole.target).nonzero().flatten().tolist()
    assert at == (wrong[1] if wrong[0] == 0 else wrong[0])
    panel.close()


class Words:
    all_special_tokens = ()

    def __call__(self, text, **_):
        if not text:
            raise DataError("There is no text.")
        return {"tokens": torch.tensor([[ord(letter) % 7 for letter in text]])}

    def convert_ids_to_tokens(self, i):
        return str(i)

    def decode(self, ids):
        return str(ids[0])


class Reading(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(7, 3)

    def forward(self, tokens):
        return self.embedding(tokens).mean(1)


def test_texts_are_remembered_newest_first_each_once_and_not_without_end():
    panel = panels.attach(Reading(), "first", processor=Words())
    panel.look("second").look("<b>third</b>").look("first")
    assert panel.input["history"] == ["first", "<b>third</b>", "second"]
    assert panel.session.batch.inputs["tokens"].shape == (1, 5)
    with pytest.raises(DataError):
        panel.look("")
    assert panel.input["text"] == "first"
    for i in range(30):
        panel.look(f"text {i}")
    assert len(panel.input["history"]) == 20
    panel.close()


def test_a_panel_that_nobody_holds_is_freed_with_its_row(attached):
    panel = panels.attach(Fixed(), Numbered(20, [3])).look(misclassified=True)
    alive = weakref.ref(panel.session.model)
    panel.close()
    gc.collect()
    assert alive() is None

"""Pictures, cells, nodes, a second input: each changes what the model is given, exactly; the shown cell repeats it."""

import io
import sys
import zlib
from copy import deepcopy
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from workbench import data, panels
from workbench.core.batch import Batch
from workbench.core.errors import DataError, MissingExtraError
from workbench.interpret import Session
from workbench.panels.inspector import Inspector
from workbench.panels.means.decoding import MOST_BYTES, decoded
from workbench.panels.means.given import Given
from workbench.panels.page.desk import DESK


def png(pixels, kind="PNG"):
    file = io.BytesIO()
    Image.fromarray(np.asarray(pixels, dtype=np.uint8)).save(file, kind)
    return file.getvalue()


def upload(panel, data, name="mine.png", **more):
    """What arrives when a page sends a file, and the row after it."""
    asked = {"picture": name, **more}
    wish = {"tab": "saliency", "input": {"other": asked} if more.pop("other", None) else asked}
    panel._handle_custom_msg({"type": "wish", "seq": 7, "wish": wish}, [memoryview(data)])
    assert DESK.settle()
    return panel.input


def screen(panel):
    """The binary content on the screen and what is said of it."""
    frame = panel.frame
    return {name: (a["shape"], a["data"]) for name, a in frame["arrays"].items()}, frame["meta"]


def repeats(panel, **variables):
    """The shown cell, run with the same variables, gives the same bytes."""
    known = {"__name__": "__main__", **variables}
    exec(panel.frame["cell"], known)
    try:
        assert screen(known["inspector"]) == screen(panel)
        assert known["inspector"].input["other"] == panel.input["other"]
    finally:
        known["inspector"].close()


@pytest.fixture
def closing():
    made = []
    yield lambda panel: made.append(panel) or panel
    for panel in made:
        panel.close()


@pytest.fixture
def reader():
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 10))


# Pictures


def test_a_picture_is_resized_and_scaled_as_the_examples_are(closing, reader):
    panel = closing(panels.attach(reader, data.load("digits"))).choose("saliency")
    row = upload(panel, png([[0, 255], [255, 0]]))
    given = panel.session.batch
    assert given.inputs[0].shape == (1, 1, 8, 8)
    assert (float(given.inputs[0].min()), float(given.inputs[0].max())) == (-1.0, 1.0)
    assert given.target is None
    assert row["said"] == "2 by 2: its middle, resized to 8 by 8, grey, from -1 (black) to 1 (white)"
    assert (row["away"], row["wrong"]) == (True, False)
    assert panel.frame["arrays"]["image"]["shape"] == [8, 8, 3]
    panel.look(example=0)
    assert panel.session.batch.inputs[0].shape == (8, 1, 8, 8)
    assert panel.input["picture"]["name"] == ""


def test_a_small_picture_is_in_the_cell_and_a_large_one_is_a_variable_that_is_named(closing, reader):
    inputs = data.load("digits")
    panel = closing(panels.attach(reader, inputs)).choose("saliency")
    upload(panel, png([[0, 255], [255, 0]]))
    assert "inspector.look(picture=base64.b64decode(" in panel.frame["cell"]
    repeats(panel, model=reader, inputs=inputs)
    noise = png(np.random.default_rng(0).integers(0, 256, (64, 64, 3)))
    upload(panel, noise, "a'\n# b.png")
    lines = panel.frame["cell"].splitlines()
    assert lines[-2] == "inspector.look(picture=picture)"
    assert lines[-3].startswith('# picture: the bytes of "a\'\\n# b.png"')
    assert "SHA-256" in lines[-3]
    repeats(panel, model=reader, inputs=inputs, picture=noise)


@pytest.mark.parametrize(
    ("name", "bad", "said"),
    [
        ("text.png", b"no picture", "'text.png' is no picture in one of the formats PNG, JPEG, WEBP, GIF, BMP."),
        ("", b"", "'picture' is no picture"),
        ("cut.png", png(np.random.default_rng(0).integers(0, 256, (50, 50)))[:900], "is broken or cut off"),
        ("run.eps", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "is no picture"),
        ("big.png", b"\x89PNG" + bytes(MOST_BYTES), "has 8.0 MB; a picture of up to 8 MB is read"),
        ("<img src=x>" * 20, b"x", "is no picture"),
    ],
)
def test_files_that_are_no_pictures_are_one_sentence_and_the_tab_stays(closing, reader, name, bad, said):
    panel = closing(panels.attach(reader, data.load("digits"))).choose("saliency")
    before = screen(panel)
    row = upload(panel, bad, name)
    assert said in row["said"]
    assert row["wrong"]
    assert row["picture"]["name"] == ""
    assert len(row["said"]) < 200
    assert screen(panel) == before
    assert "picture" not in panel.frame["cell"]
    with pytest.raises(DataError):
        panel.look(picture=bad)


@pytest.mark.parametrize("side", [7_000, 20_000])
def test_a_small_file_that_unfolds_into_a_huge_picture_is_not_unfolded(monkeypatch, side):
    file = bytearray(png([[0]]))
    file[16:24] = side.to_bytes(4, "big") * 2
    file[29:33] = zlib.crc32(file[12:29]).to_bytes(4, "big")
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("it was unfolded"))
    with pytest.raises(DataError, match="pixels"):
        decoded(bytes(file), "huge.png")


def test_pictures_are_upright_in_rgb_and_on_white():
    clear = np.zeros((2, 2, 4), np.uint8)
    clear[0, 0] = (255, 0, 0, 255)
    assert np.asarray(decoded(png(clear), "clear.png")).tolist()[0] == [[255, 0, 0], [255, 255, 255]]
    turned = io.BytesIO()
    image = Image.fromarray(np.array([[0, 255]], np.uint8).repeat(16, 0).repeat(16, 1))
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(turned, "JPEG", exif=exif)
    assert decoded(turned.getvalue(), "turned.jpg").size == (16, 32)
    for kind in ("PNG", "JPEG", "WEBP", "GIF", "BMP"):
        assert decoded(png([[9, 9], [9, 9]], kind), "x").mode == "RGB"


class Prepares:
    """An image processor as transformers has them: named arguments, a mapping, an attribute with the mean."""

    image_mean = (0.5,)

    def __call__(self, *, images, return_tensors):
        assert return_tensors == "pt"
        return {"pixel_values": torch.as_tensor(np.array(images.resize((4, 4)))).permute(2, 0, 1)[None].float() / 255}


class Looks(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(48, 3)

    def forward(self, pixel_values):
        return self.layer(pixel_values.flatten(1))


RED = png(np.tile(np.array([255, 0, 0], np.uint8), (9, 9, 1)))


@pytest.mark.parametrize(
    "processor",
    [
        Prepares(),
        lambda image: torch.as_tensor(np.array(image.resize((4, 4)))).permute(2, 0, 1).float() / 255,
        lambda array: (array[:4, :4].transpose(2, 0, 1) / 255).astype(np.float32),
        lambda image: {"pixel_values": torch.as_tensor(np.array(image.resize((4, 4)))).permute(2, 0, 1)[None] / 255},
    ],
    ids=["transformers", "on PIL", "on arrays", "mapping"],
)
def test_a_processor_prepares_what_is_uploaded(closing, processor):
    panel = closing(panels.attach(Looks(), {"pixel_values": torch.rand(2, 3, 4, 4)}, processor=processor))
    panel.choose("saliency")
    row = upload(panel, RED, "red.png")
    given = panel.session.batch.inputs["pixel_values"]
    assert given.shape == (1, 3, 4, 4)
    assert given[0].mean((1, 2)).tolist() == [1.0, 0.0, 0.0]
    assert row["picture"]["name"] == "red.png"
    assert row["said"].startswith("9 by 9: prepared by ")


def test_a_processor_that_fails_is_one_sentence(closing, reader):
    def broken(picture):
        raise RuntimeError("<b>no</b>")

    panel = closing(panels.attach(reader, torch.rand(2, 1, 8, 8), processor=broken)).choose("saliency")
    row = upload(panel, RED)
    assert row["said"] == "The processor function failed on this picture (RuntimeError: <b>no</b>)."
    assert panel.session.batch.inputs[0].shape == (2, 1, 8, 8)


def test_what_is_uploaded_is_in_no_trait(closing, reader):
    panel = closing(panels.attach(reader, data.load("digits"))).choose("saliency")
    noise = png(np.random.default_rng(0).integers(0, 256, (64, 64, 3)))
    upload(panel, noise)
    assert panel.frame["wish"] == {"tab": "saliency"}
    assert not any(noise in repr(value).encode() for value in (panel.input, panel.frame))


# Cells


@pytest.fixture
def wine(closing):
    torch.manual_seed(0)
    model = nn.Linear(13, 3)
    return closing(panels.attach(model, data.load("wine"))).choose("saliency"), model


def test_cells_have_the_names_values_and_ranges_of_the_data(wine):
    panel, _ = wine
    found = data.load("wine")
    train, first = found.part("train").inputs[0], found.batch("test", torch.tensor([0])).inputs[0][0]
    cells = panel.input["columns"]
    assert [cell["name"] for cell in cells] == list(found.inputs[0].labels)
    assert [cell["value"] for cell in cells] == pytest.approx(first.tolist(), rel=1e-5)
    assert [cell["range"][0] for cell in cells] == pytest.approx(train.amin(0).tolist())


def test_a_cell_changes_the_answer_by_its_weight_and_reset_takes_that_back(wine):
    panel, model = wine
    panel.look(example=2)
    before = panel.session.scores[2].clone()
    at = [cell["name"] for cell in panel.input["columns"]].index("alcohol")
    old = panel.session.batch.inputs[0][2, at].item()
    panel.look(cells={"alcohol": 1.5, "ash": panel.input["columns"][2]["value"]})
    assert torch.allclose(panel.session.scores[2] - before, (1.5 - old) * model.weight[:, at], atol=1e-5)
    assert [cell["changed"] for cell in panel.input["columns"]].count(True) == 1
    assert "inspector.look(cells={'alcohol': 1.5})" in panel.frame["cell"]
    repeats(panel, model=model, inputs=data.load("wine"))
    panel.show({"tab": "saliency", "input": {"reset": True}})
    assert torch.equal(panel.session.scores[2], before)
    assert "cells" not in panel.frame["cell"]


def test_another_example_has_its_own_cells(wine):
    panel, _ = wine
    untouched = panel.session.batch.inputs[0].clone()
    panel.look(cells={"alcohol": 9.0})
    assert "alcohol lies outside the data" in panel.input["said"]
    panel.look(example=1)
    assert torch.equal(panel.session.batch.inputs[0], untouched)
    assert not any(cell["changed"] for cell in panel.input["columns"])


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ({"alcohol": "NaN"}, "alcohol must be a finite number; got 'NaN'."),
        ({"alcohol": ""}, "alcohol must be a finite number; got ''."),
        ({"alcohol": "1e999"}, "alcohol must be a finite number"),
        ({"alcohol": "<b>" * 99}, "alcohol must be a finite number"),
        ({"alcohol": None}, "alcohol must be a finite number"),
        ({"alcohl": 1}, "There is no column 'alcohl'. Did you mean 'alcohol'"),
        ({"99": 1}, "There is no column '99'"),
        ([1], "Cells are given by the names of their columns; got list."),
    ],
)
def test_what_is_no_number_or_no_column_is_one_sentence(wine, cells, said):
    panel, _ = wine
    before = panel.session.batch
    panel.show({"tab": "saliency", "input": {"cells": cells}})
    assert panel.input["said"].startswith(said)
    assert panel.input["wrong"]
    assert panel.session.batch is before
    with pytest.raises(DataError):
        panel.look(cells=cells)


# Nodes


class OnEdges(nn.Module):
    """Every node answers with the sum over itself and its neighbours."""

    def forward(self, x, edge_index):
        return x + torch.zeros_like(x).index_add(0, edge_index[1], x[edge_index[0]])


@pytest.fixture
def graph():
    torch.manual_seed(0)
    return {"x": torch.rand(5, 3), "edge_index": torch.tensor([[0, 1, 1, 2], [1, 0, 2, 1]])}


def test_a_node_is_explained_by_itself_and_its_neighbours(closing, graph):
    panel = closing(panels.attach(OnEdges(), graph, names=["a", "b", "c"])).choose("saliency")
    assert panel.input["nodes"]["node"] is None
    panel.look(node=1)
    nodes = panel.input["nodes"]
    assert (nodes["node"], nodes["count"]) == (1, 5)
    assert [one["node"] for one in nodes["listed"]] == [0, 2]
    meta = panel.frame["meta"]
    assert meta["target"].startswith("the predicted class of node 1: ")
    assert meta["labels"] == [f"node {i}" for i in range(5)]
    scores = np.frombuffer(panel.frame["arrays"]["scores"]["data"], np.float32)
    assert bool(scores[:3].all())
    assert not scores[3:].any()
    assert "inspector.look(node=1)" in panel.frame["cell"]
    repeats(panel, model=OnEdges(), inputs=graph)


def test_a_node_is_chosen_by_its_name_and_the_reference_counts_nodes(closing, graph):
    names = ["ann", "bob", "cid", "<b>dee</b>", "eve"]
    panel = closing(panels.attach(OnEdges(), graph, names=["a", "b", "c"], columns=names)).choose("saliency")
    assert panel.input["nodes"]["names"] == names
    assert panel.input["nodes"]["listed"] == [], "a node has neighbours, all of them together have none"
    panel.show({"tab": "saliency", "input": {"node": "bob"}})
    assert panel.session.selection.node == 1
    assert dict(map(tuple, panel.frame["meta"]["facts"]))["compared with"] == "the mean of the 5 nodes"
    assert "inspector.look(node=1)" in panel.frame["cell"]


@pytest.mark.parametrize("node", [5, -1, "x", 1e99, float("nan"), "1.5", [1]])
def test_a_node_that_does_not_exist_is_one_sentence(closing, graph, node):
    panel = closing(panels.attach(OnEdges(), graph)).choose("overview").look(node=3)
    panel.show({"tab": "overview", "input": {"node": node}})
    assert panel.input["said"].startswith("There is no node ")
    assert panel.input["said"].endswith("the graph has 5, numbered from 0.")
    assert panel.session.selection.node == 3
    panel.show({"tab": "overview", "input": {"node": None}})
    assert panel.session.selection.node is None


# Names


def test_names_go_where_they_fit(closing):
    x = torch.rand(2, 4)
    classes = closing(panels.attach(nn.Linear(4, 3), x, names=["p", "q", "r"]))
    assert classes.session.names == ["p", "q", "r"]
    columns = closing(panels.attach(nn.Linear(4, 3), x, names=["a", "b", "c", "d"])).choose("saliency")
    assert columns.session.names is None
    assert columns.frame["meta"]["labels"] == ["a", "b", "c", "d"]
    assert [cell["name"] for cell in columns.input["columns"]] == ["a", "b", "c", "d"]
    both = closing(panels.attach(nn.Linear(4, 3), x, names=["p", "q", "r"], columns=["a", "b", "c", "d"]))
    assert "columns=['a', 'b', 'c', 'd']" in both.frame["cell"]


def test_names_that_fit_both_are_said_and_columns_that_fit_nothing_are_refused(closing):
    x = torch.rand(2, 3)
    panel = closing(panels.attach(nn.Linear(3, 3), x, names=["p", "q", "r"]))
    assert panel.input["said"] == (
        "names= was read as the names of the 3 classes; columns= names the 3 positions of the input"
    )
    with pytest.raises(DataError, match="columns= has 2 names; the input has 3 positions to name"):
        panels.attach(nn.Linear(3, 3), x, columns=["a", "b"])


# A second input


class Words:
    all_special_tokens = ()

    def __call__(self, text, **_):
        return {"tokens": torch.tensor([[ord(letter) % 7 for letter in text]])}

    def convert_ids_to_tokens(self, i):
        return str(i)

    def decode(self, ids):
        return str(ids[0])


class Reading(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding, self.head = nn.Embedding(7, 4), nn.Linear(4, 3)

    def forward(self, tokens):
        return self.head(self.embedding(tokens).mean(1))


def test_the_second_text_begins_as_a_copy_and_the_change_is_shown(closing):
    torch.manual_seed(0)
    model = Reading()
    panel = closing(panels.attach(model, "first", names=["x", "y", "z"], processor=Words())).choose("saliency")
    panel.show({"tab": "saliency", "input": {"compare": True}})
    assert panel.input["other"]["text"] == "first"
    assert panel.input["other"]["change"]["said"] == "0% of the probability has moved"
    panel.show({"tab": "saliency", "input": {"other": {"text": "other text"}}})
    other = panel.input["other"]
    a, b = panel.session.scores.softmax(-1)[0], panel.session.other.scores.softmax(-1)[0]
    shown = {label: (p, q) for label, p, q in other["change"]["classes"]}
    assert shown["y"] == pytest.approx((float(a[1]), float(b[1])))
    assert panel.input["text"] == "first"
    assert other["history"] == ["other text", "first"]
    meta = panel.frame["meta"]
    assert len(meta["labels"]) == len("first")
    assert len(meta["other"]["labels"]) == len("other text")
    assert meta["other"]["target"].startswith("the class explained of the first: ")
    assert [doubt["text"][:13] for doubt in panel.frame["doubts"]].count("second input:") == 1
    assert "inspector.compare(text='other text')" in panel.frame["cell"]
    repeats(panel, model=model, processor=Words())
    panel.alone()
    assert panel.input["other"] is None
    assert panel.session.other is None
    assert "other" not in panel.frame["meta"]
    assert "compare" not in panel.frame["cell"]


def test_a_second_row_has_examples_and_cells_of_its_own(wine):
    panel, model = wine
    panel.look(example=3).look(cells={"ash": 0.5})
    panel.compare(example=9).compare(cells={"alcohol": 1.0})
    first, second = panel.input, panel.input["other"]
    assert (first["example"], second["example"]) == (3, 9)
    assert [cell["name"] for cell in second["columns"] if cell["changed"]] == ["alcohol"]
    assert [cell["name"] for cell in first["columns"] if cell["changed"]] == ["ash"]
    repeats(panel, model=model, inputs=data.load("wine"))
    copy = panel.alone().compare()
    assert [cell["name"] for cell in copy.input["other"]["columns"] if cell["changed"]] == ["ash"]
    repeats(panel, model=model, inputs=data.load("wine"))
    panel.compare(example=3)
    assert not any(cell["changed"] for cell in panel.input["other"]["columns"])
    repeats(panel, model=model, inputs=data.load("wine"))


def test_a_second_picture_and_a_second_node(closing, reader, graph):
    inputs = data.load("digits")
    panel = closing(panels.attach(reader, inputs)).choose("saliency").compare(picture=png([[0, 255], [255, 0]]))
    assert panel.session.other.batch.inputs[0].shape == (1, 1, 8, 8)
    assert panel.frame["arrays"]["other_image"]["shape"] == [8, 8, 3]
    repeats(panel, model=reader, inputs=inputs)
    net = closing(panels.attach(OnEdges(), graph)).choose("saliency").look(node=1).compare(node=2)
    assert net.frame["meta"]["other"]["target"].startswith("the class explained of the first, at node 2")
    repeats(net, model=OnEdges(), inputs=graph)


def test_a_second_input_that_breaks_the_model_is_said_beside_it(closing):
    class Short(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = Reading()

        def forward(self, tokens):
            if tokens.shape[1] > 6:
                raise ValueError("too long")
            return self.inner(tokens)

    panel = closing(panels.attach(Short(), "short", processor=Words())).choose("overview")
    panel.show({"tab": "overview", "input": {"other": {"text": "much too long"}}})
    assert panel.input["other"]["change"]["said"] == "ValueError: too long"
    assert panel.frame["meta"]["rows"]


def test_the_first_input_alone_says_nothing_of_a_batch_it_is_not(closing):
    x, y = torch.tensor([[0.0, 1.0], [1.0, 0.0]]), torch.tensor([0, 0])
    panel = closing(panels.attach(nn.Linear(2, 2), Batch((x,), y)))
    panel.look(cells={"0": 0.25})
    assert panel.session.batch.inputs[0][0].tolist() == [0.25, 1.0]
    assert x[0].tolist() == [0.0, 1.0]


# The page


def test_a_page_receives_the_scripts_of_the_means_that_apply(closing, wine, reader, graph):
    def parts(panel):
        return panel.sources["_row"].count("MEANS.push(")

    assert parts(wine[0]) == 2
    assert "'Reset cells'" in wine[0].sources["_row"]
    pictures = closing(panels.attach(reader, torch.rand(1, 1, 8, 8)))
    assert parts(pictures) == 1
    assert "Upload picture" in pictures.sources["_row"]
    assert "'Neighbours'" in closing(panels.attach(OnEdges(), graph)).sources["_row"]
    assert "_row" not in closing(panels.attach(nn.Conv1d(1, 1, 3), torch.rand(1, 1, 8))).sources


def test_all_that_a_page_receives_before_a_tab_is_small(wine):
    panel, _ = wine
    own = [text for name, text in panel.sources.items() if name[0] == "_"]
    assert len("".join([panels.Inspector._esm, *own]).encode()) <= 30_000


# Others' graphs and processors


def test_a_graph_of_torch_geometric(closing):
    from torch_geometric.data import Data
    from torch_geometric.nn import GCNConv

    torch.manual_seed(0)
    given = Data(x=torch.rand(4, 3), edge_index=torch.tensor([[0, 1, 1, 2], [1, 0, 2, 1]]))
    names = ["ann", "<b>bob</b>", "cem", "dua"]
    panel = closing(panels.attach(GCNConv(3, 2), given, names=names)).choose("saliency").look(node=1)
    assert [one["name"] for one in panel.input["nodes"]["listed"]] == ["ann", "cem"]
    assert panel.frame["meta"]["labels"] == names
    assert panel.frame["meta"]["unit"] == "node"
    assert panel.table().columns == ("node", "value", "score")


def test_an_image_processor_of_transformers_prepares_what_is_given_and_what_is_uploaded(closing):
    from transformers import ViTImageProcessorPil

    class Mean(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(3, 2)

        def forward(self, pixel_values):
            return self.layer(pixel_values.mean((2, 3)))

    processor = ViTImageProcessorPil(size={"height": 6, "width": 6})
    green = Image.new("RGB", (9, 12), (0, 255, 0))
    panel = closing(panels.attach(Mean(), green, processor=processor)).choose("saliency")
    assert panel.session.batch.inputs["pixel_values"].shape == (1, 3, 6, 6)
    row = upload(panel, RED)
    assert row["said"] == "9 by 9: prepared by ViTImageProcessorPil"
    given = panel.session.batch.inputs["pixel_values"]
    assert given[0].mean((1, 2)).tolist() == pytest.approx([1.0, -1.0, -1.0])


def test_without_pillow_a_sentence_names_the_extra(closing, reader, monkeypatch):
    panel = closing(panels.attach(reader, torch.rand(2, 1, 8, 8)))
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(MissingExtraError, match=r"needed to read an uploaded picture .*neural-workbench\[data\]"):
        panel.look(picture=RED)


def test_two_models_side_by_side(closing):
    torch.manual_seed(0)
    first = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    twin, other = deepcopy(first), nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    panel = closing(panels.attach(first, data.load("digits"))).choose("saliency")

    panel.compare(model=twin)
    assert panel.session.other.model is twin
    assert panel.input["other"]["change"]["said"] == "0% of the probability has moved"

    panel.compare(model=other)
    x = panel.session.batch.inputs[0][:1]
    with torch.no_grad():
        apart = (first(x).softmax(-1) - other(x).softmax(-1)).abs().sum() / 2
    assert panel.session.difference().distance == pytest.approx(float(apart), abs=1e-6)
    assert panel.input["other"]["model"] == "Sequential"
    assert "inspector.compare(model=other_model)" in panel.frame["cell"]

    panel.session.ablate("1", unit=0)
    assert torch.equal(panel.session.other.output, other(panel.session.batch.inputs[0])), "the edits are the first's"
    panel.compare(example=3)
    assert panel.session.other.model is other
    panel.alone()
    assert panel.session.other is None


def test_a_page_names_a_variable_and_nothing_else(closing):
    panel = closing(panels.attach(nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), data.load("digits")))
    panel.show({"tab": "overview", "input": {"compare": True, "model": "__import__('os')"}})
    assert panel.session.other is None
    assert panel.input["said"] == "The notebook has no model called \"__import__('os')\" any more."
    assert panel.input["wrong"]


def of_words(size):
    model = nn.Sequential(nn.Embedding(size, 4), nn.Flatten(), nn.Linear(12, 2))
    model.config = SimpleNamespace(vocab_size=size)
    return model


def test_other_models_of_the_notebook_are_offered_where_they_take_the_same_input(closing, monkeypatch):
    torch.manual_seed(0)
    words, longer, narrow = of_words(7), of_words(9), nn.Linear(2, 2)
    held = {
        "words": words,
        "twin": deepcopy(words),
        "longer": longer,
        "narrow": narrow,
        "_3": narrow,
        "not code": words,
    }
    for name, value in held.items():
        monkeypatch.setitem(vars(sys.modules["__main__"]), name, value)
    panel = closing(panels.attach(words, torch.tensor([[1, 2, 3]]))).compare()
    offered = {name: refused for name, _, refused in panel.input["other"]["models"] if name in held}
    assert set(offered) == {"twin", "longer", "narrow"}
    assert offered["twin"] == ""
    assert offered["longer"] == "its vocabulary has 9 tokens instead of 7, so the same ids are other words"
    assert offered["narrow"].startswith("it does not take this input (RuntimeError: ")

    panel.show({"tab": "overview", "input": {"other": {}, "model": "twin"}})
    assert panel.session.other.model is held["twin"]
    assert panel.input["other"]["model"] == "twin"
    assert "inspector.compare(model=twin)" in panel.frame["cell"]
    panel.show({"tab": "overview", "input": {"other": {}, "model": "longer"}})
    assert panel.session.other.model is held["twin"]
    assert panel.input["other"]["said"].startswith("longer cannot be compared: its vocabulary has 9 tokens")
    panel.show({"tab": "overview", "input": {"other": {}, "model": ""}})
    assert panel.session.other.model is words
    assert panel.input["other"]["model"] == ""


def test_the_second_input_stays_when_another_model_takes_it(closing, monkeypatch):
    words = Reading()
    monkeypatch.setitem(vars(sys.modules["__main__"]), "twin", deepcopy(words))
    panel = closing(panels.attach(words, "first", processor=Words())).compare("another")
    panel.show({"tab": "overview", "input": {"other": {}, "model": "twin"}})
    assert panel.input["other"]["text"] == "another"
    assert panel.session.other.batch.inputs["tokens"].shape == (1, len("another"))


def test_the_row_of_every_panel_on_a_session_says_the_same(closing):
    inputs = Words()("first")
    session = Session(Reading(), inputs, processor=Words())
    one, two = (closing(Inspector(session, given=Given(inputs=inputs, text="first", processor=Words()))) for _ in "12")
    one.look("second one")
    assert two.input["text"] == "second one"
    assert DESK.settle()
    assert "wb.attach(model, 'second one'" in two.frame["cell"]
    two.compare("third")
    assert one.input["other"]["text"] == "third"
    one.alone()
    assert two.input["other"] is None
    one.close()
    two.look("fourth")
    assert two.input["history"][:2] == ["fourth", "second one"]


def test_the_row_follows_code_that_changes_the_session(closing):
    panel = closing(panels.attach(Reading(), "ab", processor=Words()))
    panel.session.use(Words()("bbb"))
    assert DESK.settle()
    assert panel.input["text"] == "0"  # as far as this processor writes text
    assert panel.input["said"] == "the input was changed by code"
    panel.session.compare_with(panel.session.batch)
    assert DESK.settle()
    assert panel.input["other"]["text"] == "0"
    digits = closing(panels.attach(nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), data.load("digits")))
    digits.session.select(example=3)
    assert DESK.settle()
    assert digits.input["example"] == 3
    digits.session.use(torch.rand(1, 1, 8, 8))
    assert DESK.settle()
    assert digits.input["away"]

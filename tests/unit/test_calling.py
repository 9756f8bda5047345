"""The one way to call a model, and the main tensor of what it returns."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

import workbench as wb
from workbench.core.batch import Batch
from workbench.core.calling import scores
from workbench.core.errors import ModelError


class Sum(nn.Module):
    def forward(self, a, b=None, *, c=0):
        return a + (0 if b is None else b) + c


class Reads(nn.Module):
    def forward(self, x, edge_index, weight=None):
        return x.sum() + edge_index.sum() + (0 if weight is None else weight.sum())


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        (torch.tensor([1.0]), 1.0),
        ((torch.tensor([1.0]), torch.tensor([2.0])), 3.0),
        ({"a": torch.tensor([1.0]), "c": 4}, 5.0),
        (Batch((torch.tensor([1.0]),), torch.tensor([9.0])), 1.0),
    ],
)
def test_tensor_tuple_mapping_and_batch(inputs, expected):
    assert wb.call(Sum(), inputs).item() == expected


def test_graphs_go_by_the_names_in_the_signature():
    data = pytest.importorskip("torch_geometric.data").Data(
        x=torch.ones(3, 2), edge_index=torch.ones(2, 4, dtype=torch.long), y=torch.zeros(3)
    )
    assert wb.call(Reads(), data).item() == 14
    assert wb.call(Reads(), Batch((data,))).item() == 14
    del data.edge_index
    with pytest.raises(ModelError, match="edge_index, which the graph does not have"):
        wb.call(Reads(), data)


def test_anything_else_needs_call():
    with pytest.raises(ModelError, match="pass call=lambda"):
        wb.call(Sum(), "text")
    assert wb.call(Sum(), "text", call=lambda model, text: model(torch.tensor([float(len(text))]))).item() == 4


@pytest.mark.parametrize(
    "output",
    [
        torch.ones(2),
        (torch.ones(2), "rest"),
        SimpleNamespace(logits=torch.ones(2), hidden=torch.zeros(2)),
        {"loss": 3, "logits": torch.ones(2)},
        {"anything": torch.ones(2)},
    ],
)
def test_scores_finds_the_main_tensor(output):
    assert torch.equal(scores(output), torch.ones(2))


def test_an_output_without_a_tensor_says_what_to_do():
    with pytest.raises(ModelError, match="no tensor of scores"):
        scores({"text": "nothing"})


def test_a_batch_moves_and_maps_every_tensor():
    batch = Batch({"x": torch.ones(2, 3), "n": 4}, torch.zeros(2), torch.ones(2, dtype=torch.bool))
    assert batch.to(torch.device("cpu")) is batch
    doubled = batch.map(lambda tensor: tensor * 2)
    assert doubled.inputs["x"].eq(2).all()
    assert doubled.inputs["n"] == 4
    assert len(batch) == 2

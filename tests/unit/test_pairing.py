"""A second input beside the first: both explain the same, and the change of the answer is a plain difference."""

import math

import pytest
import torch
from torch import nn

from workbench.core.errors import DataError
from workbench.interpret import Session


def linear(weight):
    model = nn.Linear(len(weight[0]), len(weight), bias=False)
    model.weight.data = torch.tensor(weight)
    return model


def pair(first, second, **options):
    model = linear([[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]])
    one = Session(model, torch.tensor([first]), names=["left", "right", "neither"], **options)
    return one, one.compare_with(torch.tensor([second]))


def test_nothing_is_computed_before_it_is_asked_and_none_ends_it():
    one, other = pair([1.0, 0.0], [0.0, 1.0])
    assert (one.forwards, other.forwards) == (0, 0)
    assert one.other is other
    assert one.compare_with(None) is None
    assert one.other is None
    assert one.difference() is None


def test_the_second_explains_the_class_of_the_first_and_follows_it():
    one, other = pair([3.0, 0.0], [0.0, 2.0])
    assert one.target.labels == ("left",)
    assert other.target.labels == ("left",)
    assert other.target.sentence == "the class explained of the first"
    assert float(other.target.pick(other.output)) == 0.0
    one.explain(2)
    assert other.target.labels == ("neither",)
    assert float(other.target.pick(other.output)) == -2.0


def test_scores_of_the_second_are_forgotten_when_something_else_is_explained():
    one, other = pair([3.0, 0.0], [1.0, 2.0])
    before = other.attribution(reference=None).scores
    assert torch.equal(other.attribution().scores, before)
    one.explain(1)
    assert not torch.equal(other.attribution().scores, before)


def test_the_difference_is_that_of_the_probabilities():
    one, _ = pair([2.0, 0.0], [0.0, 2.0])
    found = one.difference()
    odds = [math.exp(2), 1.0, math.exp(-2)]
    high, low = odds[0] / sum(odds), odds[1] / sum(odds)
    shown = {change.label: (change.first, change.second) for change in found.changes}
    assert shown["left"] == pytest.approx((high, low))
    assert shown["right"] == pytest.approx((low, high))
    assert found.distance == pytest.approx(high - low)


def test_one_number_and_hidden_vectors_are_compared_as_what_they_are():
    one = Session(linear([[2.0]]), torch.tensor([[1.0]]))
    one.compare_with(torch.tensor([[4.0]]))
    assert one.difference().distance == 6.0
    assert one.difference().sentence == "2 has become 8 (+6)"

    class Encoder(nn.Module):
        def forward(self, x):
            from transformers.modeling_outputs import BaseModelOutput

            return BaseModelOutput(last_hidden_state=x)

    two = Session(Encoder(), torch.tensor([[[1.0, 0.0], [3.0, 0.0]]]))
    other = two.compare_with(torch.tensor([[[2.0, 2.0]]]))
    assert two.difference().distance == pytest.approx(1 - math.sqrt(0.5))
    # Along the direction of the first, which is the first axis.
    assert float(other.target.pick(other.output)) == pytest.approx(2.0)


def test_outputs_that_do_not_fit_are_a_sentence():
    model = nn.Identity()
    one = Session(model, torch.ones(1, 3))
    one.compare_with(torch.ones(1, 4))
    assert "3 and 4 numbers" in one.difference().sentence


def test_both_together_stay_under_the_cap():
    one = Session(nn.Identity(), torch.ones(1, 10), max_bytes=200)
    one.want("")
    one.snapshot()
    other = one.compare_with(torch.ones(1, 10))
    assert one.max_bytes // 2 == other.max_bytes
    model = nn.Sequential(nn.Linear(4, 16))
    big = Session(model, torch.ones(4, 4), max_bytes=1200)
    assert big.value("0").shape == (4, 16)
    big.compare_with(torch.ones(4, 4))
    assert big.bytes == 256
    again = Session(model, torch.ones(4, 4), max_bytes=512)
    assert again.value("0").shape == (4, 16)
    second = again.compare_with(torch.ones(4, 4))
    assert again.bytes + second.bytes <= 512


def test_changed_weights_make_both_stale_and_refresh_renews_both():
    one, other = pair([1.0, 0.0], [0.0, 1.0])
    one.snapshot()
    before = other.scores.clone()
    with torch.no_grad():
        one.model.weight.mul_(2)
    assert one.stale
    one.refresh()
    assert torch.equal(other.scores, 2 * before)


class OnEdges(nn.Module):
    """Every node answers with the sum over itself and its neighbours."""

    def forward(self, x, edge_index):
        return x + torch.zeros_like(x).index_add(0, edge_index[1], x[edge_index[0]])


def test_a_node_of_a_graph_is_explained_and_one_out_of_range_is_a_sentence():
    x, edges = torch.tensor([[1.0, 0.0], [0.0, 3.0], [5.0, 0.0]]), torch.tensor([[0, 1], [1, 0]])
    one = Session(OnEdges(), {"x": x, "edge_index": edges}, names=["a", "b"])
    one.select(node=0)
    assert one.target.labels == ("b",)
    assert one.target.sentence == "the predicted class of node 0"
    scores = one.attribution().scores
    assert bool(scores[:2].any())
    assert not bool(scores[2].any())
    one.select(node=2)
    assert not bool(one.attribution().scores[:2].any())
    one.explain(1)
    assert one.target.labels == ("b",)
    one.select(node=3)
    with pytest.raises(DataError, match="There is no node 3: the graph has 3, numbered from 0"):
        _ = one.target
    one.select(node=1)
    small = one.compare_with({"x": x[:1], "edge_index": edges[:, :0]})
    with pytest.raises(DataError, match="There is no node 1: the graph has 1"):
        _ = small.target
    same_graph = one.compare_with(one.batch)
    same_graph.select(node=2)
    assert same_graph.target.labels == ("b",)
    assert float(same_graph.target.pick(same_graph.output)) == 0.0
    assert one.difference().changes[0].second != one.difference().changes[0].first


def test_classes_of_a_language_model_are_its_tokens():
    class Words:
        all_special_tokens = ()

        def convert_ids_to_tokens(self, i):
            return f"<{i}>"

        def decode(self, ids):
            return f" word{ids[0]}"

    class Next(nn.Module):
        def forward(self, ids):
            return nn.functional.one_hot(ids, 60).float() * 9

    one = Session(Next(), torch.tensor([[1, 7]]), processor=Words())
    one.compare_with(torch.tensor([[1, 8, 9]]))
    assert {change.label for change in one.difference().changes} >= {" word7", " word9"}

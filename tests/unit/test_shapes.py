"""Shapes that annotations state are checked while tests run."""

import pytest
import torch
from jaxtyping import TypeCheckError

from workbench.data.bbc_graph import nearest_edges
from workbench.tasks._baselines.label_propagation import normalised_adjacency


def test_a_stated_shape_is_checked():
    assert nearest_edges(torch.eye(4), 1).shape[0] == 2
    with pytest.raises(TypeCheckError):
        nearest_edges(torch.ones(4), 1)
    with pytest.raises(TypeCheckError):
        normalised_adjacency(torch.zeros(3, 5, dtype=torch.int64), 4)

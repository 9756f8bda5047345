"""A graph of PyG: nodes with features and classes, and masks where it has them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from workbench.core.batch import is_pyg
from workbench.core.errors import DataError
from workbench.core.seeds import generator
from workbench.data._graph import Graph, few_labels
from workbench.data._splits import by_seed
from workbench.data.contract import Card

if TYPE_CHECKING:
    from workbench.data._own import Own

MASKS: Mapping[str, str] = {"train": "train_mask", "validation": "val_mask", "test": "test_mask"}


def takes(thing: object) -> bool:
    """One graph."""
    return is_pyg(thing)


def read(thing: Any, how: "Own") -> Graph:
    """The graph; nodes are split by seed where it has no mask of its own for them.

    Raises:
        DataError: It has no features, edges or classes of nodes.
    """
    absent = [name for name in ("x", "edge_index", "y") if not isinstance(thing.get(name), Tensor)]
    if absent:
        raise DataError(f"{how.name} has no {' and no '.join(absent)}: a graph needs x, edge_index and y.")
    x, edge_index, y = thing.x.detach().cpu().float(), thing.edge_index.cpu(), thing.y.cpu()
    if y.is_floating_point() or y.dim() != 1 or x.dim() != 2 or len(x) != len(y):  # noqa: PLR2004 - two axes
        raise DataError(
            f"{how.name} has x of shape {tuple(x.shape)} and y of shape {tuple(y.shape)} and type {y.dtype}: "
            "nodes need x of shape (nodes, features) and y with a whole number for each."
        )
    count = int(y.max()) + 1 if len(y) else 0
    return Graph(
        name=how.name,
        card=Card(title=f"a graph of {len(y)} nodes", source="your own", licence="your own", package="none"),
        x=x,
        edge_index=edge_index,
        y=y.long(),
        labels=how.labels or tuple(str(i) for i in range(count)),
        masks=_masks(thing, len(y), how),
    )


def _masks(thing: Any, nodes: int, how: "Own") -> dict[str, Tensor]:
    """Its own masks; half of the others each where it only has one to train on; by seed where it has none."""
    found = {name: thing.get(mask) for name, mask in MASKS.items()}
    tensors = {name: mask.cpu().bool() for name, mask in found.items() if isinstance(mask, Tensor)}
    given = {name: mask for name, mask in tensors.items() if bool(mask.any())}
    if "train" not in given:
        parts = by_seed(nodes, how.seed, validation=how.validation, test=how.test)
        return {name: torch.zeros(nodes, dtype=torch.bool).index_fill_(0, at, value=True) for name, at in parts.items()}
    if len(given) > 1:
        return given
    trained = given["train"].nonzero().flatten()
    order = torch.randperm(nodes, generator=generator(how.seed, nodes))
    return few_labels(trained, (nodes - len(trained)) // 2, order)

"""One graph whose nodes carry labels: a batch is always the whole graph, a split is a mask."""

from collections.abc import Callable, Mapping, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from workbench.core.batch import Batch
from workbench.core.errors import DataError, nearest
from workbench.data._checks import check
from workbench.data._indexed import Epoch
from workbench.data.contract import Card, Field, Kind, Role

_SHOWN = 8


class Graph:
    """A graph with labelled nodes; inputs are ``x`` (nodes, features) and ``edge_index`` (2, edges)."""

    kind: Kind = "graph"
    target: Role = "classes"

    def __init__(
        self,
        *,
        name: str,
        card: Card,
        x: Float[Tensor, "nodes features"],
        edge_index: Int[Tensor, "2 edges"],
        y: Int[Tensor, " nodes"],
        labels: Sequence[str],
        masks: Mapping[str, Tensor],
        title: Callable[[int], str] = lambda node: f"node {node}",
    ) -> None:
        """Check the graph.

        Args:
            name: Of the data set.
            card: What a person should know about it.
            x: Numbers per node, (nodes, features).
            edge_index: From and to of every directed edge (int64), (2, edges).
            y: Class of every node (int64), (nodes,).
            labels: Names of the classes.
            masks: Nodes that count in each split (bool), (nodes,).
            title: How a node is called.

        Raises:
            DataError: The graph is empty or broken, or an edge leads to a node that does not exist.
        """
        nodes, features = x.shape
        self.name, self.card = name, card
        self.inputs: Sequence[Field] = (
            Field(name="x", kind="graph", shape=(nodes, features)),
            Field(name="edge_index", kind="graph", shape=(2, None)),
        )
        self.answer: Field | None = Field(name="class", kind="classes", shape=(nodes,), labels=tuple(labels))
        self.sizes: Mapping[str, int] = {"nodes": nodes, "features": features, "classes": len(labels)}
        self.splits: Sequence[str] = tuple(masks)
        self.x, self.edge_index, self.y, self.masks, self._title = x, edge_index, y, dict(masks), title
        for split, mask in masks.items():
            check(name, split, Batch({"x": x}, y, mask), self.answer)
        if edge_index.numel() and not 0 <= int(edge_index.min()) <= int(edge_index.max()) < nodes:
            raise DataError(
                f"The edges of {name} must join nodes 0 … {nodes - 1}; they go up to {int(edge_index.max())}."
            )

    def __repr__(self) -> str:
        counts = ", ".join(f"{split} {int(mask.sum())}" for split, mask in self.masks.items())
        return f"<{self.name}: graph → classes; nodes {counts}; {dict(self.sizes)}>"

    def size(self, split: str) -> int:
        """One graph; none where there is no such split."""
        return int(split in self.masks)

    def batch(self, split: str, index: Tensor) -> Batch:  # noqa: ARG002 - there is only one graph
        """The whole graph, with the nodes of the split counting.

        Raises:
            DataError: There is no such split.
        """
        if split not in self.masks:
            raise DataError(f"{self.name} has no split {split!r}.{nearest(split, self.masks)}")
        return Batch({"x": self.x, "edge_index": self.edge_index}, self.y, self.masks[split])

    def batches(self, split: str, order: Tensor, size: int) -> Sequence[Batch]:
        """One batch: the graph."""
        return Epoch(self, split, order, size)

    def sample_batch(self, n: int, split: str = "test") -> Batch:
        """The whole graph; a part of it would be another graph."""
        return self.batch(split, torch.arange(min(n, 1)))

    def look(self, split: str, i: int) -> str:
        """The i-th node that counts in the split, its class and its neighbours with theirs."""
        node = int(self.masks[split].nonzero()[i])
        answer = self.answer.labels if self.answer else ()
        beside = self.edge_index[1][self.edge_index[0] == node].tolist()
        rows = [f"  {self._title(other)}: {answer[int(self.y[other])]}" for other in beside[:_SHOWN]]
        rest = [f"  and {len(beside) - _SHOWN} more"] if len(beside) > _SHOWN else []
        head = f"{self._title(node)}: {answer[int(self.y[node])]}; {len(beside)} neighbours"
        return "\n".join([head, *rows, *rest])


def first_of_each(y: Int[Tensor, " nodes"], per_class: int, order: Int[Tensor, " nodes"]) -> Int[Tensor, " chosen"]:
    """The first nodes of each class in an order.

    Args:
        y: Class of every node.
        per_class: How many of each class.
        order: A permutation of the nodes.
    """
    return torch.cat([order[y[order] == c][:per_class] for c in range(int(y.max()) + 1)])


def few_labels(trained: Int[Tensor, " chosen"], validation: int, order: Int[Tensor, " nodes"]) -> dict[str, Tensor]:
    """Masks of the usual semi-supervised split: a few labelled nodes train, some validate, all others test.

    Kipf and Welling 2017, arXiv:1609.02907, section 5.1.

    Args:
        trained: Labelled nodes.
        validation: How many nodes validate.
        order: A permutation of the nodes; the first that do not train validate.
    """
    left = order[~torch.isin(order, trained)]
    parts = {"train": trained, "validation": left[:validation], "test": left[validation:]}
    masks = {name: torch.zeros(len(order), dtype=torch.bool) for name in parts}
    for name, nodes in parts.items():
        masks[name][nodes] = True
    return masks

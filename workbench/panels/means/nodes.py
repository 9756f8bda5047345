"""A node of the graph on show, whose answer is explained."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from torch import Tensor

from workbench.core.batch import Batch, is_pyg
from workbench.core.calling import scores
from workbench.core.errors import DataError
from workbench.interpret import targets
from workbench.panels.means.base import Means, Progress

if TYPE_CHECKING:
    from workbench.interpret import Session

_LISTED = 200
"""neighbours that can be chosen, and nodes that are offered while a number or name is typed"""


class Nodes(Means):
    """The nodes of a graph whose model answers for each."""

    keys: ClassVar[frozenset[str]] = frozenset({"node"})

    def __init__(self, names: Sequence[str]) -> None:
        """Begin with no node.

        Args:
            names: Of the nodes; empty where they have none.
        """
        self._names = tuple(names)

    def state(self) -> dict[str, Any]:
        """Which node of how many, what they are called, and those beside it with what the model says of each."""
        session = self.line.session
        value, called = scores(session.output), targets.namer(session.model, session.names)
        node = session.selection.node
        beside = neighbours(session.batch, node) if node is not None else []
        many = value.dim() == 2 and value.size(1) > 1  # noqa: PLR2004 - (nodes, classes)
        said = value.argmax(-1).tolist() if many else []
        listed = [{"node": i, "name": self._name(i), "said": called(said[i]) if said else ""} for i in beside[:_LISTED]]
        own = {"name": self._name(node), "said": called(said[node]) if said else ""} if node is not None else None
        return {
            "nodes": {
                "node": node,
                "count": len(value),
                "own": own,
                "listed": listed,
                "more": len(beside) - len(listed),
                "names": list(self._names[:_LISTED]),
            }
        }

    def forget(self) -> None:
        """Another graph is on show; the session has let go of the node."""

    def take(self, wish: Mapping[str, Any], progress: Progress) -> str:
        """Point at a node by its number or name; None points at none."""
        del progress
        session, given = self.line.session, wish["node"]
        count = len(scores(session.output))
        try:
            node = self._names.index(given) if given in self._names else None if given is None else int(given)
        except (TypeError, ValueError, OverflowError):
            node = -1
        if node is not None and not 0 <= node < count:
            raise DataError(f"There is no node {str(given)[:20]}: the graph has {count:,}, numbered from 0.")
        session.select(node=node)
        return ""

    def calls(self) -> list[dict[str, Any]]:
        """The node, where there is one."""
        node = self.line.session.selection.node
        return [] if node is None else [{"node": node}]

    def _name(self, node: int) -> str:
        return self._names[node] if node < len(self._names) else str(node)


def is_graph(session: "Session") -> bool:
    """Whether the input is one graph whose nodes are answered for one by one."""
    value = scores(session.output)
    nodes = _nodes(session.batch)
    return nodes > 0 and edges(session.batch) is not None and value.dim() > 0 and len(value) == nodes


def edges(batch: Batch) -> Tensor | None:
    """(2, edges) of a graph; None where there are none."""
    values = batch.inputs
    if isinstance(values, Mapping):
        found = values.get("edge_index")
    elif len(values) == 1 and is_pyg(values[0]):
        found = getattr(values[0], "edge_index", None)
    else:
        found = values[1] if len(values) > 1 else None
    fits = isinstance(found, Tensor) and found.dim() == 2 and len(found) == 2 and not found.is_floating_point()  # noqa: PLR2004 - (2, edges)
    return found if fits else None


def neighbours(batch: Batch, node: int) -> list[int]:
    """The nodes that an edge joins to this one, either way."""
    found = edges(batch)
    if found is None:
        return []
    start, end = found.cpu()
    beside = set(end[start == node].tolist()) | set(start[end == node].tolist())
    return sorted(int(i) for i in beside - {node})


def _nodes(batch: Batch) -> int:
    first = next(iter(batch.inputs.values())) if isinstance(batch.inputs, Mapping) else batch.inputs[0]
    if is_pyg(first):
        return int(first.num_nodes or 0)
    return len(first) if isinstance(first, Tensor) and first.dim() == 2 and first.is_floating_point() else 0  # noqa: PLR2004 - (nodes, features)

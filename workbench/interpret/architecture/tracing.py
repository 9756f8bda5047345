"""trace: the modules and tensors of a real forward as a graph, with residual connections and attention recognised."""

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from workbench.core.batch import Batch, is_pyg
from workbench.core.calling import Call
from workbench.core.calling import call as run
from workbench.core.errors import AddressError, nearest
from workbench.core.live import evaluating, look
from workbench.core.markup import columns
from workbench.interpret.architecture import drawing
from workbench.interpret.architecture.flow import MOST_OPERATIONS, Flow, Recorder
from workbench.interpret.architecture.layout import Plan, tensor
from workbench.interpret.architecture.planning import planned
from workbench.interpret.architecture.reading import Edge, Node, read
from workbench.interpret.batches import as_batch


@dataclass(frozen=True, kw_only=True, eq=False)
class Trace:
    """What one forward did: ``nodes``, parents before their children in the order of execution, and ``edges``."""

    model: str
    """name of the model's class"""
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    plan: Plan
    """how it is drawn: which nodes stand in which row, and which repeat"""
    warnings: tuple[str, ...] = ()
    """what is left out, a sentence each"""

    @property
    def attentions(self) -> int:
        """Attention that was computed: products of softmax weights with values."""
        inside = {node.parent for node in self.nodes if node.attention}
        return sum(node.attention and i not in inside for i, node in enumerate(self.nodes))

    @property
    def residuals(self) -> int:
        """Additions of an identity connection."""
        return sum(node.residual for node in self.nodes)

    @property
    def doubt(self) -> str:
        """What is left out, in a sentence."""
        return " ".join(self.warnings)

    @property
    def summary(self) -> str:
        """The graph in one line."""
        modules = sum(node.kind == "module" for node in self.nodes)
        calls = sum(node.operations for node in self.nodes if node.parent is None)
        return (
            f"{self.model}: {modules:,} module calls, {calls:,} torch calls, {self.attentions} attention, "
            f"{self.residuals} residual additions."
        )

    def __getitem__(self, path: str) -> Node:
        """The first call of a module.

        Raises:
            AddressError: No module of this path ran.
        """
        for node in self.nodes:
            if node.kind == "module" and node.path == path:
                return node
        known = [node.path for node in self.nodes if node.kind == "module"]
        raise AddressError(f"{self.model} ran no module {path!r}.{nearest(path, known)}")

    def svg(self, depth: int | None = None) -> str:
        """The architecture as a drawing that any program opens: an SVG without scripts, styles or foreign objects.

        Args:
            depth: How many levels of modules are open; None for as many as fit on a page.
        """
        return drawing.svg(self.plan, depth, f"{self.model}: architecture")

    def _repr_svg_(self) -> str:
        return self.svg()

    def __str__(self) -> str:
        rows = [
            (
                "\N{NO-BREAK SPACE}\N{NO-BREAK SPACE}" * self._depth(i) + (node.name or self.model),
                node.type,
                ", ".join(tensor(s, node.dtype) for s in node.shapes),
                " ".join(mark for mark in ("attention", "residual") if getattr(node, mark)),
            )
            for i, node in enumerate(self.nodes)
        ]
        return columns(("node", "type", "output", ""), rows, f"{self.summary} {self.doubt}".strip())

    __repr__ = __str__

    def _depth(self, index: int) -> int:
        parent = self.nodes[index].parent
        return 0 if parent is None else 1 + self._depth(parent)


def trace(model: nn.Module, batch: Any, call: Call | None = None, *, most: int = MOST_OPERATIONS) -> Trace:
    """The graph of one forward: modules, the torch calls between them, and the tensors on their way.

    Works for any module, without changing it: torch calls are watched from outside, tensors are followed by their
    identity, also where they are written to in place. One forward in evaluation mode; generator, modes and weights
    stay as they were. Only what ran on these inputs is there. Modules that pass their input through (dropout in
    evaluation) are left out, views are part of an edge, and constants are not followed.

    A *residual* addition is a sum of two tensors of one shape, one of which is computed from the other by way of
    parameters or attention: an identity shortcut (He et al. 2016, arXiv:1512.03385, equation 1). A shortcut with a
    projection of its own (equation 2) is a sum of two branches and is not marked. *Attention* is what
    ``interpret.attention`` sees.

    Args:
        model: Any module.
        batch: What it is called with.
        call: How it is called, where that is not the ordinary way.
        most: How many torch calls are recorded; further ones are counted.

    Returns:
        The graph; ``.svg()`` draws it.
    """
    recorder = Recorder(model, most=most)
    given = as_batch(batch)
    with look(), evaluating(model), torch.no_grad(), recorder.watch, recorder.attended:
        recorder.given(_named(model, given))
        with recorder:
            output = run(model, given, call=call)
        recorder.returned(output)
    flow = recorder.flow
    nodes, edges = read(flow)
    return Trace(
        model=type(model).__name__,
        nodes=tuple(nodes),
        edges=tuple(edges),
        plan=planned(nodes, edges),
        warnings=_warnings(flow, nodes),
    )


def _named(model: nn.Module, batch: Batch) -> Mapping[str, Any]:
    """The inputs by their names."""
    if isinstance(batch.inputs, Mapping):
        return {str(name): value for name, value in batch.inputs.items()}
    if len(batch.inputs) == 1 and is_pyg(batch.inputs[0]):
        return dict(batch.inputs[0].to_dict())
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    names = [n for n, p in inspect.signature(model.forward).parameters.items() if p.kind in kinds]
    return {names[i] if i < len(names) else f"input {i}": value for i, value in enumerate(batch.inputs)}


def _warnings(flow: Flow, nodes: Sequence[Node]) -> tuple[str, ...]:
    said: list[str] = []
    if flow.left_out:
        said.append(f"The first {len(flow.operations):,} torch calls are there; {flow.left_out:,} after them are not.")
    if not any(node.kind == "module" for node in nodes):
        said.append("No module was seen to run.")
    return tuple(said)

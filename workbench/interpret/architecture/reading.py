"""Reading a flow: which modules and torch calls are nodes, which tensors are edges, which additions are residual."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from workbench.interpret.architecture.flow import Flow, Frame, Operation, Value

Kind = Literal["input", "output", "module", "operation"]

_ADDITIONS = frozenset({"add", "__add__", "__radd__", "__iadd__", "add_"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Node:
    """A call of a module, or a torch call between modules."""

    kind: Kind
    name: str
    """of the input, the last word of the module's path, or the torch function"""
    path: str
    """of the module, ``path@1`` for its second call; for a torch call that of the module it ran in"""
    type: str
    """class of the module; the function for a torch call"""
    parent: int | None
    """index of the module call around it"""
    shapes: tuple[tuple[int, ...], ...] = ()
    """of the tensors it gives"""
    dtype: str = "float32"
    """of the first of them"""
    parameters: int = 0
    """of the module, with its submodules, each counted once"""
    operations: int = 0
    """torch calls in it"""
    attention: bool = False
    """whether it is, or directly contains, attention"""
    residual: bool = False
    """whether it adds an identity connection to what a learned part made of the same tensor"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Edge:
    """A tensor on its way from the node that made it to one that reads it; both have no nodes inside."""

    source: int
    target: int
    shape: tuple[int, ...]
    """as it leaves the source"""
    dtype: str
    views: tuple[str, ...] = ()
    """on the way: calls that look at the same numbers in another way, such as transpose"""
    residual: bool = False
    """whether it is the identity connection that skips a learned part"""


def read(flow: Flow) -> tuple[list[Node], list[Edge]]:
    """The nodes of a flow, parents before their children in the order of execution, and the edges between them."""
    reader = _Reader(flow)
    return reader.nodes, reader.edges


class _Reader:
    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self.nodes: list[Node] = []
        self.edges: list[Edge] = []
        self._skips = {i: skip for i in self._steps() if (skip := self._skip(i)) is not None}
        self._of_operation: dict[int, int] = {}
        self._of_input: dict[int, int] = {}
        self._inputs()
        self._tree()
        self._outputs = self._ends()
        self._connect()

    # Which torch calls are steps

    def _steps(self) -> list[int]:
        """Torch calls that are drawn and matter: something reads what they made, or they read parameters."""
        operations, values = self.flow.operations, self.flow.values
        wanted = {values[v].producer for v in self.flow.outputs.values()}
        for i in range(len(operations) - 1, -1, -1):
            operation = operations[i]
            if i in wanted or (operation.drawn and (operation.learned or operation.attention)):
                wanted.add(i)
                wanted.update(values[v].producer for v in operation.inputs)
        self._wanted = wanted
        return [i for i, operation in enumerate(operations) if i in wanted and operation.drawn]

    def _root(self, value: int) -> tuple[int, tuple[str, ...]] | None:
        """The value that a step or input made, and the views between; None for a constant."""
        views: list[str] = []
        while True:
            found = self.flow.values[value]
            if not found.live:
                return None
            operation = self.flow.operations[found.producer] if found.producer >= 0 else None
            if operation is None or operation.drawn:
                return value, tuple(reversed(views))
            views.append(operation.name)
            before = next((v for v in operation.inputs if self.flow.values[v].live), None)
            if before is None:
                return None
            value = before

    # Residual additions

    def _skip(self, index: int) -> int | None:
        """The value that an addition adds unchanged to what was learned from it."""
        operation = self.flow.operations[index]
        if operation.name not in _ADDITIONS or len(operation.inputs) != 2:  # noqa: PLR2004 - the two summands
            return None
        shape = self.flow.values[operation.outputs[0]].shape
        if any(self.flow.values[v].shape != shape for v in operation.inputs):
            return None
        roots = [self._root(v) for v in operation.inputs]
        if roots[0] is None or roots[1] is None:
            return None
        one, other = roots[0][0], roots[1][0]
        return one if self._learned_from(one, other) else other if self._learned_from(other, one) else None

    def _learned_from(self, origin: int, value: int) -> bool:
        """Whether a value is computed from another by way of parameters or attention."""
        flow, first = self.flow, self.flow.values[origin].producer
        seen: set[tuple[int, bool]] = set()
        todo = [(value, False)]
        while todo:
            at, learned = todo.pop()
            if (at, learned) in seen:
                continue
            seen.add((at, learned))
            if at == origin:
                if learned:
                    return True
                continue
            producer = flow.values[at].producer
            if producer > first:
                operation = flow.operations[producer]
                on = learned or operation.learned or operation.attention
                todo += [(v, on) for v in operation.inputs]
        return False

    # Nodes

    def _inputs(self) -> None:
        read = {root[0] for i in self._steps() for v in self.flow.operations[i].inputs if (root := self._root(v))}
        read |= {root[0] for v in self.flow.outputs.values() if (root := self._root(v))}
        for i, value in enumerate(self.flow.values):
            if value.producer < 0 and i in read:
                self._of_input[i] = len(self.nodes)
                self.nodes.append(_end("input", value.name, value))

    def _tree(self) -> None:
        frames, operations = self.flow.frames, self.flow.operations
        inside: dict[int, list[tuple[int, bool, int]]] = {}
        calls = [0] * (len(frames) + 1)
        for i, operation in enumerate(operations):
            calls[operation.frame] += 1
            if operation.drawn and i in self._wanted:
                inside.setdefault(operation.frame, []).append((i, False, i))
        for i in range(len(frames) - 1, -1, -1):  # children come after their parents
            if frames[i].parent >= 0:
                calls[frames[i].parent] += calls[i]
            if i in inside:
                inside.setdefault(frames[i].parent, []).append((frames[i].first, True, i))
        self._inside, self._calls = {key: sorted(rows) for key, rows in inside.items()}, calls
        todo: list[tuple[bool, int, int | None]] = [
            (is_frame, i, None) for _, is_frame, i in reversed(self._inside.get(-1, []))
        ]
        while todo:
            is_frame, i, parent = todo.pop()
            here = len(self.nodes)
            if not is_frame:
                self._of_operation[i] = here
                self.nodes.append(self._step(operations[i], i, parent))
            elif _atomic(frames[i], self._inside[i]):
                steps = [step for _, _, step in self._inside[i]]
                self._of_operation.update(dict.fromkeys(steps, here))
                self.nodes.append(self._module(i, parent, steps))
            else:
                self.nodes.append(self._module(i, parent, []))
                todo += [(other, j, here) for _, other, j in reversed(self._inside[i])]

    def _step(self, operation: Operation, index: int, parent: int | None) -> Node:
        made = [self.flow.values[v] for v in operation.outputs]
        return Node(
            kind="operation",
            name=operation.name.strip("_") or operation.name,
            path=self.flow.frames[operation.frame].path if operation.frame >= 0 else "",
            type=operation.name,
            parent=parent,
            shapes=tuple(value.shape for value in made),
            dtype=made[0].dtype,
            operations=1,
            attention=operation.attention,
            residual=index in self._skips,
        )

    def _module(self, index: int, parent: int | None, steps: Sequence[int]) -> Node:
        """A module call; with the steps of one that has no nodes inside."""
        frame, operations = self.flow.frames[index], self.flow.operations
        attends = any(operations[i].attention for _, is_frame, i in self._inside[index] if not is_frame)
        made = [self.flow.values[v] for i in steps for v in operations[i].outputs]
        return Node(
            kind="module",
            name=frame.path.rpartition(".")[2],
            path=frame.path + (f"@{frame.call}" if frame.call else ""),
            type=type(frame.module).__name__,
            parent=parent,
            shapes=frame.outputs,
            dtype=made[-1].dtype if made else "",
            parameters=sum(p.numel() for p in frame.module.parameters()),
            operations=self._calls[index],
            attention=attends or frame.attention,
            residual=any(i in self._skips for i in steps),
        )

    def _ends(self) -> list[tuple[int, int]]:
        """A node for every tensor that the model returns, with its value."""
        found: list[tuple[int, int]] = []
        for suffix, v in self.flow.outputs.items():
            value = self.flow.values[v]
            if self._root(v) is not None:
                found.append((len(self.nodes), v))
                key = suffix.strip("[]").replace("][", ".")
                name = key if key and not key[0].isdecimal() else f"output {key}".strip()
                self.nodes.append(_end("output", name, value))
        return found

    # Edges

    def _connect(self) -> None:
        known: dict[tuple[int, int, int], Edge] = {}
        ends = [(here, v, None) for i, here in self._of_operation.items() for v in self.flow.operations[i].inputs]
        skipped = {here: self._skips[i] for i, here in self._of_operation.items() if i in self._skips}
        for target, v, _ in [*ends, *((here, v, None) for here, v in self._outputs)]:
            root = self._root(v)
            source = None if root is None else self._node_of(root[0])
            if root is None or source is None or source == target or (source, target, root[0]) in known:
                continue
            value = self.flow.values[root[0]]
            known[source, target, root[0]] = Edge(
                source=source,
                target=target,
                shape=value.shape,
                dtype=value.dtype,
                views=root[1],
                residual=skipped.get(target) == root[0],
            )
        self.edges = sorted(known.values(), key=lambda edge: (edge.target, edge.source))

    def _node_of(self, value: int) -> int | None:
        producer = self.flow.values[value].producer
        return self._of_input.get(value) if producer < 0 else self._of_operation.get(producer)


def _end(kind: Kind, name: str, value: Value) -> Node:
    return Node(kind=kind, name=name, path="", type=kind, parent=None, shapes=(value.shape,), dtype=value.dtype)


def _atomic(frame: Frame, inside: Sequence[tuple[int, bool, int]]) -> bool:
    """Whether a module has no nodes inside: it makes one torch call, or it is one of torch's own without parts."""
    if any(is_frame for _, is_frame, _ in inside):
        return False
    return len(inside) == 1 or type(frame.module).__module__.startswith("torch.nn.modules")

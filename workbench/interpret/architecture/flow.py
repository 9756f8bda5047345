"""Flow: which torch call made which tensor of a real forward, and in which module, by the identity of the tensors."""

import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from workbench.taps import AttentionTap, Watch
from workbench.taps.kernels import unseen
from workbench.taps.values import tensors

MOST_OPERATIONS = 50_000
"""that are recorded one by one; how many more there were is counted"""

_VIEWS = """
view reshape transpose permute expand expand_as view_as contiguous unsqueeze squeeze flatten unflatten swapaxes
swapdims movedim narrow select chunk split tensor_split unbind __getitem__ T mT H mH t adjoint real data detach
clone to type type_as float half double bfloat16 int long bool cpu cuda alias view_as_real view_as_complex
_unsafe_view ravel atleast_1d atleast_2d atleast_3d broadcast_to hsplit vsplit split_with_sizes
"""

_FACTORIES = """
arange zeros ones full empty tensor zeros_like ones_like full_like empty_like rand randn randint rand_like
randn_like new_zeros new_ones new_full new_empty new_tensor eye linspace as_tensor from_numpy
"""

VIEWS, FACTORIES = frozenset(_VIEWS.split()), frozenset(_FACTORIES.split())
"""What looks at the same numbers in another way, which is part of a tensor's way and no step; what makes constants."""


@dataclass(slots=True)
class Value:
    """A tensor at one moment; one that is written to in place becomes another value."""

    producer: int
    """index of the operation, or -1 for an input of the model"""
    shape: tuple[int, ...]
    dtype: str
    live: bool
    """whether it depends on the inputs, or on what some module made; a constant is not followed"""
    learned: bool = False
    """whether it is a constant that depends on parameters"""
    name: str = ""
    """of an input"""


@dataclass(slots=True)
class Operation:
    """One torch call."""

    name: str
    frame: int
    """index of the module call in which it ran, or -1"""
    inputs: tuple[int, ...]
    """indices of values, without parameters and constants from outside"""
    live: bool
    learned: bool
    """whether it reads parameters"""
    attention: bool = False
    view: bool = False
    outputs: list[int] = field(default_factory=list[int])

    @property
    def drawn(self) -> bool:
        """Whether it is a step of its own."""
        return self.live and not self.view


@dataclass(slots=True)
class Frame:
    """One call of a module."""

    module: nn.Module
    path: str
    call: int
    """0 for its first"""
    parent: int
    """index of the call around it, or -1"""
    first: int
    """index of the first operation that ran since it began"""
    inputs: tuple[int, ...] = ()
    outputs: tuple[tuple[int, ...], ...] = ()
    """shapes of the tensors that it returned"""
    attention: bool = False
    """whether attention was seen in it that is no torch call, such as a softmax over edges"""


@dataclass(slots=True)
class Flow:
    """What one forward did, in the order in which it did it."""

    values: list[Value] = field(default_factory=list[Value])
    operations: list[Operation] = field(default_factory=list[Operation])
    frames: list[Frame] = field(default_factory=list[Frame])
    outputs: dict[str, int] = field(default_factory=dict[str, int])
    """values of the model's output by the suffix of their address"""
    left_out: int = 0
    """operations beyond those that were recorded"""


class Recorder(TorchFunctionMode):
    """Records the flow while a model runs in the thread that entered it; keeps no tensor alive."""

    def __init__(self, model: nn.Module, *, most: int = MOST_OPERATIONS) -> None:
        """A recorder that begins when it is entered, with ``watch`` and ``attended`` entered before it."""
        super().__init__()
        self.flow = Flow()
        self.watch = Watch(model, entered=self._entered, left=self._left)
        # Without room for weights it computes none, and says where attention is.
        self.attended = AttentionTap(model, max_bytes=0)
        self._most = most
        self._parameters = {id(p) for p in model.parameters()}
        self._known: dict[int, tuple[weakref.ref[Tensor], int, int]] = {}
        self._writers: dict[int, int] = {}
        self._calls: dict[nn.Module, int] = {}
        self._stack: list[int] = []
        self._told = 0

    def given(self, named: Mapping[str, Any]) -> None:
        """The inputs of the model."""
        for name, value in named.items():
            for suffix, tensor in tensors(value):
                if self._find(tensor) is None:
                    self._add(tensor, Value(-1, *_facts(tensor), live=True, name=f"{name}{suffix}"))

    def returned(self, output: Any) -> None:
        """The output of the model."""
        for suffix, tensor in tensors(output):
            found = self._find(tensor)
            if found is not None:
                self.flow.outputs[suffix] = found

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        named = kwargs or {}
        if len(self.flow.operations) >= self._most:
            self.flow.left_out += 1
            return func(*args, **named)
        with unseen():
            taken = list(_inside((args, named)))
            before = [_version(t) for t in taken]
            self._attend()
        output = func(*args, **named)
        with unseen():
            written = [t for t, version in zip(taken, before, strict=True) if _version(t) != version]
            made = [t for t in _inside(output) if all(t is not other for other in taken)]
            if made or written:
                self._note(_name(func), taken, [*written, *made])
                for tensor, value in zip(written, self.flow.operations[-1].outputs, strict=False):
                    self._writers[_storage(tensor)] = value
        return output

    def _note(self, name: str, taken: Sequence[Tensor], made: Sequence[Tensor]) -> None:
        flow, learned, inputs = self.flow, False, dict[int, None]()
        # Of other tensors a view takes the shape or type alone, unless they are indices; so does what makes constants.
        read = () if name in FACTORIES else taken[:1] if name in VIEWS and name != "__getitem__" else taken
        for tensor in read:
            found = self._find(tensor)
            if found is None:
                learned = learned or id(tensor) in self._parameters
            else:
                inputs[found] = None
                learned = learned or flow.values[found].learned
        live = any(flow.values[i].live for i in inputs)
        attention, self._told = len(self.attended.records) > self._told, len(self.attended.records)
        view = name in VIEWS and (sum(flow.values[i].live for i in inputs) == 1 or not live)
        here = self._stack[-1] if self._stack else -1
        operation = Operation(name, here, tuple(inputs), live, learned, attention, view)
        flow.operations.append(operation)
        producer = len(flow.operations) - 1
        for tensor in made:
            value = Value(producer, *_facts(tensor), live=live, learned=learned and not live)
            operation.outputs.append(self._add(tensor, value))

    def _entered(self, module: nn.Module, inputs: tuple[Any, ...]) -> None:
        if len(self.flow.operations) < self._most:
            with unseen():
                self._enter(module, inputs)

    def _enter(self, module: nn.Module, inputs: tuple[Any, ...]) -> None:
        self._attend()
        call = self._calls.get(module, 0)
        self._calls[module] = call + 1
        parent = self._stack[-1] if self._stack else -1
        taken = [found for t in _inside(inputs) if (found := self._find(t)) is not None]
        frame = Frame(module, self.watch.names[module], call, parent, len(self.flow.operations), tuple(taken))
        self._stack.append(len(self.flow.frames))
        self.flow.frames.append(frame)

    def _left(self, module: nn.Module, output: Any) -> None:
        with unseen():
            self._leave(module, output)

    def _leave(self, module: nn.Module, output: Any) -> None:
        self._attend()
        running = [i for i in self._stack if self.flow.frames[i].module is module]
        if not running:  # it began beyond what is recorded
            return
        frame = self.flow.frames[running[-1]]
        del self._stack[self._stack.index(running[-1]) + 1 :]  # forwards that raised and were caught inside the model
        made = [tensor for _, tensor in tensors(output)]
        frame.outputs = tuple(tuple(t.shape) for t in made)
        unknown = [t for t in made if self._find(t) is None and id(t) not in self._parameters]
        if unknown:
            self._unseen(frame, unknown)
        self._explain(frame, made)
        self._stack.pop()

    def _unseen(self, frame: Frame, made: Sequence[Tensor]) -> None:
        """Tensors that no call was seen to make: by compiled code of others."""
        name = type(frame.module).__name__
        operation = Operation(name, self._stack[-1], frame.inputs, live=True, learned=True)
        self.flow.operations.append(operation)
        for tensor in made:
            value = Value(len(self.flow.operations) - 1, *_facts(tensor), live=True)
            operation.outputs.append(self._add(tensor, value))

    def _explain(self, frame: Frame, made: Sequence[Tensor]) -> None:
        """What a module makes is followed, also where it follows from no input or only looks at one in another way."""
        operations, values = self.flow.operations, self.flow.values
        found = [v for t in made if (v := self._find(t)) is not None and values[v].producer >= frame.first]
        if any(not values[v].live for v in found):
            for operation in operations[frame.first :]:
                operation.live = operation.live or operation.name not in FACTORIES
        if found and not any(operation.drawn for operation in operations[frame.first :]):
            for v in found:
                operation = operations[values[v].producer]
                operation.live, operation.view = True, False
        for operation in operations[frame.first :] if found else ():
            for v in operation.outputs if operation.live else ():
                values[v].live = True

    def _attend(self) -> None:
        """Attention that was seen since the last torch call belongs to the module that is running."""
        if len(self.attended.records) > self._told:
            self._told = len(self.attended.records)
            if self._stack:
                self.flow.frames[self._stack[-1]].attention = True

    def _find(self, tensor: Tensor) -> int | None:
        known = self._known.get(id(tensor))
        if known is not None and known[0]() is tensor:
            # Another version: it was written to under another name, through a view of the same numbers.
            return known[1] if known[2] == _version(tensor) else self._writers.get(_storage(tensor), known[1])
        return None

    def _add(self, tensor: Tensor, value: Value) -> int:
        self.flow.values.append(value)
        index = len(self.flow.values) - 1
        self._known[id(tensor)] = (weakref.ref(tensor), index, _version(tensor))
        return index


def _inside(value: Any) -> Iterator[Tensor]:
    """The tensors in the arguments or results of a torch call."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, tuple | list):
        for one in value:
            yield from _inside(one)
    elif isinstance(value, Mapping):
        yield from _inside(list(value.values()))


def _facts(tensor: Tensor) -> tuple[tuple[int, ...], str]:
    return tuple(tensor.shape), str(tensor.dtype).removeprefix("torch.")


def _name(func: Callable[..., Any]) -> str:
    name = getattr(func, "__name__", type(func).__name__)
    if name == "__get__":  # of an attribute such as .T
        name = getattr(getattr(func, "__self__", None), "__name__", name)
    return name.split(".")[0]  # overloads are called "softmax.int"


def _version(tensor: Tensor) -> int:
    return -1 if tensor.is_inference() else tensor._version  # noqa: SLF001 - torch's only mark of a change in place


def _storage(tensor: Tensor) -> int:
    try:
        return tensor.untyped_storage()._cdata  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - the identity of the numbers, while the tensor lives
    except (NotImplementedError, RuntimeError):  # sparse tensors have none
        return id(tensor)

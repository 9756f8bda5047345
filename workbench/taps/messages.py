"""Messages: follows the weights of a graph's edges until what they are multiplied with has been summed at its nodes.

Only then is it known what the weights did, so only then can they be checked: the sum over the edges into a node of
weight x message, of the edges and weights that were recorded, against the sum that the layer made.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from workbench.taps.following import Followed
from workbench.taps.kernels import relative_error, unseen
from workbench.taps.products import TIMES

_ADDING = frozenset({"scatter_add", "scatter_add_", "index_add", "index_add_"})
"""(sums, axis, where each message goes, messages)"""
_REDUCING = frozenset({"segment_reduce", "_segment_reduce"})
"""(messages, what is done with them, ...)"""
_ADDING_RUNS = frozenset({"segment_sum_csr"})
"""(messages, where the runs begin, ...)"""
SUMS = _ADDING | _REDUCING | _ADDING_RUNS

_PIECE = 1 << 22
"""numbers of a product that is formed anew at one time"""


@dataclass(frozen=True, slots=True)
class Message:
    """Weights of edges times something."""

    record: int
    """of the weights"""
    shape: tuple[int, ...]
    """of the weights in this product"""
    values: Tensor
    """(edges, ...), what they are multiplied with"""


class Messages:
    """Follows weights of edges through casts and views to messages, and those to the call that sums them."""

    def __init__(self) -> None:
        self._weights = Followed[int]()
        self._messages = Followed[Message]()
        self.entries: tuple[dict[int, Any], ...] = (self._weights.entries, self._messages.entries)
        """of all that is followed"""

    def clear(self) -> None:
        """Forget every tensor."""
        self._weights.clear()
        self._messages.clear()

    def add(self, weights: Tensor, record: int) -> None:
        """Follow the weights of a record.

        Args:
            weights: (edges, ...), as the model goes on with them.
            record: Its number.
        """
        self._weights.add(weights, record)

    def note(self, name: str, args: Sequence[Any], output: Any) -> None:
        """Take notice of a torch call of the model.

        Args:
            name: Name of the function.
            args: Its arguments.
            output: Its result.
        """
        if not any(self.entries) or not isinstance(output, Tensor):
            return
        source = next((one for one in args if one in self._weights or one in self._messages), None)
        if source is None or output is source:
            return
        if name in TIMES:
            if len(args) > 1:
                self._multiply(source, torch.as_tensor(args[1] if args[0] is source else args[0]), output)
        elif "dropout" not in name and output.numel() == source.numel() and output.is_floating_point():
            for followed in (self._weights, self._messages):
                known: Any = followed.get(source)
                if known is not None:
                    followed.add(output, known)

    def _multiply(self, source: Tensor, other: Tensor, output: Tensor) -> None:
        record, message = self._weights.get(source), self._messages.get(source)
        shape, values = tuple(source.shape), other
        if message is not None:  # the weights times something, once more
            record = message.record
            with torch.no_grad(), unseen():
                if source.numel() == math.prod(message.shape) and message.values.dim() <= len(message.shape):
                    values = message.values.expand(message.shape).reshape(shape) * other
                elif source.dim() == message.values.dim() == other.dim():
                    shape, values = message.shape, message.values * other
                else:
                    return
        if record is not None:
            self._messages.add(output, Message(record, shape, values))

    def find(self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Message | None:
        """The messages that a torch call is about to sum, if they are weights times something.

        Args:
            name: Name of the torch call, one of ``SUMS``.
            args: Its arguments.
            kwargs: Its named arguments.
        """
        message = next((m for one in (*args, *kwargs.values()) if (m := self._messages.get(one)) is not None), None)
        if message is None:
            return None
        if name in _REDUCING:
            return message if "sum" in (*args[1:2], kwargs.get("reduce")) else None
        if name in _ADDING:
            sums, axis = args[0], args[1] if len(args) > 1 else kwargs.get("dim")
            with unseen():
                plain = axis in (0, -sums.dim()) and "alpha" not in kwargs and not bool(sums.any())
            return message if plain else None
        return message


def summed_error(message: Message, weights: Tensor, targets: Tensor, sums: Tensor) -> float | None:
    """The largest error of sums of weight x message against a layer's own, over the largest of those.

    Args:
        message: What the weights are multiplied with.
        weights: (edges, heads) as they were recorded.
        targets: (edges,) the node that each edge leads to, as it was recorded.
        sums: (nodes, ...), what the layer made of them.

    Returns:
        None where the shapes say that this is another layout.
    """
    edges, *width = torch.broadcast_shapes(message.shape, message.values.shape)
    if not message.shape[0] == edges == len(weights) or weights.numel() != math.prod(message.shape):
        return None
    if sums.numel() != len(sums) * math.prod(width):
        return None
    values = message.values.expand(edges, *width)
    weights, targets = weights.to(sums.device).view(message.shape), targets.to(sums.device)
    mine = torch.zeros(len(sums), *width, device=sums.device)
    each = max(_PIECE // max(math.prod(width), 1), 1)
    for start in range(0, edges, each):
        some = slice(start, start + each)
        mine.index_add_(0, targets[some], weights[some] * values[some].float())
    return relative_error(mine.view_as(sums), sums)

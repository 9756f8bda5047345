"""WrittenAttention: attention that a model writes out in torch calls, found by following what softmax returned."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from workbench.taps.edges import record_edges, softmax_frame
from workbench.taps.gating import gated
from workbench.taps.kernels import relative_error, unseen
from workbench.taps.layouts import Points
from workbench.taps.messages import SUMS, Message, Messages, summed_error
from workbench.taps.pieces import Pieces
from workbench.taps.products import OVER, TIMES, Sampling, SoftmaxProducts
from workbench.taps.records import Computed
from workbench.taps.windowing import windows

if TYPE_CHECKING:
    from workbench.taps.capture import AttentionTap


class WrittenAttention:
    """Runs the torch calls of a model, and records the attention that they are part of in a tap."""

    def __init__(self, tap: "AttentionTap") -> None:
        self._tap = tap
        self._products, self._messages, self._pieces = SoftmaxProducts(), Messages(), Pieces(tap)
        self._followed = (*self._products.entries, *self._messages.entries)

    def clear(self) -> None:
        """Forget every tensor."""
        self._products.clear()
        self._messages.clear()

    def close(self, module: nn.Module, output: Any) -> None:
        """A module ends.

        Args:
            module: Which.
            output: What it gives out.
        """
        self._pieces.close(module, output)

    def product(self, function: Callable[..., Any], name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """A matrix product, recorded when one operand is a softmax and the other an activation."""
        found = self._products.find(name, args, kwargs)
        output = function(*args, **kwargs)
        if found is None:
            if self._tap.wanted():  # weights that are mixed over heads by a parameter are weights still
                self._products.note(name, args, output)
            return output
        piece = self._pieces.add(found, output)
        if piece is not None:
            return piece

        def compute() -> Computed:
            return Computed(found.weights, error=relative_error(found.again(found.weights), output))

        factors = self._tap.record("softmax", found.weights.numel(), compute, layout=windows())
        return output if factors is None else gated(output, factors, found.heads, self._tap.records[-1].module)

    def other(self, function: Callable[..., Any], name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Any other torch call; results of softmax are followed, and what is sampled at points."""
        found = self._products.find_sampling(args) if name in TIMES and self._products.samples else None
        message = self._messages.find(name, args, kwargs) if name in SUMS else None
        output = function(*args, **kwargs)
        if self._tap.wanted():
            self._products.note(name, args, output)
            self._messages.note(name, args, output)
        if message is not None:
            self._prove(message, output)
        if found is not None:
            layout = Points.of(found.grids)
            compute = lambda: sampled(found, output)  # noqa: E731 - two words
            self._tap.record("deformable", found.weights.numel(), compute, pairs=False, layout=layout, crosses=True)
        softmax = softmax_frame() if name in OVER or name == "softmax_csr" else None
        if softmax is not None and self._tap.wanted():
            count = len(self._tap.records)
            factors = record_edges(self._tap, output, softmax)
            if factors is not None:
                return output * factors
            if len(self._tap.records) > count:
                self._messages.add(output, count)
        return output

    def _prove(self, message: Message, sums: Tensor) -> None:
        """Check the weights of edges by what their layer has made of them."""
        record = self._tap.records[message.record]
        with torch.no_grad(), unseen():
            each = record.each
            error = None if each is None else summed_error(message, *each, sums)
        if error is not None:
            self._tap.records[message.record] = replace(record, proof=lambda: error)

    @property
    def idle(self) -> bool:
        """Whether nothing is followed: only calls with which something begins are of interest."""
        return not any(self._followed)

    @property
    def follows(self) -> bool:
        """Whether there is a result of softmax that may yet multiply something."""
        return self._products.follows


def sampled(found: Sampling, output: Tensor) -> Computed:
    """Weights over points, with the error of their weighted sums against the layer's own."""
    mine = torch.einsum("bqp,bdqp->bdq", found.weights, found.values)
    return Computed(found.weights, error=relative_error(mine, output.sum(-1)))

"""Recurrent layers of torch, written out step by step; the arguments are those of ``torch.lstm`` and its like."""

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from workbench.interpret.attributions._method import Refused

State = tuple[Tensor, ...]
Cell = Callable[[Tensor, State, Sequence[Tensor]], State]
"""(input, state, weights) -> state, of which the first is given out"""


def lstm_cell(x: Tensor, state: Any, *weights: Tensor) -> State:
    """``torch.lstm_cell``: Hochreiter and Schmidhuber 1997, with a forget gate."""
    gates = _linear(x, weights, 0) + _linear(state[0], weights, 1)
    entering, kept, new, leaving = gates.chunk(4, -1)
    cell = torch.sigmoid(kept) * state[1] + torch.sigmoid(entering) * torch.tanh(new)
    return torch.sigmoid(leaving) * torch.tanh(cell), cell


def gru_cell(x: Tensor, state: Tensor, *weights: Tensor) -> Tensor:
    """``torch.gru_cell``: Cho et al. 2014."""
    seen, known = _linear(x, weights, 0).chunk(3, -1), _linear(state, weights, 1).chunk(3, -1)
    reset, kept = torch.sigmoid(seen[0] + known[0]), torch.sigmoid(seen[1] + known[1])
    new = torch.tanh(seen[2] + reset * known[2])
    return new - kept * new + kept * state


def rnn_cell(activation: Callable[[Tensor], Tensor]) -> Callable[..., Tensor]:
    """``torch.rnn_tanh_cell`` or ``torch.rnn_relu_cell``."""

    def cell(x: Tensor, state: Tensor, *weights: Tensor) -> Tensor:
        return activation(_linear(x, weights, 0) + _linear(state, weights, 1))

    return cell


def lstm(*args: Any) -> tuple[Tensor, Tensor, Tensor]:
    """``torch.lstm``: output, last hidden states and last cell states."""
    output, (hidden, cells) = _layers(lambda x, s, w: lstm_cell(x, s, *w), args, args[1])
    return output, hidden, cells


def gru(*args: Any) -> tuple[Tensor, Tensor]:
    """``torch.gru``: output and last hidden states."""
    output, (hidden,) = _layers(lambda x, s, w: (gru_cell(x, s[0], *w),), args, (args[1],))
    return output, hidden


def rnn(activation: Callable[[Tensor], Tensor]) -> Callable[..., tuple[Tensor, Tensor]]:
    """``torch.rnn_tanh`` or ``torch.rnn_relu``: output and last hidden states."""
    cell = rnn_cell(activation)

    def layers(*args: Any) -> tuple[Tensor, Tensor]:
        output, (hidden,) = _layers(lambda x, s, w: (cell(x, s[0], *w),), args, (args[1],))
        return output, hidden

    return layers


def _layers(cell: Cell, args: Sequence[Any], start: Sequence[Tensor]) -> tuple[Tensor, State]:
    """All layers and directions; (input, state, weights, biases?, layers, dropout, train, both ways?, batch first?)."""
    x, flat, layers, both, batch_first = args[0], args[2], args[4], args[7], args[8] if len(args) > 8 else False  # noqa: PLR2004 - packed sequences have no such place
    if not isinstance(flat, list | tuple) or (isinstance(args[1], Tensor) and args[1].dim() == 1):
        raise Refused("its recurrent layer runs packed sequences, which are not written out.")
    each = len(flat) // (layers * (2 if both else 1))
    if each not in (2, 4):
        raise Refused("its recurrent layer projects its state, which is not written out.")
    steps = list((x.transpose(0, 1) if batch_first else x).unbind(0))
    ends: list[State] = []
    place = count()
    for _ in range(layers):
        ways: list[list[Tensor]] = []
        for backwards in (False, True)[: 2 if both else 1]:
            i = next(place)
            state: State = tuple(s[i] for s in start)
            weights, given = flat[i * each : (i + 1) * each], []
            for step in reversed(steps) if backwards else steps:
                state = cell(step, state, weights)
                given.append(state[0])
            ends.append(state)
            ways.append(given[::-1] if backwards else given)
        steps = [torch.cat(parts, -1) for parts in zip(*ways, strict=True)]
    output = torch.stack(steps, 1 if batch_first else 0)
    return output, tuple(torch.stack(parts) for parts in zip(*ends, strict=True))


def _linear(x: Tensor, weights: Sequence[Tensor], which: int) -> Tensor:
    return F.linear(x, weights[which], weights[2 + which] if len(weights) > 2 else None)  # noqa: PLR2004 - (w, w, b, b)

"""The batches of an epoch, made when they are asked for."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol, overload

from torch import Tensor

from workbench.core.batch import Batch, Inputs

BLOCK_BYTES = 4 << 20
"""how much is gathered at once: more does not fit a core's cache, less pays for every small batch"""

BLOCK_BATCHES = 64
"""how many batches are gathered at once at most"""


class Indexable(Protocol):
    """Whatever hands out the examples of an index."""

    def batch(self, split: str, index: Tensor) -> Batch:
        """The examples at these positions."""
        ...


class Epoch(Sequence[Batch]):
    """The batches of one epoch in a given order; each is made when it is asked for."""

    def __init__(self, data: Indexable, split: str, order: Tensor, size: int) -> None:
        """Cut the order into batches.

        Args:
            data: Where the examples come from.
            split: Which of its splits.
            order: Positions (int64), in the order of the epoch.
            size: Examples in one batch; the last may have fewer.
        """
        self._data, self._split, self._order, self._size = data, split, order, size
        self._count = -(-len(order) // size)

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, i: int) -> Batch: ...
    @overload
    def __getitem__(self, i: slice) -> list[Batch]: ...
    def __getitem__(self, i: int | slice) -> Batch | list[Batch]:
        if isinstance(i, slice):
            return [self._make(j) for j in range(self._count)[i]]
        return self._make(range(self._count)[i])

    def _rows(self, first: int, count: int) -> Tensor:
        """The positions of some batches in a row."""
        return self._order[first * self._size : (first + count) * self._size]

    def _make(self, i: int) -> Batch:
        return self._data.batch(self._split, self._rows(i, 1))


class Blocks(Epoch):
    """Gathers many small batches at once, so that a batch is a view and costs almost nothing.

    For data whose ``batch`` is one gather of tensors, where a batch of many examples is those of few in a row.
    """

    def __init__(self, data: Indexable, split: str, order: Tensor, size: int) -> None:
        super().__init__(data, split, order, size)
        self._number, self._ready = -1, list[Batch]()
        one = data.batch(split, order[:1]) if len(order) else Batch(())
        row = sum(tensor.numel() * tensor.element_size() for tensor in one.tensors())
        self._per = max(1, min(BLOCK_BATCHES, BLOCK_BYTES // max(1, row * size)))

    def _make(self, i: int) -> Batch:
        number, at = divmod(i, self._per)
        if number != self._number:
            rows = self._rows(number * self._per, self._per)
            self._ready = _split(self._data.batch(self._split, rows), self._size, -(-len(rows) // self._size))
            self._number = number
        return self._ready[at]


def _split(whole: Batch, size: int, count: int) -> list[Batch]:
    targets = [None] * count if whole.target is None else whole.target.split(size)
    masks = [None] * count if whole.mask is None else whole.mask.split(size)
    inputs: Iterable[Inputs]
    if isinstance(whole.inputs, Mapping):
        parts = {name: value.split(size) for name, value in whole.inputs.items()}
        inputs = [{name: part[i] for name, part in parts.items()} for i in range(count)]
    else:
        inputs = zip(*(value.split(size) for value in whole.inputs), strict=True)
    return [Batch(*row) for row in zip(inputs, targets, masks, strict=True)]

"""The common case: splits that are tensors in memory."""

from collections.abc import Callable, Mapping, Sequence
from typing import cast

import torch
from torch import Tensor

from workbench.core.batch import Batch
from workbench.core.errors import DataError, nearest
from workbench.data._checks import check
from workbench.data._indexed import Blocks
from workbench.data._looks import answered, example
from workbench.data._sizes import main_kind, sizes_of
from workbench.data.contract import Card, Field, Kind, Role

Show = Callable[[Batch], str]
"""(batch of one) -> how it looks to a person."""


class Arrays:
    """Splits that are tensors in memory."""

    def __init__(
        self,
        *,
        name: str,
        card: Card,
        inputs: Sequence[Field],
        answer: Field | None,
        parts: Mapping[str, Batch],
        show: Show | None = None,
    ) -> None:
        """Check the parts and derive the sizes.

        Args:
            name: Of the data set.
            card: What a person should know about it.
            inputs: Fields of the inputs, in their order.
            answer: Field of the target, if there is one.
            parts: All examples of each split as one batch.
            show: How one example looks; by the kind of the first input when not given.

        Raises:
            DataError: A part is empty, broken, or does not fit its field.
        """
        for split, whole in parts.items():
            check(name, split, whole, answer)
        self.name, self.card, self.answer = name, card, answer
        self.inputs: Sequence[Field] = tuple(inputs)
        self.kind: Kind = main_kind(inputs)
        self.target: Role = "none" if answer is None else cast("Role", answer.kind)
        self.sizes: Mapping[str, int] = sizes_of(inputs, answer)
        self.splits: Sequence[str] = tuple(parts)
        self._parts, self._show = dict(parts), show

    def __repr__(self) -> str:
        rows = ", ".join(f"{split} {self.size(split)}" for split in self.splits)
        return f"<{self.name}: {self.kind} → {self.target}; {rows}; {dict(self.sizes)}>"

    def part(self, split: str) -> Batch:
        """All examples of a split as one batch.

        Raises:
            DataError: There is no such split.
        """
        if split not in self._parts:
            raise DataError(f"{self.name} has no split {split!r}.{nearest(split, self._parts)}")
        return self._parts[split]

    def size(self, split: str) -> int:
        """How many examples a split has; none where there is no such split."""
        return len(self._parts[split]) if split in self._parts else 0

    def batch(self, split: str, index: Tensor) -> Batch:
        """The examples at the positions of an index (int64)."""
        return self.part(split).map(lambda tensor: tensor.index_select(0, index))

    def batches(self, split: str, order: Tensor, size: int) -> Sequence[Batch]:
        """The batches of one epoch in this order; small ones are views of a larger gather."""
        return Blocks(self, split, order, size)

    def sample_batch(self, n: int, split: str = "test") -> Batch:
        """The first n examples of a split, or all where there are fewer."""
        return self.part(split).map(lambda tensor: tensor[:n])

    def look(self, split: str, i: int) -> str:
        """One example as a person would read it, with its target in words."""
        one = self.batch(split, torch.tensor([i]))
        if self._show is not None:
            shown = self._show(one)
        else:
            values = one.inputs.values() if isinstance(one.inputs, Mapping) else one.inputs
            shown = "\n".join(example(field, value[0]) for field, value in zip(self.inputs, values, strict=False))
        return shown + answered(self.answer, None if one.target is None else one.target[0])

"""The order of examples: a function of (seed, epoch), so that no position needs to be stored."""

from collections.abc import Sequence

import torch

from workbench.core import seeds
from workbench.core.batch import Batch
from workbench.core.errors import DataError
from workbench.train.contract import Job
from workbench.train.settings import Settings


class Order:
    """The batches of one split for phases that take part in every n-th step."""

    def __init__(self, job: Job, split: str, every: int) -> None:
        """Check the split.

        Args:
            job: Data, seed and settings.
            split: Which split.
            every: Only every n-th step takes batches.

        Raises:
            DataError: The data has no such split, or it is empty.
        """
        settings = job.settings
        assert isinstance(settings, Settings)  # noqa: S101 - the loop has refused anything else
        self.split, self._data, self._seed, self._device = split, job.data, job.seed, job.device
        self._every, self._size, self._each = every, settings.batch_size, settings.accumulate
        if split not in job.data.splits:
            raise DataError(f"The data has no split {split!r}; it has {', '.join(job.data.splits)}.")
        self.examples = int(job.data.size(split))
        if self.examples < 1:
            raise DataError(f"The {split} split is empty: there is nothing to learn from.")
        self.per_epoch = -(-self.examples // self._size)
        self.end: int | None = None
        """batches after which nothing is taken; None for no such end"""
        self._epoch, self._moves = -1, False
        self._batches: Sequence[Batch] = ()

    def one(self, step: int) -> Batch:
        """The batch of a step that takes one."""
        return self._at(step // self._every)

    def several(self, step: int) -> Sequence[Batch]:
        """The batches whose gradients make one step; they may reach into the next epoch, not beyond the last."""
        first = step // self._every * self._each
        last = first + self._each if self.end is None else max(first + 1, min(first + self._each, self.end))
        return [self._at(i) for i in range(first, last)]

    def place(self, step: int, i: int) -> tuple[int, int]:
        """(epoch, position in it), both from 0, of the i-th batch of a step."""
        return divmod(step // self._every * self._each + i, self.per_epoch)

    def epochs(self, step: int) -> int:
        """How many passes are complete after so many steps."""
        return step // self._every * self._each // self.per_epoch

    def steps(self, epochs: int) -> int:
        """How many steps make so many passes."""
        return -(-epochs * self.per_epoch // self._each) * self._every

    def _at(self, i: int) -> Batch:
        epoch, position = divmod(i, self.per_epoch)
        if epoch != self._epoch:
            self._shuffle(epoch)
        batch = self._batches[position]
        return batch.to(self._device) if self._moves else batch

    def _shuffle(self, epoch: int) -> None:
        first_time, self._epoch = self._epoch < 0, epoch
        if self.examples == 1 and not first_time:  # a whole graph: there is nothing to shuffle or to move again
            return
        order = torch.randperm(self.examples, generator=seeds.generator(self._seed, epoch), device="cpu")
        self._batches = self._data.batches(self.split, order, self._size)
        first = self._batches[0]
        plain = first.tensors()
        self._moves = any(tensor.device != self._device for tensor in plain) or not plain
        if self.examples == 1 and self._moves:
            self._batches, self._moves = [first.to(self._device)], False

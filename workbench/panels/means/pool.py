"""Pool: the examples among which a person chooses, and the search for one that the model gets wrong."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from workbench.core.batch import Batch
from workbench.core.calling import call, scores
from workbench.core.live import evaluating, look
from workbench.interpret import Session

_TOGETHER = 256
"""examples that are put through the model at a time; between two such blocks training goes on"""


@dataclass(frozen=True, slots=True)
class Pool:
    """A split of a data set."""

    data: Any
    """a ``Dataset``"""
    split: str

    def __len__(self) -> int:
        return int(self.data.size(self.split))

    def block(self, start: int, size: int) -> Batch:
        """So many examples from a position on, fewer at the end."""
        return self.data.batch(self.split, torch.arange(start, min(start + size, len(self))))

    def blocks(self) -> Iterator[tuple[int, Batch]]:
        """All examples, with the position of the first of each block."""
        for start in range(0, len(self), _TOGETHER):
            yield start, self.block(start, _TOGETHER)


def tells_right_from_wrong(session: Session) -> bool:
    """Whether the input says which class each example has: scores (examples, classes), targets (examples,)."""
    value, target = scores(session.output), session.batch.target
    fits = value.dim() == 2 and value.shape[-1] > 1 and target is not None  # noqa: PLR2004 - (examples, classes)
    return fits and target is not None and target.dtype == torch.int64 and target.shape == value.shape[:1]


def misclassified(
    session: Session, blocks: Iterable[tuple[int, Batch]], after: int, progress: Callable[[int], bool]
) -> tuple[int | None, int]:
    """The first example whose predicted class differs from its target; the next one if ``after`` is one itself.

    Args:
        session: The model.
        blocks: The examples, with the position of the first of each block.
        after: The example on show.
        progress: Told how many were looked at; returns whether to go on.

    Returns:
        Its position, None where there is none, and how many were looked at.
    """
    first, here, seen = None, False, 0
    for start, batch in blocks:
        found = (_wrong(session, batch).nonzero().flatten() + start).tolist()
        first = found[0] if first is None and found else first
        here = here or after in found
        seen = start + len(batch)
        later = [at for at in found if at > after]
        if here and later:
            return later[0], seen
        if (first is not None and not here and seen > after) or not progress(seen):
            break
    return first, seen


def _wrong(session: Session, batch: Batch) -> Tensor:
    """(examples,) booleans."""
    assert batch.target is not None  # noqa: S101 - asked before
    with look(), evaluating(session.model), torch.no_grad():
        predicted = scores(call(session.model, batch, call=session.call)).argmax(-1).cpu()
    wrong = predicted != batch.target.cpu()
    return wrong if batch.mask is None else wrong & batch.mask.cpu()

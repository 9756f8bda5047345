"""Examples that stay where they are and are put together by index."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor

from workbench.core.batch import Batch
from workbench.core.errors import DataError, nearest
from workbench.data._checks import check, named_parts
from workbench.data._indexed import Epoch
from workbench.data._kinds import Seen, readable
from workbench.data._looks import answered, example
from workbench.data._sizes import main_kind, sizes_of
from workbench.data._sources._rows import Rows, fields_of, own_card
from workbench.data._splits import by_seed
from workbench.data.contract import Field, Kind, Role

if TYPE_CHECKING:
    from workbench.data._own import Own

SCAN = 256


class Collated:
    """A map-style data set of torch, split by seed."""

    def __init__(self, examples: Any, collate: Callable[[list[Any]], Batch], how: "Own") -> None:
        """Look at every example once, for the labels and for what is broken.

        Args:
            examples: Has a length and examples by position.
            collate: Puts a list of examples together.
            how: What the person said about them.

        Raises:
            DataError: An example is broken, or they cannot be put together.
        """
        self._examples, self._collate, self._how = examples, collate, how
        self.name, self.card = how.name, own_card(len(examples), "a DataLoader")
        self._at = by_seed(len(examples), how.seed, validation=how.validation, test=how.test)
        self.splits: Sequence[str] = tuple(self._at)
        fields, answer = fields_of(self._scan(), Rows(whole=Batch(()), source=""), (), how)
        self.inputs: Sequence[Field] = tuple(fields)
        self.answer: Field | None = answer
        self.kind: Kind = main_kind(fields)
        self.target: Role = "none" if answer is None else cast("Role", answer.kind)
        self.sizes: Mapping[str, int] = sizes_of(fields, answer)

    def __repr__(self) -> str:
        rows = ", ".join(f"{split} {self.size(split)}" for split in self.splits)
        return f"<{self.name}: {self.kind} → {self.target}; {rows}; {dict(self.sizes)}>"

    def _scan(self) -> Mapping[str, Seen]:
        """What all examples have in common, part by part."""
        seen: dict[str, Seen] = {}
        for rows in torch.arange(len(self._examples)).split(SCAN):
            batch = self._made(rows)
            check(self.name, f"rows {int(rows[0])} … {int(rows[-1])}", batch, None)
            for part, tensor in named_parts(batch).items():
                seen[part] = seen[part].and_also(Seen.of(tensor)) if part in seen else Seen.of(tensor)
        return seen

    def _made(self, rows: Tensor) -> Batch:
        try:
            collated = self._collate([self._examples[i] for i in rows.tolist()])
        except RuntimeError as error:
            raise DataError(f"The examples of {self.name} cannot be put together: {error}.") from error
        return readable(collated, self._how)

    def size(self, split: str) -> int:
        """How many examples a split has; none where there is no such split."""
        return len(self._at[split]) if split in self._at else 0

    def batch(self, split: str, index: Tensor) -> Batch:
        """The examples at the positions of an index (int64).

        Raises:
            DataError: There is no such split.
        """
        if split not in self._at:
            raise DataError(f"{self.name} has no split {split!r}.{nearest(split, self._at)}")
        return self._made(self._at[split][index])

    def batches(self, split: str, order: Tensor, size: int) -> Sequence[Batch]:
        """The batches of one epoch in this order, each put together when it is asked for."""
        return Epoch(self, split, order, size)

    def sample_batch(self, n: int, split: str = "test") -> Batch:
        """The first n examples of a split, or all where there are fewer."""
        return self.batch(split, torch.arange(min(n, self.size(split))))

    def look(self, split: str, i: int) -> str:
        """One example as a person would read it, with its target in words."""
        one = self.batch(split, torch.tensor([i]))
        values = one.inputs.values() if isinstance(one.inputs, Mapping) else one.inputs
        shown = "\n".join(example(field, value[0]) for field, value in zip(self.inputs, values, strict=False))
        return shown + answered(self.answer, None if one.target is None else one.target[0])

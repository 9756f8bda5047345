"""Rows read from anywhere, and the one way in which they become a data set."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from torch import Tensor

from workbench.core.batch import Batch
from workbench.core.errors import DataError
from workbench.data._arrays import Arrays
from workbench.data._checks import equally_long, finite, named_parts
from workbench.data._kinds import Seen, answer_field, input_field, readable
from workbench.data._splits import by_seed
from workbench.data._words import encode, vocabulary
from workbench.data.contract import Card, Field

if TYPE_CHECKING:
    from workbench.data._own import Own


@dataclass(frozen=True, kw_only=True)
class Rows:
    """All rows of a source, in its own order."""

    whole: Batch
    """inputs and target as they were found"""
    source: str
    """what they came in, for the card: "a pandas DataFrame" """
    labels: tuple[str, ...] = ()
    """names of the classes, where the source has them"""
    columns: tuple[str, ...] = ()
    """names of a table's columns"""
    texts: list[str] = field(default_factory=list[str])
    """texts that stand for the inputs, to be read as words"""
    splits: Mapping[str, Tensor] = field(default_factory=dict[str, Tensor])
    """positions by split, where the source has splits"""


def own_card(count: int, source: str) -> Card:
    """The card of a person's own data."""
    return Card(title=f"{count} rows from {source}", source="your own", licence="your own", package="none")


def assembled(rows: Rows, how: "Own") -> Arrays:
    """The data set made of rows: kinds told from shapes, whole numbers as labels, splits by seed.

    Args:
        rows: What a source gave.
        how: What the person said about it.

    Raises:
        DataError: The rows are empty, broken, or of a shape that does not say what they are.
    """
    whole, words = rows.whole, ()
    count = len(rows.texts) or len(next(iter(named_parts(whole).values()), ()))
    if count == 0:
        raise DataError(f"{how.name} is empty: give at least one example.")
    splits = rows.splits or by_seed(count, how.seed, validation=how.validation, test=how.test)
    if rows.texts:
        words = vocabulary((rows.texts[i] for i in splits["train"].tolist()), how.vocab)
        whole = Batch((encode(rows.texts, words, how.length),), whole.target, whole.mask)
    whole = readable(whole, how)
    parts = named_parts(whole)
    equally_long(how.name, parts)
    for part, tensor in parts.items():
        finite(how.name, part, tensor, rows.columns)
    fields, answer = fields_of({part: Seen.of(tensor) for part, tensor in parts.items()}, rows, words, how)
    return Arrays(
        name=how.name,
        card=own_card(count, rows.source),
        inputs=fields,
        answer=answer,
        parts={split: whole.map(lambda tensor, at=at: tensor[at]) for split, at in splits.items()},
    )


def fields_of(
    seen: Mapping[str, Seen], rows: Rows, words: tuple[str, ...], how: "Own"
) -> tuple[list[Field], Field | None]:
    """Fields of the inputs and of the target.

    Args:
        seen: What the examples of each part have in common, the target among them.
        rows: Names that the source has.
        words: The vocabulary, where texts were read.
        how: What the person said about them.
    """
    inputs = [name for name in seen if name not in ("target", "mask")]
    fields = [
        input_field(name, seen[name], (words or rows.columns) if i == 0 else (), how.kind if i == 0 else None)
        for i, name in enumerate(inputs)
    ]
    if "target" not in seen:
        return fields, None
    return fields, answer_field(seen["target"], seen[inputs[0]], how.labels or rows.labels, how)

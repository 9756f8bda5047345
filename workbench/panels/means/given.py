"""What a person hands to ``attach``, as what a Session takes: text is tokenised, a data set gives some examples."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from workbench.core.batch import Batch, is_pyg
from workbench.core.errors import DataError
from workbench.panels.means.pool import Pool

EXAMPLES = 8
"""of a data set that are looked at"""
_MEASURED = 4096
"""rows of a table whose least and greatest values are its ranges"""

Ranges = Sequence[tuple[float, float]]


@dataclass(frozen=True, kw_only=True)
class Given:
    """An input that a session can look at, and what its parts are called."""

    inputs: Any
    """a batch, or what would stand in ``Batch.inputs``"""
    text: str | None = None
    """what was typed, where it was text; another one may be typed in its place"""
    classes: Sequence[str] | None = None
    """names of the classes"""
    columns: Sequence[str] = ()
    """what the input's positions are called: columns of a table, nodes of a graph"""
    ranges: Ranges = ()
    """least and greatest value of each column in the data, where that is known"""
    processor: Any = None
    """what writes tokens as text"""
    pool: Pool | None = None
    """all examples, where some of a data set were taken"""


class Vocabulary:
    """The tokens of a data set, answering like a tokenizer of transformers."""

    all_special_tokens: tuple[str, ...] = ()

    def __init__(self, words: Sequence[str]) -> None:
        """Keep the words.

        Args:
            words: The token of each id.
        """
        self._words = words

    def convert_ids_to_tokens(self, index: int) -> str:
        """The token of an id."""
        return self._words[index] if 0 <= index < len(self._words) else str(index)

    def decode(self, ids: Sequence[int]) -> str:
        """The text of some ids."""
        return "".join(self.convert_ids_to_tokens(int(index)) for index in ids)


def given(inputs: Any, processor: Any = None, names: Sequence[str] | None = None) -> Given:
    """Read what a person handed over.

    Args:
        inputs: Tensors as the model takes them, a ``Batch``, a data set, or whatever ``processor`` prepares.
        processor: A tokenizer, or a function that turns raw inputs into what the model takes.
        names: Names of the classes, where the data set does not know them.

    Raises:
        DataError: Text came without a tokenizer.
    """
    if hasattr(inputs, "sample_batch") and hasattr(inputs, "sizes"):
        return _of_dataset(inputs, processor, names)
    if _is_ready(inputs):
        return Given(inputs=inputs, classes=names, processor=processor)
    if processor is None and isinstance(inputs, str):
        raise DataError(f"{inputs[:40]!r} is text: pass its tokenizer as processor=, or the name of a data set.")
    if processor is None:
        return Given(inputs=inputs, classes=names)
    text = inputs if isinstance(inputs, str) else None
    return Given(inputs=prepared(inputs, processor), text=text, classes=names, processor=processor)


def prepared(raw: Any, processor: Any) -> Any:
    """Raw inputs as the model takes them: tokenizers and the like give tensors, a function is called."""
    if hasattr(processor, "convert_ids_to_tokens") or hasattr(processor, "tokenizer"):
        many = isinstance(raw, list)
        return dict(processor(raw, return_tensors="pt", padding=many, truncation=True))
    if hasattr(processor, "image_mean"):
        return dict(processor(images=raw, return_tensors="pt"))
    return processor(raw)


def _is_ready(inputs: Any) -> bool:
    if isinstance(inputs, Mapping):
        return True
    if isinstance(inputs, tuple | list):
        return bool(inputs) and all(_is_ready(value) for value in inputs)
    return isinstance(inputs, Tensor | Batch) or is_pyg(inputs) or hasattr(inputs, "keys")


def _of_dataset(data: Any, processor: Any, names: Sequence[str] | None) -> Given:
    split = "test" if "test" in data.splits else data.splits[-1]
    field = data.inputs[0]
    answer = data.answer
    classes = names if names is not None else (answer.labels or None) if answer is not None else None
    if processor is None and field.kind == "tokens" and field.labels:
        processor = Vocabulary(field.labels)
    table = field.kind == "table"
    known = data.sample_batch(min(_MEASURED, data.size("train")), "train") if table else None
    return Given(
        inputs=data.sample_batch(EXAMPLES, split),
        classes=classes,
        columns=field.labels if table else (),
        ranges=() if known is None else measured(known.inputs[0]),
        processor=processor,
        pool=Pool(data, split),
    )


def measured(rows: Any) -> Ranges:
    """Least and greatest value of each column of a table (rows, columns); empty for anything else."""
    fits = isinstance(rows, Tensor) and rows.dim() == 2 and len(rows) > 1 and rows.is_floating_point()  # noqa: PLR2004 - (rows, columns)
    return list(zip(rows.amin(0).tolist(), rows.amax(0).tolist(), strict=True)) if fits else ()

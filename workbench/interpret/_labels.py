"""What a person calls the positions of an input: its tokens, by the tokenizer inside a processor."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from workbench.core.batch import Batch

_ID_NAMES = ("input_ids", "decoder_input_ids", "idx", "tokens", "ids")


def positions(count: int) -> tuple[str, ...]:
    """Labels for positions that have no names."""
    return tuple(str(i) for i in range(count))


def token_ids(inputs: Any) -> Tensor | None:
    """The (batch, length) integers of an input that are token ids; None where there are none."""
    given = inputs.inputs if isinstance(inputs, Batch) else inputs
    if isinstance(given, Tensor):
        given = (given,)
    if isinstance(given, Mapping):
        named = [given[name] for name in _ID_NAMES if name in given]
        values = named or list(given.values())
    else:
        values = list(given) if isinstance(given, tuple | list) else []
    for value in values:
        if isinstance(value, Tensor) and _is_ids(value):
            return value
    return None


def _is_ids(value: Tensor) -> bool:
    integers = not value.is_floating_point() and value.dtype.itemsize > 1  # not booleans, not the bytes of pictures
    return integers and value.dim() == 2  # noqa: PLR2004 - (batch, length)


def tokens(processor: Any, inputs: Any) -> list[list[str]]:
    """The tokens of each example as text, with the spaces a person would read.

    Args:
        processor: A tokenizer, a processor that has a ``.tokenizer``, or None.
        inputs: What the model was called with.

    Returns:
        One list per example; empty when the inputs hold no token ids or nothing can write them.
    """
    ids = token_ids(inputs)
    tokenizer = getattr(processor, "tokenizer", processor)
    if ids is None or not hasattr(tokenizer, "convert_ids_to_tokens"):
        return []
    return [[_readable(tokenizer, int(i)) for i in row] for row in ids.tolist()]


def _readable(tokenizer: Any, index: int) -> str:
    token = str(tokenizer.convert_ids_to_tokens(index))
    if token in getattr(tokenizer, "all_special_tokens", ()) or token.startswith("##"):
        return token
    # Byte-level vocabularies write a leading space as another letter; decoding gives the text back.
    text = str(tokenizer.decode([index]))
    return text if text.strip() and "\N{REPLACEMENT CHARACTER}" not in text else token

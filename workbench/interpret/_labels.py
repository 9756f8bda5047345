"""What a person calls the positions of an input: its tokens, by the tokenizer inside a processor."""

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from workbench.core.calling import scores
from workbench.interpret import targets
from workbench.interpret.batches import as_batch
from workbench.interpret.targets import LARGE_VOCABULARY

_DECODER = "decoder_input_ids"
_ID_NAMES = ("input_ids", "idx", "tokens", "ids")
_OTHER_INTEGERS = ("mask", "type", "position", "label", "edge", "batch", "decoder")


def positions(count: int) -> tuple[str, ...]:
    """Labels for positions that have no names."""
    return tuple(str(i) for i in range(count))


def token_ids(inputs: Any, *, decoder: bool = False) -> Tensor | None:
    """The (batch, length) integers of an input that are token ids; None where there are none.

    Args:
        inputs: What the model is called with.
        decoder: Those of the decoder, where encoder and decoder have their own.
    """
    given = as_batch(inputs).inputs
    if isinstance(given, Mapping):
        named = [given[name] for name in ((_DECODER,) if decoder else _ID_NAMES) if name in given]
        others = [v for name, v in given.items() if not any(word in name for word in _OTHER_INTEGERS)]
        values = named if named or decoder else others
    else:
        # Integers beside numbers are the edges of a graph or an index.
        values = [] if decoder or any(isinstance(v, Tensor) and v.is_floating_point() for v in given) else list(given)
    return next((value for value in values if _is_ids(value)), None)


def _is_ids(value: Any) -> bool:
    if not isinstance(value, Tensor) or value.is_floating_point():
        return False
    return value.dim() == 2 and value.dtype.itemsize > 1  # noqa: PLR2004 - (batch, length); not booleans or pictures


def tokens(processor: Any, inputs: Any, *, decoder: bool = False) -> list[list[str]]:
    """The tokens of each example as text, with the spaces a person would read.

    Args:
        processor: A tokenizer, a processor that has a ``.tokenizer``, or None.
        inputs: What the model was called with.
        decoder: Those of the decoder, where encoder and decoder have their own.

    Returns:
        One list per example; empty when the inputs hold no token ids or nothing can write them.
    """
    ids = token_ids(inputs, decoder=decoder)
    tokenizer = getattr(processor, "tokenizer", processor)
    if ids is None or not hasattr(tokenizer, "convert_ids_to_tokens"):
        return []
    return [[_readable(tokenizer, int(i)) for i in row] for row in ids.tolist()]


def naming(processor: Any, output: Any) -> Callable[[int], str] | None:
    """What the classes of a language model are called: the tokens of its vocabulary; None where they are no tokens.

    Args:
        processor: A tokenizer, a processor that has a ``.tokenizer``, or None.
        output: What the model returned; scores of shape (batch, positions, vocabulary).
    """
    tokenizer, value = getattr(processor, "tokenizer", processor), scores(output)
    words = value.dim() == 3 and value.size(-1) > LARGE_VOCABULARY  # noqa: PLR2004 - (batch, positions, vocabulary)
    if not words or targets.is_embedding(output) or not hasattr(tokenizer, "convert_ids_to_tokens"):
        return None
    return lambda index: _readable(tokenizer, index)


def _readable(tokenizer: Any, index: int) -> str:
    token = str(tokenizer.convert_ids_to_tokens(index))
    if token in getattr(tokenizer, "all_special_tokens", ()) or token.startswith("##"):
        return token
    # Byte-level vocabularies write a leading space as another letter; decoding gives the text back.
    text = str(tokenizer.decode([index]))
    return text if text.strip() and "\N{REPLACEMENT CHARACTER}" not in text else token

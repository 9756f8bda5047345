"""A prompt as words that can be left out."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from workbench.core.errors import DataError


@dataclass(frozen=True, kw_only=True, eq=False)
class Prompt:
    """Words, and the tokens of what is left when some are left out."""

    words: tuple[str, ...]
    tokens: Callable[[Sequence[bool]], tuple[int, ...]]
    """which words are kept -> token ids"""
    written: Callable[[Sequence[int]], str]
    """token ids -> text"""


def read(given: str | Tensor, processor: Any, before: str, after: str) -> Prompt:
    """A prompt of text, whose words are what stands between blanks, or of token ids, each a word.

    Args:
        given: Text, or (tokens,) ids.
        processor: The tokenizer, without which text cannot be read.
        before: Text that always stands before the words.
        after: Text that always stands after them.

    Raises:
        DataError: There are no words, or text came without a tokenizer.
    """
    if isinstance(given, Tensor):
        return _of_tokens(given, processor, before + after)
    if processor is None:
        raise DataError("A prompt of text was given without its tokenizer: pass processor=, or token ids.")
    words = tuple(re.findall(r"\S+\s*", given))
    if not words:
        raise DataError("The prompt has no words.")

    def tokens(kept: Sequence[bool]) -> tuple[int, ...]:
        text = "".join(w for w, k in zip(words, kept, strict=True) if k).rstrip()
        return tuple(int(i) for i in processor(f"{before}{text}{after}")["input_ids"])

    return Prompt(words=tuple(w.strip() for w in words), tokens=tokens, written=lambda ids: _decoded(processor, ids))


def _of_tokens(given: Tensor, processor: Any, around: str) -> Prompt:
    ids = [int(i) for i in given.reshape(-1)]
    if not ids or given.is_floating_point() or (given.dim() > 1 and len(given) != 1):
        raise DataError(f"Token ids of shape {tuple(given.shape)} were given: give those of one prompt, (tokens,).")
    if around:
        raise DataError("before and after are text: give the prompt as text too, with its tokenizer.")
    return Prompt(
        words=tuple(_decoded(processor, [i]) for i in ids),
        tokens=lambda kept: tuple(i for i, k in zip(ids, kept, strict=True) if k),
        written=lambda found: _decoded(processor, found),
    )


def _decoded(processor: Any, ids: Sequence[int]) -> str:
    return " ".join(map(str, ids)) if processor is None else str(processor.decode(list(ids)))

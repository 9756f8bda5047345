"""Words and signs of a text as numbers, with a vocabulary learnt from the texts to train on."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence

import torch
from jaxtyping import Int
from torch import Tensor

_WORD = re.compile(r"[a-z0-9]+(?:'[a-z]+)?|[^\sa-z0-9]")

PAD, UNKNOWN = "<pad>", "<unk>"


def words(text: str) -> list[str]:
    """Lower-case words, numbers and single signs, in order."""
    return _WORD.findall(text.lower())


def vocabulary(texts: Iterable[str], largest: int) -> tuple[str, ...]:
    """Padding, the unknown word, and the most frequent words; ties in the order of the alphabet.

    Args:
        texts: Those to train on.
        largest: How many entries at most.
    """
    counts = Counter(word for text in texts for word in words(text))
    ranked = sorted(counts, key=lambda word: (-counts[word], word))
    return (PAD, UNKNOWN, *ranked[: largest - 2])


def encode(texts: Sequence[str], known: Sequence[str], length: int) -> Int[Tensor, "texts length"]:
    """The first words of each text as numbers, padded with 0.

    Args:
        texts: What to encode.
        known: The vocabulary.
        length: Words per text.

    Returns:
        int64 of shape (texts, length).
    """
    numbers = {word: i for i, word in enumerate(known)}
    ids = torch.zeros(len(texts), length, dtype=torch.int64)
    for i, text in enumerate(texts):
        found = [numbers.get(word, 1) for word in words(text)[:length]]
        ids[i, : len(found)] = torch.tensor(found, dtype=torch.int64)
    return ids

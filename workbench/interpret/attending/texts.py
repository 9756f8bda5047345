"""What the queries and keys of an attention are called: tokens of the input, of a decoder, or of a generated text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor

from workbench.core.batch import Batch
from workbench.interpret._labels import positions, tokens
from workbench.taps import AttentionRecord

Labels = tuple[tuple[str, ...], ...]

_CROSS = ("encdec", "encoder_attn", "cross", "multihead_attn")
"""How libraries call the attention of a decoder to its encoder."""


def crossing(module: str) -> bool:
    """Whether the path of a module says that it looks at another sequence."""
    return any(word in module.lower() for word in _CROSS)


@dataclass(frozen=True, slots=True)
class Texts:
    """Tokens of the input, of a decoder that has its own, and those that embeddings were given while the model ran."""

    given: Labels
    decoder: Labels
    embedded: Mapping[str, Sequence[Tensor]]
    processor: Any

    @classmethod
    def of(cls, processor: Any, batch: Batch, embedded: Mapping[str, Sequence[Tensor]]) -> Self:
        """What is known of one input.

        Args:
            processor: A tokenizer, a processor that has one, or None.
            batch: What the model was called with.
            embedded: Token ids that each embedding was given, forward by forward.
        """
        given, decoder = tokens(processor, batch), tokens(processor, batch, decoder=True)
        return cls(tuple(map(tuple, given)), tuple(map(tuple, decoder)), embedded, processor)

    def labels(self, record: AttentionRecord, shape: Sequence[int]) -> tuple[Labels, Labels]:
        """Labels of the queries and of the keys.

        Args:
            record: The attention.
            shape: (batch, heads, queries, keys).
        """
        batch, _, queries, keys = shape
        decodes = bool(self.decoder) and "decoder" in record.module.lower()
        crosses = decodes and crossing(record.module)
        asking = self.decoder if decodes else self.given
        asked = self.given if crosses else asking
        if record.step or (queries != keys and not crosses and record.crosses is not True):
            asked = self._so_far(record.step, batch, keys) or asked
            asking = tuple(row[-queries:] for row in asked) if _fits(asked, batch, keys) else asking
        padded = _fits(asking, batch, None) and record.layout is not None and 0 < len(asking[0]) < queries
        if padded:  # Longformer pads its input to whole windows and takes the padding off again
            return asking, asked
        before = 0 if crosses or record.crosses else max(0, keys - queries)  # a step asks for the newest positions
        return _or_positions(asking, batch, queries, before), _or_positions(asked, batch, keys, 0)

    def _so_far(self, step: int, batch: int, count: int) -> Labels | None:
        """The tokens of prompt and answer up to one forward of a generation."""
        for given in self.embedded.values():
            ids = torch.cat(list(given[: step + 1]), 1) if len(given) > step else None
            if ids is not None and ids.shape == (batch, count):
                written = tokens(self.processor, Batch((ids,)))
                return tuple(map(tuple, written)) or None
        return None


def _fits(texts: Labels, batch: int, count: int | None) -> bool:
    return len(texts) == batch and all(count is None or len(row) == count for row in texts)


def _or_positions(texts: Labels, batch: int, count: int, before: int) -> Labels:
    """The texts where there is one for every position, else positions, queries of a step counted from the first key."""
    return texts if _fits(texts, batch, count) else (positions(before + count)[before:],) * batch

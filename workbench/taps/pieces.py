"""Pieces: attention that takes several products, recorded as a whole with one of them (BigBird, Longformer, LED)."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from workbench.taps.blocks import assembled, blocks, is_last
from workbench.taps.gating import gated
from workbench.taps.layouts import Band, Banded, banded
from workbench.taps.products import Product
from workbench.taps.records import BandProof, Computed

if TYPE_CHECKING:
    from workbench.taps.capture import AttentionTap


class Pieces:
    """Puts the products of one attention together, in the records of a tap."""

    def __init__(self, tap: "AttentionTap") -> None:
        self._tap = tap
        self._band: tuple[nn.Module | None, Tensor, Tensor | None] | None = None
        """attention in a band that is not whole yet: its module, its values, and those that global tokens see"""

    def add(self, found: Product, output: Tensor) -> Tensor | None:
        """What a product gives out, heads switched off as asked, if it is a piece; None for a whole attention.

        Args:
            found: The product of weights and values.
            output: What it gave.
        """
        names = blocks()
        if names is not None:
            return self._block(names, output)
        piece = banded(found.weights, found.values)
        return None if piece is None else self._piece(piece, output)

    def close(self, module: nn.Module, output: Any) -> None:
        """A module ends: Longformer's attention is whole then.

        Args:
            module: Which.
            output: What it gives out.
        """
        if self._band is None or module is not self._band[0]:
            return
        (_, values, others), self._band = self._band, None
        records = self._tap.records
        record, product = records[-1], output[0] if isinstance(output, tuple) else output
        if record.weights is not None and isinstance(record.layout, Band):
            given = product.detach().to("cpu", torch.float32, copy=True)
            proof = BandProof(record.layout, record.weights, values, others, given)
            records[-1] = replace(record, proof=proof)

    def _block(self, names: Mapping[str, Any], output: Tensor) -> Tensor:
        """One of the products of an attention in blocks, recorded with the last."""
        tap = self._tap
        if is_last(names):
            batch, heads, *_ = names["rand_attn"].shape
            size = batch * heads * names["from_seq_len"] ** 2
            factors = tap.record("softmax", size, lambda: assembled(names, output))
        else:
            factors = tap.factors()
        return output if factors is None else gated(output, factors, 1, tap.path)

    def _piece(self, piece: Banded, output: Tensor) -> Tensor:
        """One of the products of an attention in a band: recorded with the band, or added to its record."""
        tap, band, values = self._tap, piece.weights, piece.values
        if band is not None and values is not None:
            compute = lambda: Computed(band)  # noqa: E731 - two words
            beside = 2 * values.nbytes
            factors = tap.record("softmax", band.numel(), compute, pairs=False, beside=beside, layout=piece.layout)
            self._band = (tap.where, values, None)
        else:
            factors = tap.factors(begun=piece.rows is not None)
        last = tap.records[-1] if tap.records else None
        if piece.rows is not None and last is not None and isinstance(last.layout, Band) and self._band is not None:
            tap.records[-1] = replace(last, layout=replace(last.layout, rows=piece.rows))
            self._band = (*self._band[:2], values)
        return output if factors is None else gated(output, factors, piece.heads, tap.path)

"""HeadScores: figures by which a head is found, for every head of every map.

Entropy and distance as in Vig and Belinkov 2019 (arXiv:1906.04284); the previous-token and induction scores as in
Olsson et al. 2022 (arXiv:2209.11895), here the mean weight on the position that the head would look at.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from workbench.core.entry import Paper
from workbench.core.markup import columns, table
from workbench.interpret._labels import token_ids

if TYPE_CHECKING:
    from workbench.interpret.attending.attention_map import AttentionMap

INDUCTION = Paper(
    title="In-context Learning and Induction Heads",
    authors="Olsson, Catherine and Elhage, Nelson and Nanda, Neel and others",
    year=2022,
    venue="Transformer Circuits Thread",
    arxiv="2209.11895",
)

NAMES = ("entropy", "distance", "previous", "first", "induction")


@dataclass(frozen=True, kw_only=True, eq=False)
class HeadScores:
    """Figures of every head; not a number where they mean nothing for a head."""

    names: tuple[tuple[str, int], ...]
    """(map, head)"""
    entropy: Tensor
    """(all heads,) mean over queries, in nats"""
    distance: Tensor
    """(all heads,) mean number of positions between a query and what it looks at"""
    previous: Tensor
    """(all heads,) mean weight on the position before the query"""
    first: Tensor
    """(all heads,) mean weight on the first position"""
    induction: Tensor
    """(all heads,) mean weight on the positions after earlier copies of the query's token; needs token ids"""

    @property
    def cited(self) -> tuple[Paper, ...]:
        """What to cite."""
        return (INDUCTION,)

    def top(self, score: str, count: int = 5) -> list[tuple[str, int, float]]:
        """The heads with the highest score: (map, head, score)."""
        values: Tensor = getattr(self, score)
        known = values.isfinite().nonzero().flatten()
        best = known[values[known].argsort(descending=True)][:count]
        return [(*self.names[int(i)], float(values[i])) for i in best]

    def _rows(self) -> list[list[str]]:
        figures = [getattr(self, name).tolist() for name in NAMES]
        return [[name, str(head), *(f"{f[i]:.3f}" for f in figures)] for i, (name, head) in enumerate(self.names)]

    def __str__(self) -> str:
        return columns(("attention", "head", *NAMES), self._rows())

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return table(("attention", "head", *NAMES), self._rows())


def score_heads(maps: "Iterable[AttentionMap]", inputs: Any) -> HeadScores:
    """The figures of all heads of all maps.

    Args:
        maps: Those of one forward.
        inputs: What the model was called with; its token ids say which positions repeat a token.
    """
    names: list[tuple[str, int]] = []
    figures: list[Tensor] = []
    ids = token_ids(inputs) if inputs is not None else None
    for one in maps:
        if one.kind == "deformable":
            continue
        weights = one.dense()
        repeats = ids if ids is not None and tuple(ids.shape) == (len(weights), weights.size(-1)) else None
        square = weights.size(-1) == weights.size(-2) and one.kind in ("self", "local")
        names += [(one.name, head) for head in range(weights.size(1))]
        unknown = torch.full((weights.size(1),), torch.nan)
        figures.append(
            torch.stack(
                [
                    entropy(weights),
                    distance(weights) if square else unknown,
                    previous(weights) if square else unknown,
                    first(weights) if square else unknown,
                    induction(weights, repeats) if square and repeats is not None else unknown,
                ]
            )
        )
    found = torch.cat(figures, 1) if figures else torch.zeros(len(NAMES), 0)
    return HeadScores(names=tuple(names), **dict(zip(NAMES, found, strict=True)))


def entropy(weights: Tensor) -> Tensor:
    """-sum w log w, averaged over the queries that look at anything.

    Args:
        weights: (batch, heads, queries, keys).

    Returns:
        (heads,) in nats.
    """
    rows = -torch.special.xlogy(weights, weights).sum(-1)
    return _mean(rows, weights.sum(-1) != 0)


def distance(weights: Tensor) -> Tensor:
    """sum w |query - key|, averaged over the queries that look at anything: (batch, heads, n, n) to (heads,)."""
    at = torch.arange(weights.size(-1))
    return _mean((weights * (at[:, None] - at).abs()).sum(-1), weights.sum(-1) != 0)


def previous(weights: Tensor) -> Tensor:
    """The weight on the position before, averaged over all queries but the first: (batch, heads, n, n) to (heads,)."""
    seen = (weights.sum(-1) != 0)[..., 1:]
    return _mean(weights.diagonal(-1, -2, -1), seen)


def first(weights: Tensor) -> Tensor:
    """The weight on the first position, averaged over all queries but the first: (batch, heads, n, n) to (heads,)."""
    seen = (weights.sum(-1) != 0)[..., 1:]
    return _mean(weights[..., 1:, 0] if weights.size(-1) else weights[..., 1:, 1:].sum(-1), seen)


def induction(weights: Tensor, ids: Tensor) -> Tensor:
    """The weight on what followed earlier copies of the query's token, over the queries that have such copies.

    Args:
        weights: (batch, heads, n, n).
        ids: (batch, n).

    Returns:
        (heads,); not a number where no token repeats.
    """
    followed = torch.zeros(len(ids), ids.size(1), ids.size(1), dtype=torch.bool)
    followed[:, :, 1:] = ids[:, :, None] == ids[:, None, :-1]
    followed = followed.tril()  # the position after an earlier copy is at most the query itself
    rows = (weights * followed[:, None]).sum(-1)
    return _mean(rows, (followed.any(-1)[:, None] & (weights.sum(-1) != 0)))


def _mean(rows: Tensor, counted: Tensor) -> Tensor:
    """Over batch and queries, of those that count: (batch, heads, queries) to (heads,)."""
    counted = counted.expand_as(rows)
    total = torch.where(counted, rows.float(), torch.zeros(())).sum((0, 2))
    return total / counted.sum((0, 2))

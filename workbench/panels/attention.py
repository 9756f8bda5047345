"""Attention: every head as a thumbnail, and one head with its tokens. The weights stay in the kernel."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from workbench.core.errors import DataError
from workbench.interpret import AttentionMap, AttentionMaps, Session
from workbench.panels._frame import Doubt, Frame, companded
from workbench.panels._sketch import picture
from workbench.panels._table import Table
from workbench.panels._view import View, whole_number

_THUMB = 32
"""largest side of a thumbnail"""
_MOST = 512
"""positions of a head that are shown"""
_FINE = 256
"""positions up to which figures travel with 16 bits"""


class AttentionView(View):
    """Who looks at what, in every head."""

    title: ClassVar[str] = "Attention"
    place: ClassVar[int] = 10

    def __init__(self, session: Session, columns: Sequence[str] = ()) -> None:
        super().__init__(session, columns)
        self._maps: AttentionMaps | None = None
        self._at = (0, 0)

    def whole(self) -> Iterator[Frame]:
        """All heads small, and the chosen one large."""
        maps = self._maps = self.session.attention
        if not maps:
            yield Frame(refused=maps.reason or "No attention was computed by this model on this input.")
            return
        heads = [self._heads(one) for one in maps]
        one = self._head(dict(zip(("layer", "head"), self._at, strict=True)))
        side = min(_THUMB, max(max(h.shape[-2:]) for h in heads))
        meta = {"layers": [{"name": m.name, "heads": len(h)} for m, h in zip(maps, heads, strict=True)]}
        thumbs = np.concatenate([shrunk(h, side) for h in heads])
        yield Frame(
            meta={**meta, **one.meta},
            arrays={"thumbs": companded(thumbs / thumbs.max(axis=(1, 2), keepdims=True).clip(1e-12)), **one.arrays},
            doubts=one.doubts,
            code=one.code,
        )

    def part(self, wish: Mapping[str, Any]) -> Iterator[Frame]:
        """One head: its weights, labels and figures."""
        yield self._head(wish)

    def _head(self, wish: Mapping[str, Any]) -> Frame:
        maps = self.session.attention
        layer = whole_number(wish, "layer", len(maps))
        found: AttentionMap = maps[layer]
        weights = self._heads(found)
        head = whole_number(wish, "head", len(weights))
        self._at = (layer, head)
        if "query" in wish:
            self.session.select(token=whole_number(wish, "query", weights.shape[1]), layer=found.name, head=head)
        one = weights[head].float()
        shown = one[:_MOST, :_MOST]
        bits = 16 if max(shown.shape) <= _FINE else 8
        meta = {
            "layer": layer,
            "head": head,
            "query": self.session.selection.token or 0,
            "queries": list(self._row(found.queries)[: len(shown)]),
            "keys": list(self._row(found.keys)[: shown.shape[1]]),
            "facts": [["module", found.name], *figures(one)],
        }
        at = self.session.selection.example
        code = f"maps = wb.interpret.attention(model, inputs)\nmaps[{found.name!r}].weights[{at}, {head}]"
        return Frame(
            meta=meta, arrays={"head": companded(shown.numpy(), bits=bits)}, doubts=_doubts(maps, one), code=code
        )

    def text(self) -> str:
        """The attentions as aligned columns."""
        return "" if self._maps is None else str(self._maps)

    def picture(self) -> str:
        """The chosen head as a picture."""
        if not self._maps:
            return "" if self._maps is None else f"<p>{escape(self._maps.reason)}</p>"
        layer, head = self._at
        found: AttentionMap = self._maps[layer]
        one = companded(self._shown(found).numpy()).data
        label = f"Attention of {found.name}, head {head}: queries down, keys across, dark is much"
        return f"<p>{escape(label)}</p>{picture(255 - one, label, max(1, 240 // max(one.shape)))}"

    def chosen(self) -> dict[str, int]:
        """The head and, where one was pointed at, the query."""
        token = self.session.selection.token
        return dict(zip(("layer", "head"), self._at, strict=True)) | ({} if token is None else {"query": token})

    def table(self) -> Table:
        """The chosen head, a row for every query and key; positions count from 0."""
        found = self._chosen()
        queries, keys, weights = self._row(found.queries), self._row(found.keys), self._shown(found).tolist()
        rows = [
            (found.name, self._at[1], i, queries[i], j, keys[j], weight)
            for i, row in enumerate(weights)
            for j, weight in enumerate(row)
        ]
        return Table(("layer", "head", "query", "query token", "key", "key token", "weight"), rows)

    def image(self) -> NDArray[np.uint8]:
        """The chosen head, queries down, keys across; dark is much."""
        return (255 - companded(self._shown(self._chosen()).numpy()).data).astype(np.uint8)

    def _chosen(self) -> AttentionMap:
        maps = self.session.attention
        if not maps:
            raise DataError(maps.reason or "No attention was computed by this model on this input.")
        layer, head = self._at
        found: AttentionMap = maps[min(layer, len(maps) - 1)]
        self._at = (min(layer, len(maps) - 1), min(head, len(self._heads(found)) - 1))
        return found

    def _shown(self, found: AttentionMap) -> Tensor:
        """(queries, keys) of the chosen head, as many as are drawn."""
        return self._heads(found)[self._at[1]][:_MOST, :_MOST].float()

    def _heads(self, found: AttentionMap) -> Tensor:
        """(heads, queries, keys) of the example that is looked at."""
        return self._row(found.dense())

    def _row(self, rows: Any) -> Any:
        return rows[min(self.session.selection.example, len(rows) - 1)]


def shrunk(heads: Tensor, side: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Thumbnails that keep the largest weight of every patch, so that a thin diagonal stays visible.

    Args:
        heads: (heads, queries, keys)
        side: Largest number of rows and columns.

    Returns:
        (heads, side, side), stretched where there are fewer positions.
    """
    clean = torch.nan_to_num(heads.float())[None]
    small = torch.nn.functional.adaptive_max_pool2d(clean, (min(side, heads.shape[-2]), min(side, heads.shape[-1])))
    return torch.nn.functional.interpolate(small, size=(side, side), mode="nearest")[0].numpy()


def figures(head: Tensor) -> list[list[str]]:
    """What a head does, in figures.

    Args:
        head: (queries, keys)

    Returns:
        Names and values: the mean entropy of its rows in nats, and for square heads the mean weight on the position
        before, on the position itself and on the first.
    """
    rows = head[head.sum(-1) > 0]
    entropy = -(rows * rows.clamp_min(1e-12).log()).sum(-1).mean() if len(rows) else torch.tensor(0.0)
    found = [["mean entropy", f"{max(0.0, float(entropy)):.2f} nats"]]
    if head.shape[0] == head.shape[1] > 1:
        found += [
            ["on the token before", f"{float(head.diagonal(-1).mean()):.2f}"],
            ["on itself", f"{float(head.diagonal().mean()):.2f}"],
            ["on the first", f"{float(head[:, 0].mean()):.2f}"],
        ]
    return found


def _doubts(maps: AttentionMaps, head: Tensor) -> list[Doubt]:
    errors = maps.check()
    level = "good" if errors and max(errors.values()) < 1e-3 else "warn"  # noqa: PLR2004 - half precision
    doubts = [Doubt(level, maps.doubt)]
    if max(head.shape) > _MOST:
        doubts.append(Doubt("warn", f"The first {_MOST} of {max(head.shape):,} positions are shown."))
    return doubts


VIEW = AttentionView

"""Attention: every head as a thumbnail, and one head, or several as one, with its tokens, picture or graph.

The weights stay in the kernel. A page receives one byte a pixel of what it draws: the head that is looked at, of a
long input only the window in sight.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from html import escape
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from workbench.core.errors import DataError
from workbench.interpret import AttentionMaps, KnockOut, Session, knock_out
from workbench.panels._attention_asking import Asked, asked, within
from workbench.panels._attention_doubts import doubts, facts
from workbench.panels._attention_layers import combinations, combined
from workbench.panels._attention_packing import packed
from workbench.panels._attention_places import drawable, placed
from workbench.panels._attention_planes import Dense, Edges, Plane, scores
from workbench.panels._attention_scene import Scene
from workbench.panels._frame import Frame, Packed, companded
from workbench.panels._sketch import picture
from workbench.panels._table import Table
from workbench.panels._view import View, source, whole_number

_THUMBS = (8, 32)
"""pixels of the side of a thumbnail, least and most"""
_OVERVIEW = (288, 420)
"""pixels of all thumbnails together, across and down"""
_MOST = 512
"""rows and columns of a head that travel at a time; of more, patches"""
_FINE = 64
"""positions up to which figures travel with 16 bits"""
_FIRST = 20_000
"""bytes of a first paint, beyond which the thumbnails follow in a second"""
_READ = 40_000_000
"""weights of a layer up to which entropy is computed for all its heads"""
_STRONGEST = 6
"""of a list"""
_LINES = 80
"""positions up to which lines between tokens are offered"""
_EDGES = 20_000
"""edges up to which a graph is drawn"""


class AttentionView(View):
    """Who looks at what, in every head."""

    title: ClassVar[str] = "Attention"
    place: ClassVar[int] = 10

    def __init__(self, session: Session, columns: Sequence[str] = ()) -> None:
        super().__init__(session, columns)
        self._seen: Scene | None = None
        self._other: Scene | None = None
        self._asked = Asked()
        self._drawn = False

    def whole(self) -> Iterator[Frame]:
        """The chosen head large and, where that is more than a first paint may cost in a second frame, all small."""
        scene = self._scene()
        if scene.empty:
            yield Frame(refused=_nothing(scene.maps))
            return
        self._go_along(scene)
        self._asked = replace(self._asked, rows=None, columns=None)
        try:
            one = self._head(scene, labels=True)
        except DataError as error:
            yield Frame(refused=str(error))
            return
        if not all(self._plane(scene).shape):
            yield Frame(refused="This input has no positions, so nothing can look at anything: give one token or more.")
            return
        rows = [self._about(scene, i) for i in range(len(scene.layers))]
        pictured = self._pictured(scene)
        short = max(self._plane(scene).shape) <= _LINES
        script = {"script": source("attention_scenes")} if pictured or short else {}
        one = replace(one, meta={"layers": rows, **one.meta, **script}, arrays={**one.arrays, **pictured})
        small = self._thumbnails(scene)
        if not self._drawn and one.message()["bytes"] + sum(a.data.nbytes for a in small.values()) > _FIRST:
            yield one
        self._drawn = True
        yield replace(one, arrays={**one.arrays, **small})

    def part(self, wish: Mapping[str, Any]) -> Iterator[Frame]:
        """One head, several as one, a difference or a part of these."""
        scene = self._scene()
        if scene.empty:
            yield Frame(refused=_nothing(scene.maps))
            return
        self._asked = asked(wish, self._asked, len(scene.layers))
        scene = self._scene()
        self._point(scene, wish)
        yield self._head(scene, labels=False, knocked=self._knocked(scene) if wish.get("off") else None)

    def _scene(self) -> Scene:
        """What the session has captured, looked at once for as long as it holds."""
        if self._seen is None or not self._seen.holds or self._seen.step != self._asked.step:
            self._seen = Scene(self.session, self._asked.step)
        return self._seen

    def _second(self) -> Scene | None:
        """The second input of the session, where there is one."""
        other = self.session.other
        if other is None:
            self._other = None
        elif self._other is None or self._other.session is not other or not self._other.holds:
            self._other = Scene(other, self._asked.step)
        return self._other

    def _point(self, scene: Scene, wish: Mapping[str, Any]) -> None:
        """The session is told which head and token are meant, so that other tabs and panels mean them too."""
        plane = self._plane(scene)
        token = {"token": whole_number(wish, "query", max(1, plane.queries))} if "query" in wish else {}
        self.session.select(layer=scene.layers[self._asked.layer].name, head=self._asked.head, **token)

    def _go_along(self, scene: Scene) -> None:
        """Another panel may have pointed at another head."""
        chosen, names = self.session.selection, [layer.name for layer in scene.layers]
        if chosen.layer in names and chosen.head is not None:
            self._asked = replace(self._asked, layer=names.index(chosen.layer), head=chosen.head)

    def _knocked(self, scene: Scene) -> KnockOut:
        """The output without the head on show."""
        self._plane(scene)
        name, held = scene.layer(self._asked.layer).maps[0].name, self.session
        return knock_out(held.model, held.batch, [(name, self._asked.head)], call=held.call)

    # One head

    def _plane(self, scene: Scene) -> Plane:
        """The layer of the head, which is moved into the range of the layer's heads."""
        plane = scene.plane(self._asked.layer)
        self._asked = replace(self._asked, head=min(self._asked.head, plane.heads - 1))
        return plane

    def _shown(self, scene: Scene) -> tuple[Plane, int]:
        """The plane and the head in it that are on show; as a difference, a plane of its own."""
        self._plane(scene)
        ask = self._asked
        plane, head = self._over(scene, ask.layer, ask.head)
        if not ask.against:
            return plane, head
        base, at = self._against(scene)
        if base is None or base.shape != plane.shape:
            self._asked = replace(ask, against="")
            return plane, head
        whole = (0, plane.queries), (0, plane.keys), max(plane.shape)
        return Dense((plane.window(head, *whole) - base.window(at, *whole))[None]), 0

    def _over(self, scene: Scene, layer: int, head: int) -> tuple[Plane, int]:
        plane = scene.plane(layer)
        if not self._asked.over:
            return plane, min(head, plane.heads - 1)
        at = sorted({*scene.kept, layer})
        planes = [scene.plane(i) for i in at]
        if self._asked.over not in combinations(planes, at.index(layer), crosses=scene.layer(layer).crosses):
            self._asked = replace(self._asked, over="")
            return plane, min(head, plane.heads - 1)
        return combined(self._asked.over, planes, at.index(layer)), 0

    def _overs(self, scene: Scene) -> list[str]:
        at = sorted({*scene.kept, self._asked.layer})
        crosses = scene.layer(self._asked.layer).crosses
        return combinations([scene.plane(i) for i in at], at.index(self._asked.layer), crosses=crosses)

    def _against(self, scene: Scene) -> tuple[Plane | None, int]:
        """What the difference is taken from."""
        ask, other = self._asked, self._second()
        if ask.against == "pinned":
            plane = scene.plane(min(ask.pin[0], len(scene.layers) - 1))
            return plane, min(ask.pin[1], plane.heads - 1)
        if other is None or ask.layer >= len(other.layers):
            return None, 0
        return self._over(other, ask.layer, ask.head)

    def _head(self, scene: Scene, *, labels: bool, knocked: KnockOut | None = None) -> Frame:
        plane, head = self._shown(scene)
        ask, layer = self._asked, scene.layer(self._asked.layer)
        rows, columns = within(ask.rows, plane.queries), within(ask.columns, plane.keys)
        names = scene.labels(ask.layer)
        window = plane.window(head, rows, columns, _MOST) if all(plane.shape) else torch.zeros(plane.shape)
        hidden = [self._special(each) for each in names]
        if ask.hide:
            window = _blank(window, rows, columns, hidden)
        token = min(self.session.selection.token or 0, max(0, plane.queries - 1))
        meta: dict[str, Any] = {
            **ask.chosen(),
            "over": ask.over,
            "against": ask.against,
            "hide": int(ask.hide),
            "query": token,
            "size": list(plane.shape),
            "window": [*rows, *columns],
            "facts": facts(layer, plane, head, knocked),
            "overs": self._overs(scene),
            "other": self.session.other is not None,
            "crosses": layer.crosses,
            **self._labelled(names, labels=labels),
        }
        if len(layer.maps) > 1:
            meta["steps"] = list(layer.ends)
        if layer.again > 1:
            meta["again"] = [ask.step, layer.again]
        if (grid := scene.grid(ask.layer, plane.keys)) is not None:
            meta["grid"] = [grid.rows, grid.columns, grid.before]
        if tuple(window.shape) != (rows[1] - rows[0], columns[1] - columns[0]):
            meta["strip"] = _strip(plane, head, token, square=plane.queries == plane.keys)
        bits = 16 if max(window.shape) <= _FINE else 8
        arrays = packed("head", window, bits=bits, signed=bool(ask.against))
        if isinstance(plane, Edges) and plane.edges.size(1) <= _EDGES:
            arrays["edges"] = Packed(plane.edges.numpy().astype(np.int32))
            arrays |= packed("edge", plane.weights[:, head].float(), bits=8)
        said = doubts(scene, layer, window, comparing=bool(ask.against))
        return Frame(meta=meta, arrays=arrays, doubts=said, code=self._code(layer.name, edges=isinstance(plane, Edges)))

    def _labelled(self, names: tuple[list[str], list[str]], *, labels: bool) -> dict[str, Any]:
        """Names of queries and keys and which are special; a part leaves out what the whole has said."""
        if not labels and self._drawn and names == self._said:
            return {}
        if labels:
            self._said = names
        return {
            "queries": names[0],
            "keys": names[1],
            "special": [self._special(each) for each in names],
        }

    _said: tuple[list[str], list[str]] = ([], [])

    def _special(self, names: Sequence[str]) -> list[int]:
        """Positions of special tokens, as the tokenizer calls them."""
        processor = self.session.processor
        known = set(getattr(getattr(processor, "tokenizer", processor), "all_special_tokens", ()) or ()) | {"[CLS]"}
        return [i for i, name in enumerate(names) if name in known]

    def _code(self, name: str, *, edges: bool) -> str:
        ask, at = self._asked, self.session.selection.example
        index = f"[:, {ask.head}]" if edges else f"[{at}, {ask.head}]"
        if ask.over in ("mean of heads", "largest of heads"):
            ending = "mean(0)" if ask.over.startswith("mean") else "amax(0)"
            index = f"[{at}].{ending}"
        return f"maps = wb.interpret.attention(model, inputs)\nmaps[{name!r}].weights{index}"

    # All heads

    def _about(self, scene: Scene, at: int) -> dict[str, Any]:
        layer = scene.layers[at]
        held = bool(layer.maps) or at == self._asked.layer
        return {"heads": scene.plane(at).heads if held else 1, "kept": held}

    def _thumbnails(self, scene: Scene) -> dict[str, Packed]:
        """All heads small, each on its own scale, and figures by which they are found."""
        held = [i for i, layer in enumerate(scene.layers) if layer.maps or i == self._asked.layer]
        planes = [scene.plane(i) for i in held]
        longest = max(max(plane.shape) for plane in planes)
        across = max(plane.heads for plane in planes)
        room = min(_OVERVIEW[0] // across, _OVERVIEW[1] // len(scene.layers)) - 2
        side = min(max(room, _THUMBS[0]), _THUMBS[1], longest)
        small = torch.cat([plane.thumbnails(side) for plane in planes])
        tops = small.nan_to_num(0.0, 0.0, 0.0).amax((1, 2), keepdim=True).clamp_min(1e-12)
        found = torch.cat(
            [scores(plane, _READ, square=not scene.layer(i).crosses) for i, plane in zip(held, planes, strict=True)]
        )
        return {**packed("thumbs", small / tops, bits=8), "scores": Packed(found.numpy())}

    def _pictured(self, scene: Scene) -> dict[str, Packed]:
        """The picture that is looked at, or where the nodes of a graph lie."""
        plane = self._plane(scene)
        if scene.image is not None and scene.grid(self._asked.layer, plane.keys) is not None:
            return {"image": Packed(drawable(scene.image))}
        if isinstance(plane, Edges) and plane.edges.size(1) <= _EDGES:
            inputs = self.session.batch.inputs
            graph = next(iter(inputs.values() if isinstance(inputs, Mapping) else inputs), None)
            return {"places": Packed(placed(plane.edges, plane.queries, getattr(graph, "pos", None)))}
        return {}

    # Without a page

    def text(self) -> str:
        """The attentions as aligned columns."""
        return "" if self._seen is None else str(self._seen.maps)

    def picture(self) -> str:
        """What is chosen as a picture."""
        if self._seen is None:
            return ""
        if self._seen.empty:
            return f"<p>{escape(_nothing(self._seen.maps))}</p>"
        layer = self._seen.layers[self._asked.layer].name
        one = self.image()
        label = f"Attention of {layer}, head {self._asked.head}: queries down, keys across, dark is much"
        return f"<p>{escape(label)}</p>{picture(one, label, max(1, 240 // max(1, *one.shape)))}"

    def chosen(self) -> dict[str, int | str]:
        """The head, how it is shown and, where one was pointed at, the query."""
        token = self.session.selection.token
        return self._asked.chosen() | ({} if token is None else {"query": token})

    def table(self) -> Table:
        """What is chosen, a row for every query and key; positions count from 0. Of a long input the first 512."""
        scene, window = self._readable()
        queries, keys = scene.labels(self._asked.layer)
        name = scene.layers[self._asked.layer].name
        rows = [
            (name, self._asked.head, i, queries[i], j, keys[j], weight)
            for i, row in enumerate(window.tolist())
            for j, weight in enumerate(row)
        ]
        return Table(("layer", "head", "query", "query token", "key", "key token", "weight"), rows)

    def image(self) -> NDArray[np.uint8]:
        """What is chosen, queries down, keys across; dark is much."""
        return (255 - companded(self._readable()[1].abs().numpy()).data).astype(np.uint8)

    def _readable(self) -> tuple[Scene, Tensor]:
        """What is chosen at full precision, (queries, keys), of a long input the first."""
        scene = self._scene()
        if scene.empty:
            raise DataError(_nothing(scene.maps))
        self._asked = replace(self._asked, layer=min(self._asked.layer, len(scene.layers) - 1))
        plane, head = self._shown(scene)
        return scene, plane.window(head, (0, min(_MOST, plane.queries)), (0, min(_MOST, plane.keys)), _MOST)


def _nothing(maps: AttentionMaps) -> str:
    return maps.reason or "No attention was computed by this model on this input."


def _blank(window: Tensor, rows: tuple[int, int], columns: tuple[int, int], hidden: Sequence[Sequence[int]]) -> Tensor:
    """The window with the rows and columns of special tokens at zero; of patches, those that hold nothing else."""
    window = window.clone()
    for axis, (first, end), positions in ((0, rows, hidden[0]), (1, columns, hidden[1])):
        pixels = window.size(axis)
        shown = torch.ones(end - first)
        inside = [p - first for p in positions if first <= p < end]
        shown[inside] = 0
        at = torch.arange(end - first) * pixels // max(1, end - first)
        live = torch.zeros(pixels).scatter_reduce_(0, at, shown, "amax")
        window.index_fill_(axis, (live == 0).nonzero().flatten(), 0.0)
    return window


def _strip(plane: Plane, head: int, query: int, *, square: bool) -> dict[str, Any]:
    """What a query looks at most and who looks at it, as positions and weights: a page has only patches."""

    def strongest(weights: Tensor) -> list[list[float]]:
        best = weights.abs().nan_to_num(0.0).topk(min(_STRONGEST, len(weights))).indices.tolist()
        return [[i, float(weights[i])] for i in best]

    by = {"by": strongest(plane.column(head, query))} if square else {}
    return {"of": query, "to": strongest(plane.row(head, query)), **by}


VIEW = AttentionView

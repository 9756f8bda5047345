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
from workbench.interpret import KnockOut, Session
from workbench.panels.page.frame import Frame, Packed, companded
from workbench.panels.page.sketch import picture
from workbench.panels.page.table import Table
from workbench.panels.views._attention_asking import within
from workbench.panels.views._attention_choice import Choice
from workbench.panels.views._attention_compared import Compared, Labels, in_a_row
from workbench.panels.views._attention_compared import small as differences
from workbench.panels.views._attention_doubts import doubts, facts
from workbench.panels.views._attention_layers import Layer, rolled_names
from workbench.panels.views._attention_packing import packed
from workbench.panels.views._attention_planes import Edges, Plane
from workbench.panels.views._attention_points import sampled
from workbench.panels.views._attention_scene import Scene
from workbench.panels.views._attention_small import (
    EDGES,
    blanked,
    drawn_layers,
    pictured,
    rows,
    side_of,
    special,
    strip,
    thumbnails,
)
from workbench.panels.views._view import View, source

_MOST = 512
"""rows and columns of a head that travel at a time; of more, patches"""
_FINE = 64
"""positions up to which figures travel with 16 bits"""
_FIRST = 20_000
"""bytes of a first paint, beyond which the thumbnails follow in a second"""
_LINES = 80
"""positions up to which lines between tokens are offered"""


class AttentionView(View):
    """Who looks at what, in every head."""

    title: ClassVar[str] = "Attention"
    place: ClassVar[int] = 10
    compares: ClassVar[bool] = True

    def __init__(self, session: Session, columns: Sequence[str] = ()) -> None:
        super().__init__(session, columns)
        self._choice = Choice(session)
        self._drawn = False
        self._sent: set[str] = set()
        """what the page has got to draw on: the script, the picture, where nodes lie"""
        self._said: Labels = ([], [])

    def whole(self) -> Iterator[Frame]:
        """The chosen head large and, where that is more than a first paint may cost in a second frame, all small."""
        scene = self._choice.scene
        if scene.empty:
            yield Frame(refused=scene.nothing)
            return
        self._choice.take({})
        self._choice.go_along()
        try:
            plane = self._choice.layer_plane()
        except DataError as error:
            yield Frame(refused=str(error))
            return
        if not all(plane.shape):
            yield Frame(refused="This input has no positions, so nothing can look at anything: give one token or more.")
            return
        at = self._choice.asked.layer
        self._sent.clear()
        (drawn, script), small = self._scenes(), thumbnails(scene, at)
        self._sent |= {*drawn, *script}
        one = self._head(labels=True)
        one = replace(one, meta={**one.meta, "layers": rows(scene, at), **script}, arrays={**one.arrays, **drawn})
        if (second := self._choice.second) is not None and not second.empty:
            small |= differences(scene, drawn_layers(scene, at), second, side_of(scene, at))
        if not self._drawn and one.message()["bytes"] + sum(a.data.nbytes for a in small.values()) > _FIRST:
            yield one
        self._drawn = True
        yield replace(one, arrays={**one.arrays, **small})

    def part(self, wish: Mapping[str, Any]) -> Iterator[Frame]:
        """One head, several as one, a difference or a part of these."""
        if self._choice.scene.empty:
            yield Frame(refused=self._choice.scene.nothing)
            return
        self._choice.take(wish)
        self._choice.point(wish)
        knocked = self._choice.knocked_out() if wish.get("off") else None
        one, drawn, script = self._head(labels=False, knocked=knocked), *self._scenes()
        drawn = {name: array for name, array in drawn.items() if name not in self._sent}
        yield replace(one, meta={**one.meta, **script}, arrays={**one.arrays, **drawn})
        self._sent |= {*drawn, *script}

    def _scenes(self) -> tuple[dict[str, Packed], dict[str, str]]:
        """The picture or the nodes under the layer on show, and the script that draws on them where it is needed."""
        plane, drawn = self._choice.layer_plane(), pictured(self._choice.scene, self._choice.asked.layer)
        wanted = (drawn or max(plane.shape) <= _LINES) and "script" not in self._sent
        return drawn, {"script": source("attention_scenes")} if wanted else {}

    def _names(self, scene: Scene, at: int) -> tuple[list[str], list[str]]:
        """Of queries and keys: tokens, patches, or what a person called the positions of the input."""
        queries, keys = scene.labels(at)
        if not self.columns or self.session.tokens:
            return queries, keys
        called = list(self.columns)
        return called if len(queries) == len(called) else queries, called if len(keys) == len(called) else keys

    def _head(self, *, labels: bool, knocked: KnockOut | None = None) -> Frame:
        """What is chosen, with the names of its positions where the page does not know them."""
        plane, head = self._choice.plane()
        scene, ask = self._choice.scene, self._choice.asked
        layer, names = scene.layer(ask.layer), self._names(scene, ask.layer)
        spans = within(ask.rows, plane.queries), within(ask.columns, plane.keys)
        window = plane.window(head, *spans, _MOST)
        if ask.hide:
            window = blanked(window, spans, [special(self.session.processor, each) for each in names])
        pair = None if ask.against else self._pair(plane, head, names)
        meta: dict[str, Any] = {
            **ask.chosen(),
            "over": ask.over,
            "against": ask.against,
            "hide": int(ask.hide),
            "size": list(plane.shape),
            "window": [*spans[0], *spans[1]],
            "facts": facts(layer, plane, head, ids=scene.ids(ask.layer), knocked=knocked),
            "overs": self._choice.combinations(),
            **self._placed(scene, layer, plane),
            **(self._labelled(names) if labels or not self._drawn or names != self._said else {}),
        }
        if window.shape != tuple(end - first for first, end in spans):
            meta["strip"] = strip(plane, head, meta["query"], square=not layer.crosses)
        if labels:
            self._said = names
        bits = 16 if max(window.shape) <= _FINE else 8
        least = 0.0 if pair is None else pair.top
        arrays = packed("head", window, bits=bits, signed=bool(ask.against), least=least)
        if pair is not None:
            arrays |= pair.arrays(bits, arrays["head"].top)
            meta |= {"beside": pair.meta(), "facts": [*meta["facts"], *pair.facts(*spans)]}
        if isinstance(plane, Edges) and plane.edges.size(1) <= EDGES:
            arrays["edges"] = Packed(plane.edges.numpy().astype(np.int32))
            arrays |= packed("edge", plane.weights[:, head].float(), bits=8)
        about, points = sampled(layer, ask, scene.example, spans[0], meta["query"])
        meta, arrays = meta | about, arrays | points
        comparing = bool(ask.against) or (pair is not None and pair.apart is not None)
        said = doubts(scene, layer, window, comparing=comparing)
        return Frame(meta=meta, arrays=arrays, doubts=said, code=self._code(layer))

    def _pair(self, plane: Plane, head: int, names: Labels) -> Compared | None:
        """What stands beside the head; None where nothing is compared."""
        found = self._choice.beside()
        if found is None:
            return None
        called = names if found.scene is None else self._names(found.scene, found.layer)
        return Compared(found, self._choice.asked, plane, head, (names, called), _MOST)

    def _placed(self, scene: Scene, layer: Layer, plane: Plane) -> dict[str, Any]:
        """Which position is meant, and how positions hang together: steps, a picture, a second sequence."""
        ask = self._choice.asked
        found: dict[str, Any] = {
            "query": min(self.session.selection.token or 0, plane.queries - 1),
            "other": self.session.other is not None,
            "crosses": layer.crosses,
        }
        if len(layer.maps) > 1:
            found["steps"] = list(layer.ends)
        if layer.again > 1:
            found["again"] = [min(ask.step, layer.again - 1), layer.again]
        if (grid := scene.grid(ask.layer, plane.keys)) is not None:
            found["grid"] = [grid.rows, grid.columns, grid.before]
        return found

    def _labelled(self, names: Labels) -> dict[str, Any]:
        """Names of queries and keys, and which of them are special."""
        hidden = [special(self.session.processor, each) for each in names]
        return {"queries": names[0], "keys": names[1], "special": hidden}

    def _code(self, layer: Layer) -> str:
        ask, at = self._choice.asked, self.session.selection.example
        lines, name = "maps = wb.interpret.attention(model, inputs)\n", repr(layer.maps[-1].name)
        if ask.over == "rollout":
            return f"{lines}maps.rollout({rolled_names(self._choice.scene.layers, ask.layer, layer)})[{at}]"
        if layer.maps[0].edges is not None:
            return f"{lines}maps[{name}].weights[:, {ask.head}]"
        endings = {"mean of heads": ".mean(0)", "largest of heads": ".amax(0)"}
        index = f"[{at}]{endings[ask.over]}" if ask.over in endings else f"[{at}, {ask.head}]"
        return f"{lines}maps[{name}].weights{index}"

    def text(self) -> str:
        """The attentions as aligned columns."""
        looked = self._choice.looked
        if looked is None:
            return ""
        beside, other = self._choice.beside() if not looked.empty else None, self._choice.second
        if beside is None or other is None:
            return str(looked.maps)
        return f"{beside.names[0]}\n{looked.maps}\n\n{beside.names[1]}\n{other.maps}"

    def picture(self) -> str:
        """What is chosen as a picture."""
        looked = self._choice.looked
        if looked is None:
            return ""
        if looked.empty:
            return f"<p>{escape(looked.nothing)}</p>"
        one = self.image()
        if not one.size:
            return ""
        label = f"Attention of {looked.layers[self._choice.asked.layer].name}, head {self._choice.asked.head}"
        about = f"{label}: queries down, keys across, dark is much"
        if (pair := self._pair_of_files()) is not None:
            third = f", {pair.beside.names[0]} minus {pair.beside.names[1]}" if pair.apart is not None else ""
            about += f"; from left to right {', '.join(pair.beside.names)}{third}. {pair.beside.said}"
        return f"<p>{escape(about)}</p>{picture(one, about, max(1, 240 // max(one.shape)))}"

    def chosen(self) -> dict[str, int | str]:
        """The head, how it is shown and, where one was pointed at, the query."""
        token = self.session.selection.token
        return self._choice.asked.chosen() | ({} if token is None else {"query": token})

    def table(self) -> Table:
        """What is chosen, a row for every query and key; positions count from 0. Of a long input the first 512.

        Where two are compared, the first column says which of them a row is of.
        """
        window = self._readable()
        scene, ask = self._choice.scene, self._choice.asked
        found = _rows(scene.layers[ask.layer].name, ask.head, window, self._names(scene, ask.layer))
        columns = ("layer", "head", "query", "query token", "key", "key token", "weight")
        pair = self._pair_of_files()
        if pair is None or pair.second is None or pair.beside.scene is None:
            return Table(columns, found)
        other, (first, second) = pair.beside, pair.beside.names
        beside = _rows(pair.beside.scene.layers[other.layer].name, ask.head, pair.second, pair.labels)
        both = [*((first, *row) for row in found), *((second, *row) for row in beside)]
        return Table(("input", *columns), both)

    def image(self) -> NDArray[np.uint8]:
        """What is chosen, queries down, keys across; dark is much.

        Where two are compared, the second stands to the right on the same scale and then, where both have the same
        positions, the first minus the second: blue where the first has more, orange where the second has.
        """
        window, pair = self._readable(), self._pair_of_files()
        if pair is None:
            return (255 - companded(window.abs().numpy()).data).astype(np.uint8)
        return in_a_row(window, pair)

    def _pair_of_files(self) -> Compared | None:
        """What stands beside what is chosen, of a long input the first part."""
        plane, head = self._choice.plane()
        scene, ask = self._choice.scene, self._choice.asked
        if ask.against or not all(plane.shape):
            return None
        self._choice.asked = replace(ask, rows=(0, _MOST), columns=(0, _MOST))
        try:
            return self._pair(plane, head, self._names(scene, ask.layer))
        finally:
            self._choice.asked = ask

    def _readable(self) -> Tensor:
        """What is chosen at full precision, (queries, keys), of a long input the first."""
        scene = self._choice.scene
        if scene.empty:
            raise DataError(scene.nothing)
        self._choice.take({})
        plane, head = self._choice.plane()
        if not all(plane.shape):
            return torch.zeros(plane.shape)
        return plane.window(head, (0, min(_MOST, plane.queries)), (0, min(_MOST, plane.keys)), _MOST)


def _rows(layer: str, head: int, window: Tensor, names: Labels) -> list[tuple[Any, ...]]:
    """A row of a table for every query and key of a window that begins at the first."""
    weights = enumerate(window.tolist())
    return [(layer, head, i, names[0][i], j, names[1][j], w) for i, row in weights for j, w in enumerate(row)]


VIEW = AttentionView

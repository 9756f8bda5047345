"""Scene: what one forward of a session has to show, layer by layer.

Layers that did not fit under the byte cap are computed alone when they are asked for.
"""

from collections.abc import Sequence
from functools import cached_property

from torch import Tensor

from workbench.core.errors import DataError
from workbench.interpret import AttentionMap, AttentionMaps, Session, attention
from workbench.interpret._labels import token_ids
from workbench.panels.views._attention_layers import SAMPLES, Layer, layers
from workbench.panels.views._attention_places import Grid, grid_of, picture_of
from workbench.panels.views._attention_planes import Plane

ALONE = 1 << 30
"""bytes that one layer may hold for a while when a person asks for one that did not fit under the session's cap"""


class Scene:
    """The layers of a session's attention on the example that is looked at."""

    def __init__(self, session: Session, step: int = 0) -> None:
        """Look at what the session captured; computes it if there is nothing yet.

        Args:
            session: The model and input.
            step: Which forward is meant where the same positions are looked at again and again.
        """
        self.session, self.step = session, step
        self.maps: AttentionMaps = session.attention
        self.example = session.selection.example
        self.layers: Sequence[Layer] = _ordered(layers(self.maps, step), session)
        self._planes: dict[int, Plane] = {}
        self._fetched: tuple[int, Layer] | None = None

    @property
    def holds(self) -> bool:
        """Whether the session still looks at what is shown here."""
        return self.session.attention is self.maps and self.session.selection.example == self.example

    @property
    def empty(self) -> bool:
        """Whether there is nothing to show."""
        return not self.layers

    @property
    def nothing(self) -> str:
        """Why there is nothing to show."""
        return self.maps.reason or "No attention was computed by this model on this input."

    def layer(self, at: int) -> Layer:
        """A layer with its maps.

        Raises:
            DataError: It does not fit alone either, or has no positions.
        """
        layer = self.layers[at]
        if layer.maps:
            return layer
        if self._fetched is None or self._fetched[0] != at:
            if self._fetched is not None:
                self._planes.pop(self._fetched[0], None)
            self._fetched = None
            self._fetched = (at, Layer(layer.name, (self._alone(layer.name),)))
        return self._fetched[1]

    def plane(self, at: int) -> Plane:
        """A layer's heads.

        Raises:
            DataError: As ``layer``.
        """
        if at not in self._planes:
            self._planes[at] = self.layer(at).plane(self.example)
        return self._planes[at]

    @cached_property
    def kept(self) -> Sequence[int]:
        """Positions of the layers that are held."""
        return [i for i, layer in enumerate(self.layers) if layer.maps]

    @cached_property
    def image(self) -> Tensor | None:
        """The example, where it is a picture."""
        return picture_of(self.session)

    def grid(self, at: int, positions: int) -> Grid | None:
        """How the keys of a layer lie on the picture."""
        if self.image is not None and self.layer(at).maps[0].kind == "deformable":
            return Grid(SAMPLES, SAMPLES, 0)
        return grid_of(self.image, positions)

    def ids(self, at: int) -> Tensor | None:
        """(positions,) the token ids that a layer looks at; None where there are none."""
        found = token_ids(self.session.batch, decoder="decoder" in self.layers[at].name)
        found = token_ids(self.session.batch) if found is None else found
        return None if found is None or not len(found) else found[min(self.example, len(found) - 1)].cpu()

    def labels(self, at: int) -> tuple[list[str], list[str]]:
        """Of a layer's queries and keys; patches of a picture are called by their row and column."""
        queries, keys = self.layer(at).labels(self.example)
        found = [queries, keys]
        for i, names in enumerate(found):
            grid = grid_of(self.image, len(names))
            if grid is not None and names == [str(k) for k in range(len(names))]:
                found[i] = grid.labels(self.session.model)
        return found[0], found[1]

    def _alone(self, name: str) -> AttentionMap:
        held, room = self.session, max(self.session.max_bytes, ALONE)
        module = name.partition("@")[0]
        maps = attention(
            held.model, held.batch, modules=[module], max_bytes=room, call=held.call, processor=held.processor
        )
        found = next((one for one in maps if name in (one.name, one.module)), None)
        if found is None:
            raise DataError(
                f"The attention of {name!r} does not fit under {room / 1e9:.1f} GB even alone: give a shorter input."
            )
        return found


def _ordered(found: list[Layer], session: Session) -> list[Layer]:
    """In the order of the model where some did not fit, so that they stand among their neighbours."""
    if all(layer.maps for layer in found):
        return found
    place = {name: i for i, (name, _) in enumerate(session.model.named_modules())}
    return sorted(found, key=lambda layer: place.get(layer.name.partition("@")[0], len(place)))

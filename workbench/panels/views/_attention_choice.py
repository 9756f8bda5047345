"""Choice: which head of which layer is on show, several as one or a difference, and the plane that comes of it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from workbench.interpret import KnockOut, Session, knock_out
from workbench.panels.page.wishes import whole_number
from workbench.panels.views._attention_asking import Asked, asked
from workbench.panels.views._attention_beside import Beside, beside, held_planes
from workbench.panels.views._attention_combining import combinations, combined
from workbench.panels.views._attention_planes import Dense, Plane
from workbench.panels.views._attention_scene import Scene


class Choice:
    """What a person looks at in the attention of a session; it goes along when the session looks at something else."""

    def __init__(self, session: Session) -> None:
        """Begin with the first head."""
        self.session = session
        self.asked = Asked()
        self._seen: Scene | None = None
        self._other: Scene | None = None

    @property
    def scene(self) -> Scene:
        """What the session has captured, looked at once for as long as it holds."""
        if self._seen is None or not self._seen.holds or self._seen.step != self.asked.step:
            self._seen = Scene(self.session, self.asked.step)
        return self._seen

    @property
    def looked(self) -> Scene | None:
        """What was looked at last; None before the first time."""
        return self._seen

    def take(self, wish: Mapping[str, Any]) -> None:
        """Look at what is wished, out of what exists."""
        self.asked = asked(wish, self.asked, len(self.scene.layers))

    def point(self, wish: Mapping[str, Any]) -> None:
        """Tell the session which head and token are meant, so that other tabs and panels mean them too."""
        plane = self.layer_plane()
        token = {"token": whole_number(wish, "query", max(1, plane.queries))} if "query" in wish else {}
        self.session.select(layer=self.scene.layers[self.asked.layer].name, head=self.asked.head, **token)

    def go_along(self) -> None:
        """Look at the head that another panel points at, if one does."""
        chosen, names = self.session.selection, [layer.name for layer in self.scene.layers]
        if chosen.layer in names and chosen.head is not None:
            self.asked = replace(self.asked, layer=names.index(chosen.layer), head=chosen.head)

    def knocked_out(self) -> KnockOut:
        """The output without the head on show."""
        self.layer_plane()
        name, held = self.scene.layer(self.asked.layer).maps[0].name, self.session
        return knock_out(held.model, held.batch, [(name, self.asked.head)], call=held.call)

    def layer_plane(self) -> Plane:
        """The layer of the head, which is moved into the range of the layer's heads."""
        plane = self.scene.plane(self.asked.layer)
        self.asked = replace(self.asked, head=min(self.asked.head, plane.heads - 1))
        return plane

    def plane(self) -> tuple[Plane, int]:
        """The plane and the head in it that are on show; as a difference, a plane of its own."""
        self.layer_plane()
        plane, head = self._over(self.asked.head)
        if not self.asked.against:
            return plane, head
        base = self._pinned() if self.asked.against == "pinned" else self.beside()
        whole = (0, plane.queries), (0, plane.keys)
        if base is None or (apart := base.apart(plane, head, *whole)) is None:
            self.asked = replace(self.asked, against="")
            return plane, head
        return Dense(apart[None]), 0

    def beside(self) -> Beside | None:
        """The same head on the second input or in the second model; None where there is neither."""
        other = self.second
        ask = self.asked
        return None if other is None else beside(self.scene, ask.layer, ask.head, ask.over, other)

    @property
    def second(self) -> Scene | None:
        """The second input of the session, where there is one."""
        other = self.session.other
        if other is None:
            self._other = None
        elif self._other is None or self._other.session is not other or not self._other.holds:
            self._other = Scene(other, self.asked.step)
        return self._other

    def combinations(self) -> list[str]:
        """Ways in which several heads can be shown as one here."""
        at = self.asked.layer
        return combinations(*held_planes(self.scene, at), crosses=self.scene.layer(at).crosses)

    def _over(self, head: int) -> tuple[Plane, int]:
        plane = self.scene.plane(self.asked.layer)
        if self.asked.over and self.asked.over in self.combinations():
            return combined(self.asked.over, *held_planes(self.scene, self.asked.layer)), 0
        self.asked = replace(self.asked, over="")
        return plane, min(head, plane.heads - 1)

    def _pinned(self) -> Beside:
        ask = self.asked
        plane = self.scene.plane(min(ask.pin[0], len(self.scene.layers) - 1))
        return Beside(names=("this head", "the pinned head"), plane=plane, head=min(ask.pin[1], plane.heads - 1))

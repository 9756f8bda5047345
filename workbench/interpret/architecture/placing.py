"""Placing: coordinates for the boxes of a plan. The page does the same sums for what a person has opened."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from workbench.interpret.architecture.layout import Box, Link, Part, Plan, opened, starts_open

GAP_X, GAP_Y, PAD, HEAD, LANE = 20, 30, 14, 28, 16
TALL, FLAT = 40, 24
"""heights of a closed box and of a torch call"""


@dataclass(slots=True)
class Line:
    """A tensor's way, relative to the box around it."""

    path: str
    """of an SVG"""
    residual: bool
    tip: tuple[float, float, int, int] | None
    """where its arrow ends, and in which direction it goes; None at the border of a box"""


@dataclass(slots=True)
class Placed:
    """A box with its place."""

    part: Part
    box: Box
    depth: int
    width: float = 0.0
    height: float = 0.0
    axis: float = 0.0
    """where lines enter and leave, from its left"""
    x: float = 0.0
    """relative to the box around it"""
    y: float = 0.0
    is_open: bool = False
    inner: "list[Placed]" = field(default_factory=list["Placed"])
    lines: list[Line] = field(default_factory=list[Line])
    texts: list[tuple[float, float, str, int]] = field(default_factory=list[tuple[float, float, str, int]])
    """where a text stands beside a line, and on which side: -1 left, 1 right"""


def placed(plan: Plan, levels: int | None = None) -> Placed:
    """Coordinates of everything with so many levels open."""
    everything = Part("", len(plan.boxes) - 1)
    return _placed(plan, everything, -1, plan.depth if levels is None else levels)


def _placed(plan: Plan, part: Part, depth: int, levels: int) -> Placed:
    box = plan.boxes[part.box]
    if not (depth < 0 or starts_open(box, depth, levels)):
        tall = FLAT if box.kind == "operation" else TALL
        return Placed(part, box, depth, part.width, tall, part.width / 2)
    here = Placed(part, box, depth, is_open=True)
    drawn = opened(plan.boxes, box) if depth >= 0 else box
    here.inner = [_placed(plan, inside, depth + 1, levels) for inside in drawn.parts]
    _Arranged(here, drawn.rows, drawn.links).fill(0 if depth < 0 else HEAD)
    return here


class _Arranged:
    """One box's parts in rows, and its links between, around and beside them."""

    def __init__(self, here: Placed, rows: Sequence[Sequence[int]], links: Sequence[Link]) -> None:
        self.here, self.rows, self.links = here, rows, links
        self.count = len(here.inner)
        self.row = {-1: -1, self.count: len(rows)} | {i: r for r, row in enumerate(rows) for i in row}
        self.into: list[list[int]] = [[] for _ in here.inner]
        self.labelled: dict[int, float] = {}
        self.of: dict[int, list[Link]] = {}
        for link in links:
            self.of.setdefault(link.source, []).append(link)
            if link.target < self.count:
                self.labelled[link.source] = 12 + 5.6 * len(link.text)
                if link.source >= 0:
                    self.into[link.target].append(link.source)
        self.left = [0.0] * len(rows)
        self.right = [0.0] * len(rows)
        self.tops, self.bottoms = [0.0] * len(rows), [0.0] * len(rows)

    def fill(self, head: float) -> None:
        """Give everything its place."""
        here = self.here
        for r in range(len(self.rows)):
            self._abreast(r)
        y = head + (GAP_Y / 2 if any(link.source < 0 for link in self.links) else PAD / 2 if head else 0)
        self.begin = head
        for r, row in enumerate(self.rows):
            tall = max(here.inner[i].height for i in row)
            for i in row:
                here.inner[i].y = y + (tall - here.inner[i].height) / 2
            self.tops[r], self.bottoms[r] = y, y + tall
            y += tall + GAP_Y
        leaves = any(link.target == self.count for link in self.links)
        here.height = self.bottoms[-1] + (GAP_Y / 2 if leaves else PAD if head else 0)
        lanes = self._lanes()
        here.axis = max(PAD - min(self.left), here.part.width / 2 if not head else 0)
        here.width = max(here.axis + max(self.right) + PAD, float(here.part.head if head else 0))
        for one in here.inner:
            one.x += here.axis
        self._draw(lanes)

    def _abreast(self, r: int) -> None:
        """The parts of a row side by side, each below those that it reads as far as there is room."""
        inner, row = self.here.inner, self.rows[r]
        wanted: dict[int, float] = {}
        for i in row:
            above = [inner[source] for source in self.into[i]]
            wanted[i] = sum(one.x + one.axis for one in above) / len(above) if above else 0.0
        order = sorted(row, key=lambda i: (wanted[i], i))
        middles, edge = list[float](), None
        for i in order:
            middles.append(wanted[i] if edge is None else max(wanted[i], edge + GAP_X + inner[i].axis))
            edge = middles[-1] + max(inner[i].width - inner[i].axis, self.labelled.get(i, 0.0))
        shift = sum(wanted[i] - middle for i, middle in zip(order, middles, strict=True)) / len(row)
        for i, middle in zip(order, middles, strict=True):
            inner[i].x = middle + shift - inner[i].axis
        self.left[r] = inner[order[0]].x
        self.right[r] = (edge or 0) + shift

    def _lanes(self) -> dict[tuple[int, bool], float]:
        """Columns beside the rows for what skips rows: one for each source, the shortest nearest."""
        last: dict[tuple[int, bool], int] = {}
        for link in self.links:
            if self._long(link):
                key = (link.source, link.residual)
                last[key] = max(last.get(key, 0), self.row[link.target])
        found: dict[tuple[int, bool], float] = {}
        for source, residual in sorted(last, key=lambda key: (last[key] - self.row[key[0]], key)):
            span = range(self.row[source] + 1, last[source, residual])
            start = self.here.inner[source].x + self.here.inner[source].axis if source >= 0 else 0.0
            side, sign = (self.left, -1) if residual or start < 0 else (self.right, 1)
            # A source that stands beside what is skipped is followed straight down.
            x = max([sign * side[r] + LANE for r in span] + [LANE, sign * start])
            for r in span:
                side[r] = sign * x
            found[source, residual] = sign * x
        return found

    def _long(self, link: Link) -> bool:
        return self.row[link.target] - self.row[link.source] > 1

    def _draw(self, lanes: dict[tuple[int, bool], float]) -> None:
        here, said = self.here, set[int]()
        for link in self.links:
            x0, y0 = self._below(link.source)
            x1, y1 = self._above(link.target)
            inside = link.target < self.count
            if link.source >= 0 and link.source not in said and inside and link.text:
                said.add(link.source)
                here.texts.append((x0, y0 + 15, link.text, self._side(link.source, lanes)))
            if not self._long(link):
                x1 += self._spread(link)
                here.lines.append(Line(_curve(x0, y0, x1, y1), link.residual, (x1, y1, 0, 1) if inside else None))
                continue
            x = here.axis + lanes[link.source, link.residual]
            turn = (self.begin if link.source < 0 else self.bottoms[self.row[link.source]]) + 7
            beside = self._beside(link, x)
            if beside is not None:
                sign = 1 if x < beside[0] else -1
                path = _way([(x0, y0), (x0, turn), (x, turn), (x, beside[1]), beside])
                here.lines.append(Line(path, link.residual, (*beside, sign, 0)))
            else:
                back = (self.tops[self.row[link.target]] if inside else here.height) - 9
                path = _way([(x0, y0), (x0, turn), (x, turn), (x, back), (x1, back), (x1, y1)])
                here.lines.append(Line(path, link.residual, (x1, y1, 0, 1) if inside else None))

    def _side(self, source: int, lanes: dict[tuple[int, bool], float]) -> int:
        """Where there is room for a text below a part: -1 left, 1 right."""
        x0, _ = self._below(source)
        own = self.of[source]
        ways = [
            self.here.axis + lanes[source, link.residual] if self._long(link) else self._above(link.target)[0]
            for link in own
        ]
        return -1 if any(x > x0 + 1 for x in ways) else 1

    def _below(self, source: int) -> tuple[float, float]:
        if source < 0:
            return self.here.axis, self.begin
        one = self.here.inner[source]
        return one.x + one.axis, one.y + one.height

    def _above(self, target: int) -> tuple[float, float]:
        if target >= self.count:
            return self.here.axis, self.here.height
        one = self.here.inner[target]
        return one.x + one.axis, one.y

    def _spread(self, link: Link) -> float:
        """Several short lines into one box do not end in one point."""
        inner = self.here.inner
        if link.target >= self.count or link.source < 0:
            return 0.0
        reads = [o for source in self.into[link.target] for o in self.of[source] if o.target == link.target]
        near = [o for o in reads if not self._long(o)]
        order = sorted(near, key=lambda o: inner[o.source].x)
        room = min(12.0, max(0.0, inner[link.target].width - 16) / max(1, len(order)))
        return (order.index(link) - (len(order) - 1) / 2) * room

    def _beside(self, link: Link, lane: float) -> tuple[float, float] | None:
        """The side of the target, where nothing stands between it and the lane."""
        if link.target >= self.count:
            return None
        inner, target = self.here.inner, self.here.inner[link.target]
        row = [inner[i].x for i in self.rows[self.row[link.target]]]
        left = lane < target.x + target.axis
        if target.x != (min(row) if left else max(row)) or target.is_open:
            return None
        return target.x + (0 if left else target.width), target.y + target.height / 2


def _curve(x0: float, y0: float, x1: float, y1: float) -> str:
    if abs(x0 - x1) < 0.5:  # noqa: PLR2004 - half a pixel
        return f"M{x0:g} {y0:g}V{y1:g}"
    middle = (y0 + y1) / 2
    return f"M{x0:g} {y0:g}C{x0:g} {middle:g} {x1:g} {middle:g} {x1:g} {y1:g}"


def _way(points: Sequence[tuple[float, float]]) -> str:
    """Straight pieces with round corners."""
    out = [f"M{points[0][0]:g} {points[0][1]:g}"]
    for (xa, ya), (xb, yb), (xc, yc) in zip(points, points[1:], points[2:], strict=False):
        before, after = abs(xb - xa) + abs(yb - ya), abs(xc - xb) + abs(yc - yb)
        r = min(7.0, before / 2, after / 2)
        if not before or not after:
            continue
        sx, sy = xb - r * (xb - xa) / before, yb - r * (yb - ya) / before
        ex, ey = xb + r * (xc - xb) / after, yb + r * (yc - yb) / after
        out.append(f"L{sx:g} {sy:g}Q{xb:g} {yb:g} {ex:g} {ey:g}")
    return "".join(out) + f"L{points[-1][0]:g} {points[-1][1]:g}"

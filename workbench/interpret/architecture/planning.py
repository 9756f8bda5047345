"""Planning: the boxes of a graph, with what is equal found, what repeats grouped, and every box's parts in rows."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from workbench.interpret.architecture.layout import SYMBOLS, Box, Link, Part, Plan, labels, opened, starts_open, tensor
from workbench.interpret.architecture.reading import Edge, Node

MOST_PARTS = 1000
"""nodes that are drawn one by one in a box; those in the middle of more become one"""

_VISIBLE = 46
"""nodes to begin with, about a page of them"""
_FEW = 3
"""equal modules without parts inside that become a group"""
_MANY = 5
"""torch calls in a row that become one box"""


def planned(nodes: Sequence[Node], edges: Sequence[Edge]) -> Plan:
    """The boxes of a graph."""
    planner = _Planner(nodes)
    links = _lifted(nodes, edges)
    inside: dict[int, list[int]] = {}
    for i, node in enumerate(nodes):
        inside.setdefault(-1 if node.parent is None else node.parent, []).append(i)
    for i in range(len(nodes) - 1, -1, -1):  # children come after their parents
        planner.box(i, inside.get(i, []), links.get(i, {}))
    planner.box(-1, inside.get(-1, []), links.get(-1, {}))
    boxes = tuple(planner.boxes)
    deepest = next((d for d in range(12, 1, -1) if _visible(boxes, len(boxes) - 1, d) <= _VISIBLE), 1)
    return Plan(boxes, deepest)


def _visible(boxes: Sequence[Box], at: int, levels: int, depth: int = -1) -> int:
    box = boxes[at]
    if depth >= 0 and not starts_open(box, depth, levels):
        return 1
    shown = opened(boxes, box) if depth >= 0 else box
    return sum(_visible(boxes, part.box, levels, depth + 1) for part in shown.parts) + (depth >= 0)


_Links = Mapping[tuple[int, int], tuple[Sequence[str], bool]]
_IN, _OUT = -1, -2


def _lifted(nodes: Sequence[Node], edges: Sequence[Edge]) -> dict[int, dict[tuple[int, int], tuple[list[str], bool]]]:
    """Edges as links of every box that they cross: by box, and in it by source and target."""
    found: dict[int, dict[tuple[int, int], tuple[list[str], bool]]] = {}

    def cross(box: int, source: int, target: int, text: str, *, residual: bool) -> None:
        links = found.setdefault(box, {})
        texts, all_residual = links.get((source, target), ([], True))
        if text not in texts:
            texts.append(text)
        links[source, target] = (texts, all_residual and residual)

    for edge in edges:
        text = tensor(edge.shape, edge.dtype)
        source, target = _above(nodes, edge.source), _above(nodes, edge.target)
        shared = 0
        while source[shared] == target[shared]:
            shared += 1
        cross(source[shared - 1], source[shared], target[shared], text, residual=edge.residual)
        for outer, inner in zip(source[shared:], source[shared + 1 :], strict=False):
            cross(outer, inner, _OUT, text, residual=False)
        for outer, inner in zip(target[shared:], target[shared + 1 :], strict=False):
            cross(outer, _IN, inner, text, residual=edge.residual)
    return found


def _above(nodes: Sequence[Node], index: int) -> list[int]:
    """The boxes around a node from the outermost on, and the node."""
    path = [index]
    while (parent := nodes[path[-1]].parent) is not None:
        path.append(parent)
    return [-1, *reversed(path)]


class _Planner:
    def __init__(self, nodes: Sequence[Node]) -> None:
        self.boxes: list[Box] = []
        self._nodes = nodes
        self._known: dict[Box, int] = {}
        self._of: dict[int, int] = {}

    def box(self, index: int, inside: Sequence[int], links: _Links) -> None:
        """Make the box of a node whose parts have theirs; -1 for that around all."""
        path = "" if index < 0 else self._nodes[index].path
        at = {node: i for i, node in enumerate(inside)} | {_IN: -1, _OUT: len(inside)}
        numbered = [Link(at[s], at[t], _text(texts), residual) for (s, t), (texts, residual) in links.items()]
        parts = [self._part(node, path) for node in inside]
        kept, numbered = self._grouped(inside, parts, numbered)
        box = self._filled(self._empty(index), kept, numbered)
        self._of[index] = self._number(box)

    def _empty(self, index: int) -> Box:
        if index < 0:
            return Box("group")
        node = self._nodes[index]
        output = ", ".join(dict.fromkeys(tensor(shape, node.dtype) for shape in node.shapes[:4]))
        more = f" and {len(node.shapes) - 4} more" if len(node.shapes) > 4 else ""  # noqa: PLR2004 - a line's worth
        own = int(node.attention), int(node.residual)
        return Box(node.kind, node.type, output + more, node.parameters, node.operations, node.attention, *own)

    def _filled(self, box: Box, parts: Sequence[Part], links: Sequence[Link]) -> Box:
        if not parts:
            return box
        held = [self.boxes[part.box] for part in parts]
        attentions, residuals = (sum(getattr(b, name) for b in held) for name in ("attentions", "residuals"))
        calls = all(b.kind in ("operation", "more") for b in held)
        return replace(
            box,
            attentions=attentions or box.attentions,
            residuals=residuals,
            plain=calls and not (attentions or residuals or box.attention),
            parts=tuple(parts),
            rows=_rows(len(parts), links),
            links=tuple(sorted(links, key=lambda link: (link.source, link.target))),
        )

    def _number(self, box: Box) -> int:
        if box not in self._known:
            self._known[box] = len(self.boxes)
            self.boxes.append(box)
        return self._known[box]

    def _part(self, node: int, around: str) -> Part:
        box, own = self._of[node], self._nodes[node]
        name, absolute = (own.path if own.kind == "module" else own.name), False
        if own.kind == "module" and around and name.startswith(f"{around}."):
            name = name[len(around) + 1 :]
        elif own.kind == "module":
            absolute = bool(around)
        return self._sized(name, box, absolute=absolute)

    def _sized(self, name: str, box: int, *, absolute: bool = False) -> Part:
        of = self.boxes[box]
        title, under = labels(of, name)
        if of.kind == "operation":
            return Part(name, box, 24 if title in SYMBOLS.values() else 20 + int(6.3 * len(title)))
        wide = (46 if of.parts else 26) + int(max(7.4 * len(title), 6 * len(under)))
        times = 40 if of.kind == "group" else 0
        head = 34 + times + int(7.6 * len(title) + 6.2 * len(name))
        return Part(name, box, max(84, wide + times), head, absolute)

    # Groups

    def _grouped(
        self, inside: Sequence[int], parts: Sequence[Part], links: Sequence[Link]
    ) -> tuple[list[Part], list[Link]]:
        """Runs of equal modules as one part each, and the middle of a long list as one."""
        clusters = self._small_calls(self._runs(inside, parts, links), inside)
        if len(clusters) > MOST_PARTS:
            first, last = 2 * MOST_PARTS // 3, MOST_PARTS // 4
            middle = [i for cluster in clusters[first:-last] for i in cluster]
            clusters = [*clusters[:first], middle, *clusters[-last:]]
        of = {i: c for c, cluster in enumerate(clusters) for i in cluster} | {-1: -1, len(parts): len(clusters)}
        kept: list[Part] = []
        for c, cluster in enumerate(clusters):
            if len(cluster) == 1:
                kept.append(parts[cluster[0]])
                continue
            local = {i: k for k, i in enumerate(cluster)}
            own = [
                Link(local.get(link.source, -1), local.get(link.target, len(cluster)), link.text, link.residual)
                for link in links
                if c in (of[link.source], of[link.target])
            ]
            equal = len({parts[i].box for i in cluster}) == 1 and self.boxes[parts[cluster[0]].box].kind == "module"
            make = self._group if equal else self._more
            kept.append(make([inside[i] for i in cluster], [parts[i] for i in cluster], list(dict.fromkeys(own))))
        return kept, _merged(
            Link(of[link.source], of[link.target], link.text, link.residual)
            for link in links
            if of[link.source] != of[link.target]
        )

    def _runs(self, inside: Sequence[int], parts: Sequence[Part], links: Sequence[Link]) -> list[list[int]]:
        joined = {(link.source, link.target) for link in links}
        clusters: list[list[int]] = []
        for i, part in enumerate(parts):
            same = bool(clusters) and parts[clusters[-1][-1]].box == part.box
            if same and self._nodes[inside[i]].kind == "module" and (i - 1, i) in joined:
                clusters[-1].append(i)
            else:
                clusters.append([i])
        least = [2 if self.boxes[parts[cluster[0]].box].parts else _FEW for cluster in clusters]
        return [
            some
            for cluster, few in zip(clusters, least, strict=True)
            for some in ([cluster] if len(cluster) >= few else [[i] for i in cluster])
        ]

    def _small_calls(self, clusters: Sequence[list[int]], inside: Sequence[int]) -> list[list[int]]:
        """Many torch calls in a row, none of them attention or residual, as one; unless there is nothing else."""
        found: list[list[int]] = []
        small = [all(self._is_small(inside[i]) for i in cluster) for cluster in clusters]
        if all(small):
            return list(clusters)
        for cluster, is_small in zip(clusters, small, strict=True):
            if is_small and found and self._is_small(inside[found[-1][0]]):
                found[-1] += cluster
            else:
                found.append(list(cluster))
        return [
            some
            for run in found
            for some in ([[i] for i in run] if 1 < len(run) < _MANY and self._is_small(inside[run[0]]) else [run])
        ]

    def _is_small(self, node: int) -> bool:
        own = self._nodes[node]
        return own.kind == "operation" and not (own.attention or own.residual)

    def _group(self, members: Sequence[int], parts: Sequence[Part], links: Sequence[Link]) -> Part:
        one, first, last = self.boxes[parts[0].box], parts[0].name, parts[-1].name
        head, _, tail = first.rpartition(".")
        ends = f"{first} … {last.rpartition('.')[2]}" if last.startswith(head) and tail else f"{first} … {last}"
        count, parameters = len(members), one.parameters if first == last else one.parameters * len(members)
        empty = Box("group", one.type, one.output, parameters, one.operations * count)
        whole = replace(self._filled(empty, parts, links), plain=one.plain or not one.parts)
        return self._sized(ends, self._number(whole))

    def _more(self, members: Sequence[int], parts: Sequence[Part], links: Sequence[Link]) -> Part:
        nodes = [self._nodes[i] for i in members]
        calls, modules = sum(node.operations for node in nodes), sum(node.kind == "module" for node in nodes)
        kinds = list(dict.fromkeys(node.name for node in nodes))
        said = f"{calls:,} operations" + (f" in {modules:,} modules" if modules else "")
        box = Box("more", f"… {said}", operations=calls, plain=True)
        if len(parts) <= MOST_PARTS:
            box = self._filled(box, parts, links)
        else:
            of = [self.boxes[self._of[i]] for i in members]
            attentions, residuals = sum(b.attentions for b in of), sum(b.residuals for b in of)
            box = replace(box, attentions=attentions, residuals=residuals)
        names = ", ".join(kinds[:4]) + (" …" if len(kinds) > 4 else "")  # noqa: PLR2004 - what fits on a line
        return self._sized(names, self._number(box))


def _text(texts: Sequence[str]) -> str:
    return ", ".join(texts) if len(texts) <= 2 else f"{len(texts)} tensors"  # noqa: PLR2004 - what fits


def _merged(links: Any) -> list[Link]:
    """One link for each source and target; residual where all of them are."""
    found: dict[tuple[int, int], Link] = {}
    for link in links:
        known = found.get((link.source, link.target))
        if known is None:
            found[link.source, link.target] = link
            continue
        text = known.text if link.text in known.text else f"{known.text}, {link.text}"
        found[link.source, link.target] = Link(link.source, link.target, text, known.residual and link.residual)
    return list(found.values())


def _rows(count: int, links: Sequence[Link]) -> tuple[tuple[int, ...], ...]:
    """Parts by the longest way from the input; one that reads nothing stands right above who reads it."""
    row, before = [0] * count, [0] * count
    for link in sorted(links, key=lambda link: link.target):
        if link.target < count:
            before[link.target] += 1
            if link.source >= 0:
                row[link.target] = max(row[link.target], row[link.source] + 1)
    after: dict[int, int] = {}
    for link in links:
        if link.source >= 0 and link.target < count:
            after[link.source] = min(after.get(link.source, count), row[link.target])
    for i in range(count):
        if not before[i] and i in after:
            row[i] = after[i] - 1
    found: list[list[int]] = [[] for _ in range(max(row, default=-1) + 1)]
    for i in range(count):
        found[row[i]].append(i)
    return tuple(tuple(parts) for parts in found if parts)

"""Saliency: integrated gradients on tokens, pixels or columns, with the completeness gap that belongs to them."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from workbench.core.calling import scores as main_scores
from workbench.core.errors import DataError, ModelError
from workbench.interpret import Attribution, Session
from workbench.panels.page.frame import Doubt, Frame
from workbench.panels.page.sketch import picture
from workbench.panels.page.table import Table
from workbench.panels.page.wishes import whole_number
from workbench.panels.views._saliency_attempts import PATIENCE, Attempts
from workbench.panels.views._saliency_drawn import drawn, row
from workbench.panels.views._view import View

_CHOICES = 12
"""classes offered, the likeliest first"""


class SaliencyView(View):
    """What spoke for and against an answer."""

    title: ClassVar[str] = "Saliency"
    place: ClassVar[int] = 20

    def __init__(self, session: Session, columns: Sequence[str] = ()) -> None:
        super().__init__(session, columns)
        self._first = Attempts(session)
        self._second: Attempts | None = None
        self._shown: Attribution | None = None

    def whole(self) -> Iterator[Frame]:
        """Scores for the session's target, with more and more steps while the gap is open and a person would wait.

        Those of a second input follow; they explain the same.
        """
        try:
            other, found = self._other(), None
            for found in self._first.results(PATIENCE):
                yield self._frame(found, other.kept if other is not None else None)
            if other is not None and found is not None:
                for second in other.results(PATIENCE):
                    yield self._frame(found, second)
        except (DataError, ModelError) as error:
            yield Frame(refused=str(error))

    def part(self, wish: Mapping[str, Any]) -> Iterator[Frame]:
        """Another class is to be explained, or a token or pixel is pointed at."""
        if "token" in wish:
            self.session.select(token=whole_number(wish, "token", 1 << 20))
        if isinstance(wish.get("row"), int) and isinstance(wish.get("column"), int):
            self.session.select(pixel=(max(0, wish["row"]), max(0, wish["column"])))
        if "target" in wish or not {"token", "row", "column"} & set(wish):
            choices = {choice["value"] for choice in self._choices()}
            target = wish.get("target")
            label = target if isinstance(target, int) and target in choices and target >= 0 else None
            self.session.select(label=label)
            self.session.explain(label)
        return self.whole()

    def _other(self) -> Attempts | None:
        """The attempts on the second input, begun when there is one."""
        other = self.session.other
        if other is None:
            self._second = None
        elif self._second is None or self._second.session is not other:
            self._second = Attempts(other)
        return self._second

    def _frame(self, found: Attribution, second: Attribution | None = None) -> Frame:
        self._shown = found
        at = row(self.session, len(found.relative_gap))
        meta, arrays = drawn(found, self.session, self.columns)
        label = found.targets[at] if at < len(found.targets) else ""
        meta |= {
            "target": f"{found.target}: {label}" if label else found.target,
            "choices": self._choices(),
            "chosen": -1 if self.session.selection.label is None else self.session.selection.label,
            "token": self.session.selection.token,
            "pixel": self.session.selection.pixel,
            "facts": self._facts(found, at),
        }
        doubts = self._doubts(found, at)
        if second is not None and self._second is not None:
            meta["other"], others = drawn(second, self._second.session, self.columns)
            arrays |= {f"other_{name}": packed for name, packed in others.items()}
            at = row(self._second.session, len(second.relative_gap))
            label = second.targets[at] if at < len(second.targets) else ""
            meta["other"] |= {"target": f"{second.target}: {label}" if label else second.target}
            gap = _gap(second, at)
            doubts.append(Doubt(gap.level, f"second input: {gap.text}"))
        meta["top"] = max(float(np.abs(a.data).max(initial=0.0)) for n, a in arrays.items() if n.endswith("scores"))
        return Frame(meta=meta, arrays=arrays, doubts=doubts, code=self._code())

    def text(self) -> str:
        """The scores as aligned columns."""
        return "" if self._first.found is None else str(self._first.found)

    def picture(self) -> str:
        """The scores as a drawing."""
        found = self._first.found
        if found is None:
            return ""
        meta, arrays = drawn(found, self.session, self.columns)
        about = f"<p>{escape(found.method)}: {escape(found.target)}</p>"
        return f"{about}{_sketch(meta, arrays['scores'].data)}<p>{escape(found.doubt)}</p>"

    def chosen(self) -> dict[str, int]:
        """The class that was asked for, and the token or pixel that was pointed at."""
        chosen = self.session.selection
        row, column = chosen.pixel or (None, None)
        given = {"target": chosen.label, "token": chosen.token, "row": row, "column": column}
        return {name: value for name, value in given.items() if value is not None}

    def table(self) -> Table:
        """The scores of the example, a row for every token, column or pixel."""
        meta, values = self._drawing()
        if meta["kind"] == "pixels":
            pixels = [(i, j, score) for i, row in enumerate(values.tolist()) for j, score in enumerate(row)]
            return Table(("row", "column", "score"), pixels)
        if meta["kind"] == "tokens":
            pairs = zip(meta["labels"], values.tolist(), strict=True)
            return Table(("position", "token", "score"), [(i, *pair) for i, pair in enumerate(pairs)])
        given = meta["values"] or [None] * len(values)
        return Table((meta["unit"], "value", "score"), list(zip(meta["labels"], given, values.tolist(), strict=True)))

    def image(self) -> NDArray[np.uint8] | None:
        """The scores of pixels: orange for, blue against."""
        meta, values = self._drawing()
        return _inked(values) if meta["kind"] == "pixels" else None

    def _drawing(self) -> tuple[dict[str, Any], NDArray[np.float32]]:
        """How the best scores so far are drawn."""
        results = self._first.results(PATIENCE)
        found = next(results)
        if self._shown is not found:  # not yet on show, so what it becomes is what a person would see
            *_, found = (found, *results)
        meta, arrays = drawn(found, self.session, self.columns)
        return meta, arrays["scores"].data

    def _choices(self) -> list[dict[str, Any]]:
        """The likeliest classes, where the output is one row of classes for each example."""
        value = main_scores(self.session.output)
        if value.dim() != 2 or value.shape[-1] < 2:  # noqa: PLR2004 - (examples, classes)
            return []
        node = self.session.selection.node
        said = value[node if node is not None else row(self.session, len(value))].float()
        names, best = self.session.names, said.topk(min(_CHOICES, len(said)))
        listed = [
            {"value": i, "text": f"{names[i] if names and i < len(names) else i} ({v:.3g})"}
            for v, i in zip(best.values.tolist(), best.indices.tolist(), strict=True)
        ]
        return [{"value": -1, "text": "what the model chose"}, *listed]

    def _facts(self, found: Attribution, at: int) -> list[list[str]]:
        # The nodes of a graph add up to one score, the rows of a batch each to its own.
        alone = len(found.difference) == 1
        parts = [part if alone else part[at] for part in found.parts.values() if alone or at < len(part)]
        return [
            ["method", found.method],
            ["compared with", found.reference],
            ["score above that", f"{float(found.difference[at]):+.4g}"],
            ["sum of scores", f"{sum(float(part.sum()) for part in parts):+.4g}"],
            ["gap", f"{float(found.relative_gap[at]):.2%}"],
        ]

    def _code(self) -> str:
        label = self.session.selection.label
        return f"wb.interpret.integrated_gradients(model, inputs{'' if label is None else f', target={label}'})"

    def _doubts(self, found: Attribution, at: int) -> list[Doubt]:
        many = len(found.relative_gap)
        over = f"Over all {many} examples: " if many > 1 else ""
        doubts = [_gap(found, at)]
        doubts += [Doubt("warn", f"{over}{warning}") for warning in found.warnings]
        if not found.converged and self._first.next > PATIENCE:
            doubts.append(
                Doubt("warn", f"Twice as many steps take about {self._first.next:.0f} s: Refresh takes them.")
            )
        return doubts


def _gap(found: Attribution, at: int) -> Doubt:
    """By how much the scores of an example miss what they should add up to."""
    gap = float(found.relative_gap[at])
    holds = gap <= found.bound
    words = "add up to the change in output within", "miss the change in output, to which they should add up, by"
    said = f"attributions {words[not holds]} {gap:,.1%} ({found.steps} steps)"
    return Doubt("good" if holds else "bad", said)


def _sketch(meta: Mapping[str, Any], scores: NDArray[Any]) -> str:
    """The scores without a script: tokens on coloured ground, a map as a picture, the strongest columns as a list."""
    top = float(np.abs(scores).max(initial=0.0)) or 1.0
    if meta["kind"] == "pixels":
        image = _inked(scores)
        return picture(image, "scores: orange for, blue against", max(1, 240 // max(image.shape[:2])))
    if meta["kind"] == "tokens":
        inks = [f"rgba({'230,119,0' if v > 0 else '59,91,219'},{0.75 * abs(v) / top:.2f})" for v in scores.tolist()]
        words = zip(meta["labels"], inks, strict=True)
        return "".join(f'<span style="background:{ink}">{escape(word)} </span>' for word, ink in words)
    order = np.argsort(-np.abs(scores))[:12]
    return "<ul>" + "".join(f"<li>{escape(str(meta['labels'][i]))}: {scores[i]:+.3g}</li>" for i in order) + "</ul>"


def _inked(scores: NDArray[Any]) -> NDArray[np.uint8]:
    """Scores (rows, columns) as an RGB image on white, on a square-root scale."""
    strength = np.sqrt(np.abs(scores) / (float(np.abs(scores).max(initial=0.0)) or 1.0))[..., None]
    ink = np.where(scores[..., None] > 0, (194, 94, 0), (40, 70, 190))
    return np.rint(255 + (ink - 255) * strength).astype(np.uint8)


VIEW = SaliencyView

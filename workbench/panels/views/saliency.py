"""Saliency: what spoke for and against an answer, by any method, with the gap that belongs to it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from html import escape
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from workbench.core.errors import DataError, ModelError
from workbench.interpret import Agreement, Explanation, Session, attributions
from workbench.interpret._labels import naming
from workbench.panels.page.frame import Doubt, Frame
from workbench.panels.page.header import sides
from workbench.panels.page.table import Table
from workbench.panels.page.wishes import whole_number
from workbench.panels.views import _saliency_choices as choices
from workbench.panels.views._saliency_attempts import PATIENCE, Attempts
from workbench.panels.views._saliency_choices import Asked
from workbench.panels.views._saliency_compared import comparison, described
from workbench.panels.views._saliency_doubts import doubts, gap
from workbench.panels.views._saliency_drawn import drawn, header, of_graph, row, shown
from workbench.panels.views._saliency_sketched import beside_each_other, sketch
from workbench.panels.views._saliency_steps import MOST_STEPS, Continuation
from workbench.panels.views._view import View

_POINTING = frozenset({"token", "row", "column"})


class SaliencyView(View):
    """What spoke for and against an answer."""

    title: ClassVar[str] = "Saliency"
    place: ClassVar[int] = 20
    compares: ClassVar[bool] = True

    def __init__(self, session: Session, columns: Sequence[str] = ()) -> None:
        super().__init__(session, columns)
        self._asked = Asked()
        self._plain = Attempts(session)
        self._continued = Continuation(session)
        self._step = 0
        self._second: Attempts | None = None
        self._stopped = False
        self._comparing = False
        self._agreed: Agreement | None = None

    def whole(self) -> Iterator[Frame]:
        """Scores for the session's target, better and better while a person would wait.

        Those of a second input follow; they explain the same.
        """
        patience = -1.0 if self._stopped else PATIENCE
        try:
            other, found = self._other(), None
            for found in self._results(self._first, patience):
                yield self._frame(found, other.kept(self._asked) if other is not None else None)
            if other is not None and found is not None:
                for second in self._results(other, patience):
                    yield self._frame(found, second)
            elif self._comparing and found is not None and self._compared is None:
                for self._agreed in comparison(found):
                    yield self._frame(found)
        except (DataError, ModelError) as error:
            yield Frame(refused=str(error))

    def part(self, wish: Mapping[str, Any]) -> Iterator[Frame]:
        """Something else is to be explained, in another way, or a token or pixel is pointed at; or it is enough."""
        self._stopped = bool(wish.get("stop"))
        self._comparing = bool(wish.get("compare", self._comparing))
        if "token" in wish:
            self.session.select(token=whole_number(wish, "token", 1 << 20))
        if isinstance(wish.get("row"), int) and isinstance(wish.get("column"), int):
            self.session.select(pixel=(max(0, wish["row"]), max(0, wish["column"])))
        if "target" in wish:
            target = wish["target"]
            fits = isinstance(target, int) and 0 <= target < choices.class_count(self.session)
            label = target if fits else None
            self.session.select(label=label)
            self.session.explain(label)
        if "step" in wish:
            self._step = whole_number(wish, "step", MOST_STEPS + 1) if self._continued.applies else 0
        self._asked = self._turned(wish)
        return self.whole()

    @property
    def _first(self) -> Attempts:
        """The attempts on what is explained: the input, or the text with the tokens generated so far."""
        return self._continued.at(self._step) if self._step and self._continued.applies else self._plain

    def _turned(self, wish: Mapping[str, Any]) -> Asked:
        """What is asked, with what a wish turns; names that nothing has turn nothing."""
        asked = self._asked
        if wish.get("method") in ("auto", *attributions.names()):
            asked = replace(asked, method=wish["method"])
        if isinstance(wish.get("reference"), str):
            asked = replace(asked, reference=choices.against(self.session, wish["reference"]).value)
        layers = {one["value"] for one in choices.layers(self.session.model, asked.method)}
        layer = wish.get("layer", asked.layer)
        return replace(asked, layer=layer if isinstance(layer, str) and layer in layers else "")

    def _results(self, attempts: Attempts, patience: float) -> Iterator[Explanation]:
        asked = self._asked
        return attempts.results(lambda session: choices.explained(session, asked), asked, patience)

    def _other(self) -> Attempts | None:
        """The attempts on the second input, begun when there is one."""
        other = self.session.other
        if other is None:
            self._second = None
        elif self._second is None or self._second.session is not other:
            self._second = Attempts(other)
        return self._second

    def _frame(self, found: Explanation, second: Explanation | None = None) -> Frame:
        at, label = row(self.session, len(found.relative_gap)), self.session.selection.label
        meta, arrays = drawn(found, self._first.session, self.columns)
        meta |= self._turns() | {
            "target": self._said(found, self._first.session),
            "choices": choices.classes(self.session, at, label) if not self._step else [],
            "next": self._generated(),
            "chosen": -1 if label is None else label,
            "token": self.session.selection.token,
            "pixel": self.session.selection.pixel,
            "facts": _facts(found, at, together=of_graph(found, self.session)),
            "signed": found.unit == "contribution" or bool((found.parts[next(iter(found.parts))] < 0).any()),
            "final": self._final,
        }
        said = list(doubts(found, at, final=self._final))
        meta["gap"] = {"level": said[0].level, "text": said[0].text}
        if self._first.waits:
            said.append(Doubt("warn", f"A better attempt takes about {self._first.next:.0f} s: Refresh makes it."))
        if second is not None and self._second is not None:
            meta["other"], others = drawn(second, self._second.session, self.columns)
            arrays |= {f"other_{name}": packed for name, packed in others.items()}
            at = row(self._second.session, len(second.relative_gap))
            meta["other"] |= {"target": self._said(second, self._second.session)}
            meta["sides"] = list(sides(self.session, self._second.session))
            missed = gap(second, at, final=self._second.done)
            said.append(Doubt(missed.level, f"{meta['sides'][1]}: {missed.text}"))
        if (agreed := self._compared) is not None:
            meta["agree"], beside = described(agreed, self._first.session, self.columns)
            arrays |= beside
        meta["comparing"] = self._comparing
        meta["top"] = max(float(np.abs(a.data).max(initial=0.0)) for n, a in arrays.items() if n.endswith("scores"))
        return Frame(meta=meta, arrays=arrays, doubts=said, code=self._code())

    def _generated(self) -> dict[str, Any]:
        """The tokens that were generated so far, where the model generates."""
        if not self._continued.applies:
            return {}
        return {"tokens": self._continued.tokens(self._step), "step": self._step, "most": MOST_STEPS}

    @property
    def _compared(self) -> Agreement | None:
        """What was compared with the scores on show."""
        agreed = self._agreed if self._comparing else None
        return agreed if agreed is not None and agreed.explanations[0] is self._first.found else None

    @property
    def _final(self) -> bool:
        return self._first.done or self._stopped or self._first.waits

    def _turns(self) -> dict[str, Any]:
        """What can be turned, and how it stands."""
        asked = self._asked
        return {
            "methods": choices.methods(),
            "method": asked.method,
            "references": [one.choice for one in choices.references(self.session)],
            "reference": asked.reference,
            "layers": choices.layers(self.session.model, asked.method),
            "layer": asked.layer,
        }

    def _said(self, found: Explanation, session: Session) -> str:
        """What is explained, the class by its name."""
        at, called = row(session, len(found.relative_gap)), naming(session.processor, session.output)
        label = found.targets[at] if at < len(found.targets) else ""
        classes = session.target.classes
        if called is not None and at < len(classes):
            label = called(classes[at])
        return f"{found.target}: {label}" if label else found.target

    def text(self) -> str:
        """The scores as aligned columns."""
        found = [(self._first.found, ""), *((second, f"{name}\n") for name, second, _ in self._beside())]
        return "\n\n".join(f"{name}{each}" for each, name in found if each is not None)

    def picture(self) -> str:
        """The scores as a drawing."""
        found = self._first.found
        if found is None:
            return ""
        meta, arrays = drawn(found, self._first.session, self.columns)
        about = f"<p>{escape(found.method)}: {escape(found.target)}</p>"
        drawing = f"{about}{sketch(meta, arrays['scores'].data)}<p>{escape(found.doubt)}</p>"
        for name, second, session in self._beside():
            meta, arrays = drawn(second, session, self.columns)
            drawing += f"<p>{escape(name)}</p>{sketch(meta, arrays['scores'].data)}<p>{escape(second.doubt)}</p>"
        return drawing

    def chosen(self) -> dict[str, int | str]:
        """The class that was asked for, how it is explained, and the token or pixel that was pointed at."""
        at, asked = self.session.selection, self._asked
        given: dict[str, int | str | None] = {"target": at.label, "token": at.token}
        given |= dict(zip(("row", "column"), at.pixel or (None, None), strict=True))
        given |= {"method": asked.method if asked.method != "auto" else None}
        given |= {"reference": asked.reference or None, "layer": asked.layer or None}
        given |= {"step": self._step or None, "compare": 1 if self._comparing else None}
        return {name: value for name, value in given.items() if value is not None}

    def table(self) -> Table:
        """The scores of the example, a row for every token, pixel, frame, step, column or node.

        Where two are compared, the first column says which of them a row is of.
        """
        meta, values = self._drawing()
        beside = self._drawing_beside()
        if not beside:
            return Table(header(meta), shown(meta, values))
        assert self.session.other is not None  # noqa: S101 - there is something beside it
        both = [(sides(self.session, self.session.other)[0], meta, values), *beside]
        rows = [(name, *one) for name, about, scores in both for one in shown(about, scores)]
        return Table(("input", *header(meta)), rows)

    def image(self) -> NDArray[np.uint8] | None:
        """The scores of pixels: orange for, blue against; those of a second input to the right, on the same scale."""
        meta, values = self._drawing()
        every = [values, *(scores for _, about, scores in self._drawing_beside() if about["kind"] == "pixels")]
        return beside_each_other(every) if meta["kind"] == "pixels" else None

    def _beside(self) -> list[tuple[str, Explanation, Session]]:
        """What is compared with, its explanation as far as there is one, and its session; empty where nothing is."""
        second = self._other()
        found = None if second is None else second.kept(self._asked)
        if second is None or found is None:
            return []
        return [(sides(self.session, second.session)[1], found, second.session)]

    def _drawing_beside(self) -> list[tuple[str, dict[str, Any], NDArray[np.float32]]]:
        """What is compared with, how its best scores so far are drawn, and they; empty where nothing is."""
        second = self._other()
        if second is not None and second.kept(self._asked) is None:
            for _ in self._results(second, PATIENCE):
                pass
        pairs = [(name, *drawn(found, session, self.columns)) for name, found, session in self._beside()]
        return [(name, meta, arrays["scores"].data) for name, meta, arrays in pairs]

    def _drawing(self) -> tuple[dict[str, Any], NDArray[np.float32]]:
        """How the best scores so far are drawn; what is not yet on show becomes what a person would see."""
        found = self._first.kept(self._asked)
        if found is None:
            *_, found = self._results(self._first, PATIENCE)
        meta, arrays = drawn(found, self._first.session, self.columns)
        return meta, arrays["scores"].data

    def _code(self) -> str:
        label, against = self.session.selection.label, choices.against(self.session, self._asked.reference)
        target = "" if label is None else f", target={label}"
        code = f"wb.interpret.explain(model, inputs{self._asked.code}{target}{against.code})"
        return f"# inputs: with {self._step} generated tokens behind them\n{code}" if self._step else code


def _facts(found: Explanation, at: int, *, together: bool) -> list[list[str]]:
    # The nodes of a graph add up to one score, the rows of a batch each to its own.
    alone = together and len(found.difference) == 1
    parts = [part if alone else part[at] for part in found.parts.values() if alone or at < len(part)]
    added = found.unit == "contribution"
    facts = [
        ["method", found.method],
        ["compared with", found.reference],
        ["score above that", f"{float(found.difference[at]):+.4g}"],
        ["sum of scores", f"{sum(float(part.sum()) for part in parts):+.4g}"] if added else ["unit", found.unit],
        ["gap", f"{float(found.relative_gap[at]):.2%}" if added else "none: nothing to add up"],
    ]
    if found.relative_error.numel():
        facts.append(["95 % interval", f"± {float(found.relative_error[at]):.2%} of the change"])
    return facts


VIEW = SaliencyView

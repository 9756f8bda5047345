"""SHAP: what each feature adds to a score, in one example and over many: waterfall, force, beeswarm, scatter, decision.

Shapley values by the methods of ``interpret``; nothing here needs the library shap, whose plots take the same
explanation by ``to_shap()``.
"""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from workbench.core.errors import DataError, ModelError
from workbench.interpret import Explanation, Session, targets
from workbench.interpret._labels import naming
from workbench.panels.page.frame import Doubt, Frame
from workbench.panels.page.table import Table
from workbench.panels.page.wishes import whole_number
from workbench.panels.views import _saliency_choices as choices
from workbench.panels.views import _shap_posed as posing
from workbench.panels.views._saliency_attempts import PATIENCE, Attempts
from workbench.panels.views._saliency_doubts import doubts
from workbench.panels.views._saliency_drawn import row
from workbench.panels.views._saliency_sketched import inked
from workbench.panels.views._shap_drawn import MOST, Shown, packed, plot, shown
from workbench.panels.views._view import View


class ShapView(View):
    """What each feature adds."""

    title: ClassVar[str] = "SHAP"
    place: ClassVar[int] = 25
    dear: ClassVar[bool] = True

    def __init__(self, session: Session, columns: Sequence[str] = ()) -> None:
        super().__init__(session, columns)
        self._attempts = Attempts(session)
        self._method = "auto"
        self._stopped = False
        self._row = 0
        self._feature: int | None = None
        self._posed: tuple[object, posing.Posed] | None = None
        self._place: tuple[object, int] | None = None

    def whole(self) -> Iterator[Frame]:
        """Contributions of the example on show and of the data, better and better while a person would wait."""
        self._arrive()
        try:
            for found in self._results(-1.0 if self._stopped else PATIENCE):
                yield self._frame(found)
        except (DataError, ModelError) as error:
            yield Frame(refused=str(error))

    def part(self, wish: Mapping[str, Any]) -> Iterator[Frame]:
        """Another class, method, feature or example; or it is enough."""
        self._arrive()
        self._stopped = bool(wish.get("stop"))
        if "target" in wish:
            target = wish["target"]
            fits = isinstance(target, int) and 0 <= target < choices.class_count(self.session)
            self.session.select(label=target if fits else None)
            self.session.explain(target if fits else None)
        if wish.get("method") in {one["value"] for one in posing.methods()}:
            self._method = wish["method"]
        if "feature" in wish:
            self._feature = whole_number(wish, "feature", 1 << 20)
            if self._is_text:
                self.session.select(token=self._feature)
        if "example" in wish:
            self._row = whole_number(wish, "example", 1 << 20)
        return self.whole()

    def _now(self) -> posing.Posed:
        """What is explained, made anew when input or class change."""
        of = (self.session.snapshot(), self.session.selection.label, self.session.selection.example)
        if self._posed is None or self._posed[0] != of:
            self._posed = (of, posing.posed(self.session, self.pool, self.session.selection.label))
        return self._posed[1]

    def _arrive(self) -> None:
        """Another input is on show: it is the one that is pointed at."""
        place = (self.session.batch, self.session.selection.example)
        if self._place is not None and (place[0] is not self._place[0] or place[1] != self._place[1]):
            self._row, self._feature = 0, None
        self._place = place

    def _results(self, patience: float) -> Iterator[Explanation]:
        at, method = self._now(), self._method
        asked = (method, self.session.selection.label, self.session.selection.example if at.table else 0)
        return self._attempts.results(lambda session: posing.explained(session, at, method), asked, patience)

    def _frame(self, found: Explanation) -> Frame:
        at = self._now()
        if found.unit != "contribution":
            return Frame(refused=f"{found.method} gives {found.units}, which do not add up.")
        what = shown(found, self.session, at, self.columns)
        example = min(self._row, len(what.scores) - 1)
        meta, arrays = packed(what, self._pointed(what), example)
        more, drawing = plot(found, self.session, self.columns) if not at.table else ({}, {})
        here = example if at.table else row(self.session, len(found.relative_gap))
        label = self.session.selection.label
        said = list(doubts(found, here, final=self._final))
        meta |= {
            "plot": more,
            "token": self.session.selection.token,
            "target": self._said(found, here),
            "choices": choices.classes(self.session, row(self.session, 1 << 20), label),
            "chosen": -1 if label is None else label,
            "methods": posing.methods(),
            "method": self._method,
            "places": at.places,
            "base": _base(at),
            "facts": _facts(found, what, example, at),
            "final": self._final,
            "gap": {"level": said[0].level, "text": said[0].text},
        }
        return Frame(meta=meta, arrays=arrays | drawing, doubts=[*said, *self._more()], code=self._code(at))

    def _said(self, found: Explanation, here: int) -> str:
        """What is explained, the class by its name."""
        problem, called = found.source(), naming(self.session.processor, self.session.output)
        called = called or targets.namer(self.session.model, self.session.names)
        classes = problem.target.classes
        label = called(classes[here]) if here < len(classes) else ""
        predicted = self._now().table and self.session.selection.label is None and bool(classes)
        said = "the class predicted for the example on show" if predicted else found.target
        return f"{said}: {label or found.targets[here]}" if here < len(found.targets) else said

    def _pointed(self, what: Shown) -> int:
        """The feature that is looked at: the one that was chosen, else the one that matters most."""
        asked = self.session.selection.token if self._feature is None and self._is_text else self._feature
        known = asked is not None and asked < what.scores.shape[1]
        return asked if known and asked is not None else int(np.abs(what.scores).mean(0).argmax())

    @property
    def _is_text(self) -> bool:
        return bool(self.session.tokens)

    @property
    def _final(self) -> bool:
        return self._attempts.done or self._stopped or self._attempts.waits

    def _more(self) -> Iterator[Doubt]:
        if self._attempts.waits:
            yield Doubt("warn", f"A better attempt takes about {self._attempts.next:.0f} s: Refresh makes it.")

    def chosen(self) -> dict[str, int | str]:
        """Class, method, feature and example that were chosen."""
        given = {"target": self.session.selection.label, "feature": self._feature, "example": self._row or None}
        given |= {"method": self._method if self._method != "auto" else None}
        return {name: value for name, value in given.items() if value is not None}

    def text(self) -> str:
        """What the strongest features add to the example, as lines."""
        if (found := self._attempts.found) is None or found.unit != "contribution":
            return ""
        what = shown(found, self.session, self._now(), self.columns)
        example = min(self._row, len(what.scores) - 1)
        lines = [f"{name}: {score:+.4g}" for name, score in _strongest(what, example)]
        return "\n".join([f"{found.method}: {found.target}", *lines, found.doubt])

    def picture(self) -> str:
        """The same as a list."""
        lines = self.text().splitlines()
        return "".join(f"<p>{escape(line)}</p>" for line in lines)

    def table(self) -> Table:
        """What every feature adds, in every example that was explained."""
        found, at = self._best(), self._now()
        what = shown(found, self.session, at, self.columns)
        names = [str(i) for i in (-1, *at.places)] if at.table else ["-1"]
        rows: list[tuple[object, ...]] = []
        for i, example in enumerate(names):
            for j, name in enumerate(what.names):
                value = None if what.values is None else float(what.values[i, j])
                place = "on show" if example == "-1" else int(example)
                rows.append((place, name, value, float(what.scores[i, j])))
        return Table(("example", "feature", "value", "score"), rows)

    def image(self) -> NDArray[np.uint8] | None:
        """The scores of a picture: orange for, blue against."""
        meta, arrays = plot(self._best(), self.session, self.columns) if not self._now().table else ({}, {})
        return inked(arrays["plot_scores"].data) if meta.get("kind") == "pixels" else None

    def _best(self) -> Explanation:
        *_, found = self._results(-1.0 if self._attempts.found is not None else PATIENCE)
        return found

    def _code(self, at: posing.Posed) -> str:
        method = posing.chosen_method(self.session, at, self._method)
        label = self.session.selection.label
        code = at.code if at.table else "" if label is None else f", target={label}"
        call = f"wb.interpret.explain(model, {'examples' if at.table else 'inputs'}, {method!r}{code})"
        notes = "# examples and background: rows of the data\n" if at.table else ""
        return f"{notes}found = {call}\nfound.charts.waterfall({self._row if at.table else 0})"


def _strongest(what: Shown, example: int) -> list[tuple[str, float]]:
    order = np.argsort(-np.abs(what.scores[example]), kind="stable")[:MOST]
    return [(what.names[int(i)], float(what.scores[example, i])) for i in order]


def _base(at: posing.Posed) -> str:
    """What the contributions are added to."""
    return "mean score" if at.table else "score of the reference"


def _facts(found: Explanation, what: Shown, example: int, at: posing.Posed) -> list[list[str]]:
    added = float(what.scores[example].sum())
    facts = [
        ["method", found.method],
        ["compared with", found.reference],
        [_base(at), f"{what.base[example]:+.4g}"],
        ["score here", f"{what.base[example] + added:+.4g}"],
    ]
    if at.table:
        facts.append(["examples", f"{len(what.scores):,}"])
    if found.relative_error.numel():
        facts.append(["95 % interval", f"± {float(found.relative_error.max()):.2%} of the change at worst"])
    return facts


VIEW = ShapView

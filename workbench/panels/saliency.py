"""Saliency: integrated gradients on tokens, pixels or columns, with the completeness gap that belongs to them."""

import time
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from workbench.core.calling import scores as main_scores
from workbench.core.errors import DataError, ModelError
from workbench.interpret import Attribution, Session
from workbench.panels._frame import Doubt, Frame, Packed
from workbench.panels._sketch import picture
from workbench.panels._table import Table
from workbench.panels._view import View, whole_number

PATIENCE = 15.0
"""seconds that the next attempt may take before it must be asked for"""
_CHOICES = 12
"""classes offered, the likeliest first"""


class SaliencyView(View):
    """What spoke for and against an answer."""

    title: ClassVar[str] = "Saliency"
    place: ClassVar[int] = 20

    def __init__(self, session: Session, columns: Sequence[str] = ()) -> None:
        super().__init__(session, columns)
        self._of: object = None
        self._found: Attribution | None = None
        self._shown: Attribution | None = None
        self._rest: Iterator[Attribution] = iter(())
        self._last = 0.0

    def whole(self) -> Iterator[Frame]:
        """Scores for the session's target, with more and more steps while the gap is open and a person would wait."""
        try:
            for found in self._results():
                yield self._frame(found)
        except (DataError, ModelError) as error:
            yield Frame(refused=str(error))

    def part(self, wish: Mapping[str, Any]) -> Iterator[Frame]:
        """Another class is to be explained, or a token is pointed at."""
        if "token" in wish:
            self.session.select(token=whole_number(wish, "token", 1 << 20))
        if "target" in wish or "token" not in wish:
            choices = {choice["value"] for choice in self._choices()}
            target = wish.get("target")
            label = target if isinstance(target, int) and target in choices and target >= 0 else None
            self.session.select(label=label)
            self.session.explain(label)
        return self.whole()

    def _results(self) -> Iterator[Attribution]:
        """What was found so far, and what more steps find; they go on where an earlier wish left them."""
        target = self.session.target
        subject = (self.session.snapshot(), target.sentence, target.labels)
        if subject != self._of:
            self._of, self._found, self._rest, self._last = subject, None, self.session.attributions(), 0.0
        if self._found is not None:
            yield self._found
            if self._found.converged:
                return
        start = time.perf_counter()
        for found in self._rest:
            now = time.perf_counter()
            self._found, self._last, start = found, now - start, now
            yield found
            if found.converged or 2 * self._last > PATIENCE:
                return

    def _frame(self, found: Attribution) -> Frame:
        self._shown = found
        at = self._example(len(found.scores))
        meta, arrays = self._drawn(found, found.scores[at])
        label = found.targets[at] if at < len(found.targets) else ""
        meta |= {
            "target": f"{found.target}: {label}" if label else found.target,
            "choices": self._choices(),
            "chosen": -1 if self.session.selection.label is None else self.session.selection.label,
            "token": self.session.selection.token,
            "facts": self._facts(found, at),
            "top": float(np.abs(arrays["scores"].data).max(initial=0.0)),
        }
        return Frame(meta=meta, arrays=arrays, doubts=self._doubts(found, at), code=self._code())

    def text(self) -> str:
        """The scores as aligned columns."""
        return "" if self._found is None else str(self._found)

    def picture(self) -> str:
        """The scores as a drawing."""
        found = self._found
        if found is None:
            return ""
        meta, arrays = self._drawn(found, found.scores[self._example(len(found.scores))])
        about = f"<p>{escape(found.method)}: {escape(found.target)}</p>"
        return f"{about}{_sketch(meta, arrays['scores'].data)}<p>{escape(found.doubt)}</p>"

    def chosen(self) -> dict[str, int]:
        """The class that was asked for, and the token that was pointed at."""
        given = {"target": self.session.selection.label, "token": self.session.selection.token}
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
        return Table(("column", "value", "score"), list(zip(meta["labels"], given, values.tolist(), strict=True)))

    def image(self) -> NDArray[np.uint8] | None:
        """The scores of pixels: orange for, blue against."""
        meta, values = self._drawing()
        return _inked(values) if meta["kind"] == "pixels" else None

    def _drawing(self) -> tuple[dict[str, Any], NDArray[np.float32]]:
        """How the best scores so far are drawn."""
        results = self._results()
        found = next(results)
        if self._shown is not found:  # not yet on show, so what it becomes is what a person would see
            *_, found = (found, *results)
        meta, arrays = self._drawn(found, found.scores[self._example(len(found.scores))])
        return meta, arrays["scores"].data

    def _example(self, rows: int) -> int:
        return min(self.session.selection.example, rows - 1)

    def _choices(self) -> list[dict[str, Any]]:
        """The likeliest classes, where the output is one row of classes for each example."""
        value = main_scores(self.session.output)
        if value.dim() != 2 or value.shape[-1] < 2:  # noqa: PLR2004 - (examples, classes)
            return []
        row = value[self._example(len(value))].float()
        names, best = self.session.names, row.topk(min(_CHOICES, len(row)))
        listed = [
            {"value": i, "text": f"{names[i] if names and i < len(names) else i} ({v:.3g})"}
            for v, i in zip(best.values.tolist(), best.indices.tolist(), strict=True)
        ]
        return [{"value": -1, "text": "what the model chose"}, *listed]

    def _drawn(self, found: Attribution, scores: Tensor) -> tuple[dict[str, Any], dict[str, Packed]]:
        """How the scores of one example are drawn: on tokens, on pixels or on columns."""
        scores = scores.float()
        words, given = found.tokens(self.session.processor), self._given(found)
        if scores.dim() == 1 and words and len(words[0]) == len(scores):
            labels = list(words[self._example(len(words))])
            return {"kind": "tokens", "labels": labels}, {"scores": Packed(scores.numpy())}
        if scores.dim() == 1 and given is not None and not given.is_floating_point():
            return {"kind": "tokens", "labels": [str(i) for i in given.tolist()]}, {"scores": Packed(scores.numpy())}
        if scores.dim() >= 2:  # noqa: PLR2004 - rows and columns
            flat = scores.reshape(-1, *scores.shape[-2:]).sum(0)
            image = self._image(found, tuple(scores.shape))
            return {"kind": "pixels"}, {
                "scores": Packed(flat.numpy()),
                **({} if image is None else {"image": Packed(image)}),
            }
        scores = scores.reshape(-1)
        names = self.columns if len(self.columns) == len(scores) else [f"column {i}" for i in range(len(scores))]
        fits = given is not None and given.numel() == len(scores)
        values = [f"{v:.4g}" for v in given.reshape(-1).tolist()] if given is not None and fits else []
        return {"kind": "columns", "labels": list(names), "values": values}, {"scores": Packed(scores.numpy())}

    def _given(self, found: Attribution) -> Tensor | None:
        """The example of the input that was explained."""
        inputs, name = self.session.batch.inputs, next(iter(found.parts))
        values = inputs.get(name) if isinstance(inputs, Mapping) else inputs[0]
        return values[self._example(len(values))].detach().cpu() if isinstance(values, Tensor) else None

    def _image(self, found: Attribution, shape: tuple[int, ...]) -> NDArray[np.uint8] | None:
        """The input as (rows, columns, 3), stretched to the full range, where it is a picture."""
        value = self._given(found)
        if value is None or tuple(value.shape) != shape or not value.is_floating_point():
            return None
        colours = value.reshape(-1, *shape[-2:])
        if len(colours) not in (1, 3):
            return None
        low, high = colours.min(), colours.max()
        grey = ((colours - low) / (high - low).clamp_min(1e-12) * 255).to(torch.uint8)
        return grey.expand(3, -1, -1).permute(1, 2, 0).contiguous().numpy()

    def _facts(self, found: Attribution, at: int) -> list[list[str]]:
        at = min(at, len(found.difference) - 1)
        return [
            ["method", found.method],
            ["compared with", found.reference],
            ["score above that", f"{float(found.difference[at]):+.4g}"],
            ["sum of scores", f"{sum(float(part[at].sum()) for part in found.parts.values() if at < len(part)):+.4g}"],
            ["gap", f"{float(found.relative_gap[at]):.2%}"],
        ]

    def _code(self) -> str:
        label = self.session.selection.label
        return f"wb.interpret.integrated_gradients(model, inputs{'' if label is None else f', target={label}'})"

    def _doubts(self, found: Attribution, at: int) -> list[Doubt]:
        many = len(found.relative_gap)
        gap = float(found.relative_gap[min(at, many - 1)])
        holds = gap <= found.bound
        said = (
            "add up to the change in output within"
            if holds
            else "miss the change in output, to which they should add up, by"
        )
        over = f"Over all {many} examples: " if many > 1 else ""
        doubts = [Doubt("good" if holds else "bad", f"attributions {said} {gap:,.1%} ({found.steps} steps)")]
        doubts += [Doubt("warn", f"{over}{warning}") for warning in found.warnings]
        if not found.converged and 2 * self._last > PATIENCE:
            doubts.append(Doubt("warn", f"Twice as many steps take about {2 * self._last:.0f} s: Refresh takes them."))
        return doubts


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

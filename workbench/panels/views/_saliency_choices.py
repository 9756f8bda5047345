"""What can be turned in the saliency tab: the method, what the input is compared with, the layer, the class."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from torch import Tensor, nn

from workbench.core.calling import scores as main_scores
from workbench.core.errors import WorkbenchError
from workbench.interpret import Explanation, Session, attributions, targets
from workbench.interpret._labels import naming, token_ids
from workbench.panels.means.base import main_input

MOST_CLASSES = 12
"""classes offered, the likeliest first"""
MOST_LAYERS = 60
_SPECIAL = ("mask", "pad", "unk", "eos", "bos")
_PICTURE, _TABLE = 4, 2
"""axes of a batch of pictures and of rows of a table"""

Choice = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a person turned; empty where the house chooses."""

    method: str = "auto"
    reference: str = ""
    layer: str = ""

    @property
    def code(self) -> str:
        """Method and layer as arguments of ``interpret.explain``."""
        method = "" if self.method == "auto" else f", {self.method!r}"
        return f"{method}{f', layer={self.layer!r}' if self.layer else ''}"


@dataclass(frozen=True, kw_only=True)
class Against:
    """Something an input can be compared with."""

    value: str
    text: str
    arguments: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """of ``interpret.explain``"""
    code: str = ""
    """the same as it is written"""

    @property
    def choice(self) -> Choice:
        """As the page offers it."""
        return {"value": self.value, "text": self.text}


def methods() -> list[Choice]:
    """Every method there is; the house's own choice first."""
    titles = {name: attributions.load(name).title for name in attributions.names()}
    listed = [{"value": name, "text": title} for name, title in sorted(titles.items(), key=lambda at: at[1].lower())]
    return [{"value": "auto", "text": "automatic"}, *listed]


def layers(model: nn.Module, method: str) -> list[Choice]:
    """Modules whose maps a method can show; empty where it takes none."""
    if method == "auto" or "layer" not in attributions.load(method).model_fields:
        return []
    maps = [path for path, module in model.named_modules() if isinstance(module, nn.Conv2d | nn.Conv1d)]
    return [{"value": "", "text": "the last"}, *({"value": path, "text": path} for path in maps[-MOST_LAYERS:])]


def references(session: Session) -> list[Against]:
    """What the input can be compared with; the first is the house's choice."""
    usual = Against(value="", text="automatic")
    found = main_input(session.batch)
    ids = token_ids(session.batch)
    if ids is not None or found is None or not found[1].is_floating_point():
        return [usual, *_tokens(session)]
    return [usual, *_numbers(*found)]


def against(session: Session, value: str) -> Against:
    """The reference of that name; the house's choice where there is none."""
    offered = references(session)
    return next((one for one in offered if one.value == value), offered[0])


def classes(session: Session, at: int, chosen: int | None) -> list[Choice]:
    """The likeliest classes or next tokens of an example, and the one that was asked for."""
    value = main_scores(session.output)
    if value.dim() not in (2, 3, 4) or value.shape[-1] < 2 or targets.is_embedding(session.output):  # noqa: PLR2004 - classes
        return []
    node = session.selection.node
    rows = targets.by_class(value)
    if rows is None:
        return []
    said = rows[node if node is not None and value.dim() == _TABLE else min(at, len(rows) - 1)].float()
    best = said.topk(min(MOST_CLASSES, len(said))).indices.tolist()
    if chosen is not None and chosen not in best and chosen < len(said):
        best.append(chosen)
    called = naming(session.processor, session.output) or targets.namer(session.model, session.names)
    listed = [{"value": i, "text": f"{called(i)} ({float(said[i]):.3g})"} for i in best]
    return [{"value": -1, "text": "what the model chose"}, *listed]


def class_count(session: Session) -> int:
    """How many classes can be asked for."""
    value = main_scores(session.output)
    rows = targets.by_class(value) if value.dim() > 1 else None
    return 0 if rows is None else rows.shape[-1]


def explained(session: Session, asked: Asked) -> Iterator[Explanation]:
    """The results for what was asked; where that does not apply, those of the house's choice, saying so."""
    options = dict(against(session, asked.reference).arguments)
    if asked.method == "auto":
        yield from session.attributions(**options)
        return
    kind, begun = attributions.load(asked.method), False
    layer = {"layer": asked.layer} if asked.layer and "layer" in kind.model_fields else {}
    try:
        for found in session.attributions(asked.method, **options, **layer):
            begun = True
            yield found
    except WorkbenchError as error:
        if begun:
            raise
        said = f"{kind.title} was not used: {error}"
        for found in session.attributions(**options):
            yield replace(found, warnings=(said, *found.warnings))


def _tokens(session: Session) -> Iterator[Against]:
    tokenizer = getattr(session.processor, "tokenizer", session.processor)
    seen: set[int] = set()
    for name in _SPECIAL:
        index = getattr(tokenizer, f"{name}_token_id", None)
        if isinstance(index, int) and index not in seen:
            seen.add(index)
            text = f"{getattr(tokenizer, f'{name}_token', name)} everywhere"
            yield Against(value=name, text=text, arguments={"reference": index}, code=f", reference={index}")


def _numbers(at: str | int, value: Tensor) -> Sequence[Against]:
    found = [_constant("zero", "zero", 0.0)]
    if value.dim() == _PICTURE:
        low, high = float(value.min()), float(value.max())
        found += [_constant("black", f"black ({low:.3g})", low), _constant("white", f"white ({high:.3g})", high)]
    found.append(_constant("level", f"its mean ({float(value.mean()):.3g})", float(value.mean())))
    if len(value) > 1 and value.dim() >= _TABLE:
        given = f"inputs[{at!r}]" if isinstance(at, str) else "inputs"
        arguments = {"background": {at: value} if isinstance(at, str) else value}
        text = f"each of the {len(value)} examples"
        found.append(Against(value="examples", text=text, arguments=arguments, code=f", background={given}"))
    return found


def _constant(value: str, text: str, number: float) -> Against:
    return Against(value=value, text=text, arguments={"reference": number}, code=f", reference={number!r}")

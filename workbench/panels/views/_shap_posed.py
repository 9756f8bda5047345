"""What the SHAP tab explains: one example, and where the input is a table many more, against a background."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from workbench.core.batch import Batch
from workbench.core.calling import scores as main_scores
from workbench.interpret import Explanation, Session, attributions, improving_explanation, targets
from workbench.interpret._labels import token_ids
from workbench.panels.means.base import main_input, replaced
from workbench.panels.means.pool import Pool
from workbench.panels.views._saliency_drawn import MOST_COLUMNS

EXAMPLES, BACKGROUND = 64, 16
"""rows of a data set that are explained, and that they are compared with"""
FEW = 10
"""columns of which every coalition is run"""
MANY = 64
"""numbers of an example that are not tried one by one"""

_SHAPLEY = (
    "exact_shapley",
    "permutation_shapley",
    "kernel_shap",
    "partition_shap",
    "expected_gradients",
    "deeplift",
)
"""methods whose scores are, or estimate, Shapley values"""


@dataclass(frozen=True, kw_only=True)
class Posed:
    """Inputs and options of ``interpret.explain``."""

    inputs: Any
    target: Any
    table: bool
    """whether there are many rows, the first of which is the example on show"""
    places: tuple[int, ...] = ()
    """of the rows behind the first in the data or batch"""
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    code: str = ""
    """the arguments after the method as they are written"""


def methods() -> list[dict[str, str]]:
    """The methods that are offered, the house's choice first."""
    known = set(attributions.names())
    listed = [{"value": name, "text": attributions.load(name).title} for name in _SHAPLEY if name in known]
    return [{"value": "auto", "text": "automatic"}, *listed]


def posed(session: Session, pool: Pool | None, label: int | None) -> Posed:
    """Many rows where the input is a table, else what the session looks at.

    Args:
        session: The model and input on show.
        pool: All examples, where they come from a data set.
        label: The class that was asked for.
    """
    found = main_input(session.batch)
    if found is None or not _is_table(session, found[1]):
        return Posed(inputs=session.batch, target=session.target, table=False)
    at, value = found
    row = min(session.selection.example, len(value) - 1)
    rows, places, background = _rows(value, row, at, pool)
    target = label if label is not None else _class(session, row)
    written = "" if target is None else f", target={target}"
    given = {"background": {at: background} if isinstance(at, str) else background} if len(background) else {}
    batch = replaced(Batch(session.batch.inputs), at, torch.cat([value[row : row + 1], rows]))
    code = f"{written}{', background=background' if given else ''}"
    return Posed(inputs=batch, target=target, table=True, places=places, options=given, code=code)


def chosen_method(session: Session, at: Posed, method: str) -> str:
    """The method that "auto" stands for: exact where that is little work, by halves for text and whatever is long."""
    if method != "auto":
        return method
    found = main_input(session.batch)
    if at.table:
        return "exact_shapley" if found is not None and found[1].shape[1] <= FEW else "permutation_shapley"
    spread = found is not None and (token_ids(session.batch) is not None or found[1][0].numel() > MANY)
    return "partition_shap" if spread else "permutation_shapley"


def explained(session: Session, at: Posed, method: str) -> Iterator[Explanation]:
    """The results of the method."""
    name = chosen_method(session, at, method)
    yield from improving_explanation(session.model, at.inputs, name, at.target, call=session.call, **at.options)


def _is_table(session: Session, value: Tensor) -> bool:
    """Whether the input is one float tensor (rows, columns) whose rows are answered for one by one."""
    values = session.batch.inputs.values() if isinstance(session.batch.inputs, Mapping) else session.batch.inputs
    alone = sum(isinstance(one, Tensor) for one in values) == 1
    answers = main_scores(session.output)
    flat = value.dim() == 2 and value.is_floating_point() and value.shape[1] <= MOST_COLUMNS  # noqa: PLR2004 - (rows, columns)
    return alone and flat and answers.dim() in (1, 2) and len(answers) == len(value)


def _rows(value: Tensor, row: int, at: str | int, pool: Pool | None) -> tuple[Tensor, tuple[int, ...], Tensor]:
    """Rows that are explained beside the one on show, their places, and the background."""
    if pool is None:
        places = [i for i in range(len(value)) if i != row][:EXAMPLES]
        return value[places], tuple(places), value[:BACKGROUND] if len(value) > 1 else value[:0]
    data: Any = pool.data
    places = _spread(len(pool), EXAMPLES)
    base = "train" if "train" in data.splits else pool.split
    rows, background = (
        _main(data.batch(split, torch.tensor(chosen)), at)
        for split, chosen in ((pool.split, places), (base, _spread(int(data.size(base)), BACKGROUND)))
    )
    return rows.to(value), tuple(places), background.to(value)


def _main(batch: Batch, at: str | int) -> Tensor:
    return batch.inputs[at]  # type: ignore[index,return-value]


def _spread(count: int, most: int) -> list[int]:
    """At most so many positions, evenly over all."""
    return sorted({i * count // most for i in range(most)}) if count > most else list(range(count))


def _class(session: Session, row: int) -> int | None:
    """The class that the model gives to the example on show; None where it gives a number."""
    value = targets.by_class(main_scores(session.output)) if main_scores(session.output).dim() > 1 else None
    return int(value[row].argmax()) if value is not None and value.shape[-1] > 1 else None

"""counterfactuals: what to change in a row of a table for another answer (Wachter et al. 2017, arXiv:1711.00399).

The nearest row x' that has what is wanted: argmin d(x, x') such that f(x') = y', with d the sum of absolute changes,
each in median absolute deviations (section III, equations 1, 2 and 4); several rows, sparsity by giving features back
greedily, categories and random search for models without gradients as in DiCE (Mothilal et al. 2020, sections 3 and 4).

Departures: instead of weighing validity against distance, rows are moved by steepest descent in the norm of the
distance until they are valid, and back to the boundary by halving; several rows differ by which features they change.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from workbench.core import seeds
from workbench.core.calling import Call
from workbench.core.errors import ConfigError, DataError
from workbench.interpret.recourse.features import Categorical, Column, Features, described
from workbench.interpret.recourse.judging import Judge, Wish, judge
from workbench.interpret.recourse.result import Counterfactual, Counterfactuals
from workbench.interpret.recourse.searching import descended, drawn, drawn_near, given_back

FINISHED = 64
"""rows that are brought near, the nearest of those that are valid"""
ALIKE = 1.05
"""how much farther another row may be to be called as near"""
SPARSE = 1e-3
"""what each changed feature adds to the distance by which rows are ordered"""
USUAL = 0.95
"""which part of the examples is nearer to another one than is called unusual"""


def counterfactuals(  # noqa: PLR0913 - each is a question of its own
    model: nn.Module,
    row: Tensor,
    data: Tensor,
    wanted: Wish = None,
    *,
    count: int = 1,
    names: Sequence[str] | None = None,
    categorical: Sequence[Categorical] = (),
    immutable: Sequence[Column] = (),
    ranges: Mapping[Column, tuple[float, float]] | None = None,
    tries: int = 2000,
    steps: int = 500,
    call: Call | None = None,
    seed: int = 0,
) -> Counterfactuals:
    """The least changes to a row that give it another answer.

    Args:
        model: Takes (rows, columns), each row on its own; it stays as it was.
        row: (columns,), the row.
        data: (examples, columns), which say how far a column usually varies, between what, and which categories.
        wanted: A class, an interval (lowest, highest) of a predicted value, or None for the class next in line.
        count: Rows that are wanted; they differ in which features they change.
        names: Of the columns.
        categorical: Columns of codes, by name or number, and groups of columns of which one is 1.
        immutable: Columns that may not be changed.
        ranges: The least and the most that columns may be; otherwise what is found in the examples. Columns that hold
            whole numbers alone keep to them.
        tries: Rows that are drawn at random.
        steps: By gradients, each a tenth of a deviation.
        call: How the model is called, where that is not the ordinary way.
        seed: Of what is drawn.

    Raises:
        DataError: Row, examples or what is wanted do not fit, or no such row was found.
        ConfigError: ``count``, ``tries`` or ``steps`` is below 1.
    """
    for name, value in (("count", count), ("tries", tries), ("steps", steps)):
        if value < 1:
            raise ConfigError(f"{name}={value} was given; it must be 1 or more.")
    origin, data = _checked(row, data)
    judging = judge(model, origin, wanted, call)
    features = described(data, origin, names, categorical, immutable, ranges or {})
    starts = drawn(features, origin, tries, seeds.generator(seed, 51))
    rows, by = _searched(judging, features, origin, starts, steps)
    if not len(rows):
        raise DataError(
            f"No row with {judging.sentence} was found by {by}: give more tries, wider ranges, fewer immutable columns "
            "or another aim."
        )
    rows = drawn_near(judging, features, given_back(judging, features, rows, origin), origin)
    rows = given_back(judging, features, rows, origin)
    chosen = _apart(features, rows, origin)
    found = tuple(_told(features, r, origin) for r in chosen[:count])
    said = tuple(_doubts(found, _distances(features, chosen, origin), count))
    return Counterfactuals(found=found, before=judging.before, wanted=judging.sentence, by=by, warnings=said)


def _checked(row: Any, data: Any) -> tuple[Tensor, Tensor]:
    origin, data = torch.as_tensor(row).detach().cpu(), torch.as_tensor(data).detach().cpu()
    origin = origin.reshape(1, -1) if origin.dim() <= 1 or len(origin) == 1 else origin
    if data.dim() != 2 or len(data) < 2 or origin.shape != (1, data.size(1)):  # noqa: PLR2004 - a table
        raise DataError(
            f"A row of shape {tuple(origin.shape)} and examples of shape {tuple(data.shape)} were given: give one row "
            "(columns,) and at least two examples (examples, columns)."
        )
    if not origin.is_floating_point() or not bool(origin.isfinite().all()) or not bool(data.isfinite().all()):
        raise DataError("The row and the examples must be finite floating-point numbers.")
    return origin, data.to(origin)


def _searched(judging: Judge, features: Features, origin: Tensor, starts: Tensor, steps: int) -> tuple[Tensor, str]:
    """Valid rows, the nearest ones, and how they were found."""
    some, every = starts[: FINISHED // 2], len(features.columns)
    few = torch.cat([origin.expand(every + 1, -1), _categories_of(features, some, origin), some])
    alone = torch.ones(len(few), every, dtype=torch.bool)
    alone[1 : every + 1] = torch.eye(every, dtype=torch.bool)  # each feature by itself, then all
    moved = descended(judging, features, few, alone, steps)
    by = "gradients and random search" if moved is not None else "random search, as the model has no gradient"
    rows = starts if moved is None else torch.cat([moved, starts])
    valid = rows[judging.valid(rows)]
    return valid[_distances(features, valid, origin).argsort()[:FINISHED]], by


def _categories_of(features: Features, rows: Tensor, origin: Tensor) -> Tensor:
    """Only the categories of rows, with the numbers of the origin."""
    return torch.where(features.spread(torch.tensor(features.numeric)[None]), origin, rows)


def _distances(features: Features, rows: Tensor, origin: Tensor) -> Tensor:
    return features.costs(rows, origin).sum(1)


def _apart(features: Features, rows: Tensor, origin: Tensor) -> Tensor:
    """Nearest first and of two as near the sparser; none that changes what another one does and more besides."""
    costs = features.costs(rows, origin)
    order = (costs.sum(1) * (1 + SPARSE * (costs > 0).sum(1))).argsort(stable=True)
    chosen: list[int] = []
    taken: list[Tensor] = []
    for index in order.tolist():
        changed = costs[index] > 0
        if not any(bool((changed | other).equal(changed)) for other in taken):
            taken.append(changed)
            chosen.append(index)
    return rows[chosen]


def _told(features: Features, row: Tensor, origin: Tensor) -> Counterfactual:
    changes: dict[str, tuple[str, str]] = {}
    for name, columns in zip(features.names, features.columns, strict=True):
        was, now = origin[0, list(columns)], row[list(columns)]
        if bool((was != now).any()):
            changes[name] = _shown(name, was), _shown(name, now)
    return Counterfactual(
        row=row,
        changes=changes,
        distance=float(_distances(features, row[None], origin)),
        unusual=_unusual(features, row),
    )


def _shown(name: str, values: Tensor) -> str:
    return f"{float(values):.4g}" if len(values) == 1 else name.split("/")[int(values.argmax())]


def _unusual(features: Features, row: Tensor) -> bool:
    """Whether no example is as near as nearly all examples have one, of at most a thousand."""
    some = features.data[:1000]
    among = torch.cdist(some / features.unit, some / features.unit, p=1).fill_diagonal_(torch.inf).amin(1)
    nearest = (some - row).abs().div(features.unit).sum(1).amin()
    return bool(nearest > among.quantile(USUAL))


def _doubts(found: Sequence[Counterfactual], distances: Tensor, count: int) -> list[str]:
    said: list[str] = []
    alike = int((distances <= ALIKE * distances[0]).sum())
    if alike > len(found):
        said.append(f"There are {alike} ways that are as near: which one is shown is chance. Ask for count={alike}.")
    if len(found) < count:
        said.append(f"{count} were asked for and {len(found)} found that change different features.")
    odd = [str(i + 1) for i, one in enumerate(found) if one.unusual]
    if odd:
        said.append(f"Change {', '.join(odd)} gives a row unlike any example: the model was never asked about such.")
    return said

"""What a changed row must reach: another class, or a value in an interval."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from workbench.core.calling import Call, call, scores
from workbench.core.errors import DataError
from workbench.core.live import evaluating, look
from workbench.interpret.batches import as_batch

ROUNDING = 1e-5
"""of the largest output: what the same row may differ by in another batch"""
Wish = int | tuple[float, float] | None
"""A class, an interval of the predicted value, or None for the class that is next in line."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Judge:
    """Says of rows how far they are from what is wanted."""

    model: nn.Module
    how: Call | None
    margin: Callable[[Tensor], Tensor]
    """(rows, ...) output -> (rows,), above zero where a row has what is wanted"""
    sentence: str
    """what is wanted, in words"""
    before: str
    """what there is, in words"""
    least: float
    """what a margin must exceed, so that the order of a sum changes no answer"""

    def valid(self, rows: Tensor) -> Tensor:
        """(rows,) whether they have what is wanted."""
        with look(), evaluating(self.model), torch.no_grad():
            return self._margin(rows) > self.least

    def slopes(self, rows: Tensor) -> Tensor | None:
        """(rows, columns) derivatives of the margin by the columns; None where there are none."""
        with look(), evaluating(self.model), torch.enable_grad():
            point = rows.detach().clone().requires_grad_()
            margin = self._margin(point)
            if not margin.requires_grad:
                return None
            (found,) = torch.autograd.grad(margin.sum(), point, allow_unused=True)
        # allow_unused gives None, which torch's types leave out
        return None if found is None else found.nan_to_num(0, 0, 0)  # pyright: ignore[reportUnnecessaryComparison]

    def _margin(self, rows: Tensor) -> Tensor:
        return self.margin(_outputs(self.model, rows, self.how))


def _outputs(model: nn.Module, rows: Tensor, how: Call | None) -> Tensor:
    """What the model says of rows, which are kept on the processor."""
    weight = next(model.parameters(), None)
    there = rows if weight is None else rows.to(weight.device)
    return scores(call(model, as_batch(there), call=how)).cpu()


def judge(model: nn.Module, row: Tensor, wanted: Wish, how: Call | None) -> Judge:
    """A judge of rows like this one.

    Args:
        model: Takes (rows, columns).
        row: (1, columns).
        wanted: See ``Wish``.
        how: How the model is called, where that is not the ordinary way.

    Raises:
        DataError: What is wanted does not fit what the model returns, or is there already.
    """
    with look(), evaluating(model), torch.no_grad():
        output = _outputs(model, row, how)
    value = output.reshape(len(output), -1) if output.dim() else output.reshape(1, 1)
    if len(value) != 1:
        raise DataError(f"For one row the model returned {len(value)}: counterfactuals need a model of single rows.")
    if value.size(1) == 1:
        return _between(model, float(value), wanted, how)
    ranked = value[0].argsort(descending=True)
    aim = int(ranked[1]) if wanted is None else wanted
    if not isinstance(aim, int) or not 0 <= aim < value.size(1):
        raise DataError(f"wanted={wanted!r} was given; the model tells classes 0 to {value.size(1) - 1}: give one.")
    if aim == int(ranked[0]):
        raise DataError(f"The row has class {aim} already: give another one, or leave wanted out.")
    others = torch.arange(value.size(1)) != aim

    def margin(output: Tensor) -> Tensor:
        rows = output.flatten(1)
        return rows[:, aim] - rows[:, others].amax(1)

    return Judge(
        model=model,
        how=how,
        margin=margin,
        sentence=f"class {aim}",
        before=f"class {int(ranked[0])}",
        least=ROUNDING * float(value.abs().max()),
    )


def _between(model: nn.Module, now: float, wanted: Wish, how: Call | None) -> Judge:
    if not isinstance(wanted, tuple) or not wanted[0] < wanted[1]:
        raise DataError(
            f"The model predicts one value, {now:.4g}: give wanted=(lowest, highest), such as (0, float('inf'))."
        )
    low, high = wanted
    if low < now < high:
        raise DataError(f"The predicted value {now:.4g} is between {low:g} and {high:g} already: give other bounds.")

    def margin(output: Tensor) -> Tensor:
        value = output.reshape(-1)
        return torch.minimum(value - low, high - value)

    return Judge(
        model=model,
        how=how,
        margin=margin,
        sentence=f"a value between {low:g} and {high:g}",
        before=f"{now:.4g}",
        least=ROUNDING * abs(now),
    )

"""Searching rows that have what is wanted, near the one that has not."""

import torch
from torch import Tensor

from workbench.interpret.recourse.features import Features
from workbench.interpret.recourse.judging import Judge

STEP = 0.1
"""deviations that a number is moved by at a time"""
HALVINGS = 30
"""times that the way to the boundary is halved"""


def drawn(features: Features, origin: Tensor, count: int, random: torch.Generator) -> Tensor:
    """(count, columns) rows some of whose features are those of examples, drawn at random."""
    examples = torch.randint(len(features.data), (count, len(features.columns)), generator=random)
    rows = origin.expand(count, -1).clone()
    share = torch.rand(count, 1, generator=random)
    swapped = (torch.rand(count, len(features.columns), generator=random) < share) & torch.tensor(features.free)
    for i, columns in enumerate(features.columns):
        values = features.data[examples[:, i]][:, list(columns)]
        rows[:, list(columns)] = torch.where(swapped[:, i, None], values, rows[:, list(columns)])
    return rows.clamp(features.low, features.high)


def descended(judge: Judge, features: Features, rows: Tensor, allowed: Tensor, most: int) -> Tensor | None:
    """Rows moved until they have what is wanted, one number at a time: that which brings most for its deviation.

    This is steepest descent in the norm of the distance, the sum of absolute changes in deviations. None where there
    is no gradient.

    Args:
        judge: Says what is wanted.
        features: Of the table.
        rows: (rows, columns) where to begin.
        allowed: (rows, features) which may be moved, of those that are numbers and free.
        most: Steps.
    """
    movable = features.spread(allowed & torch.tensor(features.numeric) & torch.tensor(features.free))
    rows = rows.clone()
    waiting = ~judge.valid(rows)
    for _ in range(most):
        if not bool(waiting.any()):
            break
        slopes = judge.slopes(rows[waiting])
        if slopes is None:
            return None
        now = rows[waiting]
        gain = slopes * features.unit * movable[waiting]
        room = torch.where(slopes > 0, now < features.high, now > features.low)
        best = torch.where(room, gain.abs(), 0).argmax(1, keepdim=True)
        step = STEP * features.unit[best] * gain.gather(1, best).sign()
        rows[waiting] = features.rounded(now.scatter_add(1, best, step), now).clamp(features.low, features.high)
        waiting = ~judge.valid(rows)
    return rows


def given_back(judge: Judge, features: Features, rows: Tensor, origin: Tensor) -> Tensor:
    """Valid rows with every feature given back that need not be changed, the smallest change first."""
    order = features.costs(rows, origin).argsort(1)
    for place in range(order.size(1)):
        only = torch.zeros_like(order, dtype=torch.bool).scatter_(1, order[:, place, None], value=True)
        tried = torch.where(features.spread(only), origin, rows)
        rows = torch.where(judge.valid(tried)[:, None], tried, rows)
    return rows


def drawn_near(judge: Judge, features: Features, rows: Tensor, origin: Tensor) -> Tensor:
    """Valid rows with every number moved back as far as it may, the largest change first."""
    costs = features.costs(rows, origin) * torch.tensor(features.numeric)
    order = costs.argsort(1, descending=True)
    for place in range(int((costs > 0).sum(1).max()) if len(rows) else 0):
        only = torch.zeros_like(order, dtype=torch.bool).scatter_(1, order[:, place, None], value=True)
        mine = features.spread(only & torch.tensor(features.numeric))
        near, far = torch.where(mine, origin, rows), rows  # near is not valid, or is where it ends
        for _ in range(HALVINGS):
            middle = features.rounded(torch.where(mine, (near + far) / 2, rows), origin)
            right = judge.valid(middle)[:, None]
            near, far = torch.where(right, near, middle), torch.where(right, middle, far)
        rows = far
    return rows

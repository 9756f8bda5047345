"""Centres of a table: a few rows that stand for all, each for as many as lie near it."""

import torch
from torch import Tensor

ROUNDS = 30


def centres(table: Tensor, count: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """Rows (count, columns) that stand for a table, and the share (count,) of its rows that each stands for.

    k-means (Lloyd 1982, doi:10.1109/TIT.1982.1056489) begun by k-means++ (Arthur and Vassilvitskii 2007). Departures:
    distances are in standard deviations of each column; each number of a centre is replaced by the nearest one that
    occurs in its column, as shap does, so that a column of zeros and ones stays one.

    Args:
        table: (rows, columns), no fewer rows than centres.
        count: How many centres.
        random: Draws where to begin.
    """
    whole = table.detach().cpu().double()
    spread = whole.std(0, correction=0)
    scaled = whole / torch.where(spread == 0, 1.0, spread)
    found = _begun(scaled, count, random)
    count = len(found)
    nearest = torch.cdist(scaled, found).argmin(1)
    for _ in range(ROUNDS):
        sums = torch.zeros_like(found).index_add_(0, nearest, scaled)
        sizes = torch.bincount(nearest, minlength=count)
        found = torch.where(sizes[:, None] > 0, sums / sizes[:, None].clamp_min(1), found)
        before, nearest = nearest, torch.cdist(scaled, found).argmin(1)
        if torch.equal(before, nearest):
            break
    sizes = torch.bincount(nearest, minlength=count)
    kept = sizes > 0
    return _occurring(scaled, whole, found[kept]).to(table), (sizes[kept] / len(table)).to(table)


def _begun(rows: Tensor, count: int, random: torch.Generator) -> Tensor:
    """Rows far from each other, drawn by the square of the distance to the nearest one drawn before."""
    chosen = [int(torch.randint(len(rows), (1,), generator=random))]
    distance = (rows - rows[chosen[0]]).square().sum(1)
    while len(chosen) < count and float(distance.sum()) > 0:
        chosen.append(int(torch.multinomial(distance, 1, generator=random)))
        distance = torch.minimum(distance, (rows - rows[chosen[-1]]).square().sum(1))
    return rows[chosen]


def _occurring(scaled: Tensor, whole: Tensor, found: Tensor) -> Tensor:
    """For each number of a centre the nearest one of its column, as it stands in the table."""
    nearest = [(scaled[:, i] - found[:, i : i + 1]).abs().argmin(1) for i in range(scaled.size(1))]
    return torch.stack([whole[rows, i] for i, rows in enumerate(nearest)], 1)

"""Attention x gradient: Chefer, Gur and Wolf 2021, arXiv:2103.15679, equations 5 and 6.

Only for attention within one sequence. R = 1, and layer by layer R += A R with A the mean over heads of (weights x
their gradient)+. Departures: which positions the score is read from is not asked but taken from the last layer, where
only their queries have a gradient (for a class token it is the paper's row); what these positions hand to themselves
past all attention is left out.
"""

import math
from collections.abc import Iterator
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from workbench.core.entry import Paper
from workbench.interpret.attributions._leaves import Leaf
from workbench.interpret.attributions._method import Estimate, Method, Refused, Unit
from workbench.interpret.attributions._problem import Problem
from workbench.interpret.attributions._propagation.attended import Attended
from workbench.interpret.attributions._propagation.running import propagated

MOST_EXTRA = 8
"""positions before the patches of a picture, such as a class token and registers"""


class AttentionXGradient(Method):
    """What reaches the score along attention that raises it."""

    title: ClassVar[str] = "attention x gradient"
    unit: ClassVar[Unit] = "evidence"
    papers: ClassVar[tuple[Paper, ...]] = (
        Paper(
            title="Generic Attention-Model Explainability for Interpreting Bi-Modal and Encoder-Decoder Transformers",
            authors="Chefer, Hila and Gur, Shir and Wolf, Lior",
            year=2021,
            venue="ICCV",
            arxiv="2103.15679",
        ),
    )

    def results(self, problem: Problem) -> Iterator[Estimate]:
        """One estimate."""
        kind = type(problem.model).__name__
        if problem.joint:
            raise Refused("it reads attention between positions of a sequence, and this input has none.")
        seen, slopes = propagated(problem, [v[None] for v in problem.values], Attended, by=lambda p: p.weights)
        if not seen.weights:
            raise Refused(f"no attention was computed by {kind} that the score depends on.")
        steps = [_step(w.detach(), g, problem.rows) for w, g in zip(seen.weights, slopes, strict=True)]
        if len({step.shape for step in steps}) > 1 or steps[0].size(-1) != steps[0].size(-2):
            raise Refused(f"the attention of {kind} is not within one sequence, for which alone there is a rule.")
        evidence = _handed(steps)
        pairs = list(zip(problem.leaves, problem.values, strict=True))
        parts = [_placed(evidence, leaf, value) for leaf, value in pairs]
        if all(part is None for part in parts):
            raise Refused(f"its {evidence.size(1)} positions are not those of the input.")
        yield Estimate(
            parts=[torch.zeros_like(v) if p is None else p for p, v in zip(parts, problem.values, strict=True)],
            steps=1,
            work=f"{len(steps)} layer{'s' if len(steps) > 1 else ''}",
        )


def _step(weights: Tensor, slope: Tensor, rows: int) -> Tensor:
    """(rows, queries, keys) the mean over heads of what raises the score (equation 5)."""
    if weights.size(0) % rows:
        raise Refused("its attention does not keep the examples apart.")
    return (weights * slope).clamp_min(0).reshape(rows, -1, *weights.shape[-2:]).mean(1)


def _handed(steps: list[Tensor]) -> Tensor:
    """(rows, positions) what each position hands to those that the score is read from (equation 6)."""
    own = torch.eye(steps[0].size(-1), dtype=steps[0].dtype, device=steps[0].device)
    total = own.expand_as(steps[0])
    for step in steps:
        total = total + step @ total
    read = steps[-1].sum(-1)
    read = read / read.sum(-1, keepdim=True).clamp_min(torch.finfo(read.dtype).tiny)
    return (read[:, None] @ (total - own))[:, 0]


def _placed(evidence: Tensor, leaf: Leaf, value: Tensor) -> Tensor | None:
    """Scores of positions as scores of a leaf; None where they are not its positions."""
    count = evidence.size(1)
    if leaf.embedding is not None:
        return evidence.reshape(value.shape[:-1]) if value.shape[1:-1].numel() == count else None
    if value.dim() == 3 and value.size(1) == count:  # noqa: PLR2004 - (rows, positions, features)
        return (evidence[..., None] / value.size(2)).expand_as(value)
    grid = _grid(count, value) if value.dim() == 4 else None  # noqa: PLR2004 - pictures
    if grid is None:
        return None
    patches = evidence[:, count - math.prod(grid) :].unflatten(1, grid)[:, None]
    drawn = F.interpolate(patches, value.shape[-2:], mode="nearest")
    return (drawn / value.size(1)).expand_as(value)


def _grid(count: int, value: Tensor) -> tuple[int, int] | None:
    """Rows and columns of patches, of the picture's proportions."""
    height, width = value.shape[-2:]
    for extra in range(min(MOST_EXTRA, count - 1) + 1):
        rows = round(math.sqrt((count - extra) * height / width))
        if rows and rows * width == (columns := rows * width // height) * height and rows * columns == count - extra:
            return rows, columns
    return None


METHOD = AttentionXGradient

"""Running a problem's forward by the rules of a propagation."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import TypeVar

import torch
from torch import Tensor

from workbench.core.live import evaluating, look
from workbench.interpret.attributions._problem import NotDifferentiableError, Problem
from workbench.interpret.attributions._propagation.propagation import Propagation

P = TypeVar("P", bound=Propagation)


def propagated(
    problem: Problem,
    points: Sequence[Tensor],
    make: Callable[[Sequence[Tensor]], P],
    by: Callable[[P], Sequence[Tensor]] | None = None,
) -> tuple[P, list[Tensor]]:
    """A propagation that has run, and the gradients of the summed score by the points.

    Args:
        problem: What is explained.
        points: For each leaf (k, rows, ...).
        make: The propagation to leaves of these values.
        by: What the gradients are by instead, of what the propagation has seen; they have the shape of it.

    Raises:
        NotDifferentiableError: No gradient reaches the points.
    """
    if len(points[0]) > 1:
        _ = problem.stackable  # found out by forwards of its own, which follow no rules
    leaves = [p.detach().clone().requires_grad_() for p in points]
    with ExitStack() as stack:
        # Recurrent kernels of cuDNN cannot be differentiated in evaluation mode.
        plain = torch.backends.cudnn.flags(enabled=False)
        for context in (look(), evaluating(problem.model), torch.enable_grad(), plain):
            stack.enter_context(context)
        propagation = make(leaves)
        with propagation:
            score = problem.run(leaves)
        if not score.requires_grad:
            kind = type(problem.model).__name__
            raise NotDifferentiableError(f"The score of {kind} does not depend on its input by a gradient.")
        wanted = leaves if by is None else list(by(propagation))
        given = torch.autograd.grad(score.sum(), wanted, allow_unused=True) if wanted else ()
    # allow_unused gives None, which torch's types leave out
    found = [torch.zeros_like(p) if g is None else g for g, p in zip(given, wanted, strict=True)]  # pyright: ignore[reportUnnecessaryComparison]
    return propagation, found

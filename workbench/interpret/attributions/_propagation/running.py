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
    problem: Problem, points: Sequence[Tensor], make: Callable[[Sequence[Tensor]], P], *, backward: bool = True
) -> tuple[P, list[Tensor]]:
    """A propagation that has run, and its gradients in the shape of the points.

    Args:
        problem: What is explained.
        points: For each leaf (k, rows, ...).
        make: The propagation to leaves of these values.
        backward: Whether gradients are wanted; without, the list is empty.

    Raises:
        NotDifferentiableError: No gradient reaches the points.
    """
    if len(points[0]) > 1:
        _ = problem.stackable  # found out by forwards of its own, which follow no rules
    leaves = [p.detach().clone().requires_grad_() for p in points]
    with ExitStack() as stack:
        for context in (
            look(),
            evaluating(problem.model),
            torch.enable_grad(),
            torch.backends.cudnn.flags(enabled=False),
        ):
            stack.enter_context(context)
        propagation = make(leaves)
        with propagation:
            score = problem.run(leaves)
        if not score.requires_grad:
            kind = type(problem.model).__name__
            raise NotDifferentiableError(f"The score of {kind} does not depend on its input by a gradient.")
        if not backward:
            return propagation, []
        given = torch.autograd.grad(score.sum(), leaves, allow_unused=True)
    # allow_unused gives None, which torch's types leave out
    found = [torch.zeros_like(p) if g is None else g for g, p in zip(given, leaves, strict=True)]  # pyright: ignore[reportUnnecessaryComparison]
    return propagation, found

"""Integrated gradients of any model: Sundararajan et al. 2017, arXiv:1703.01365.

Departures: the integral is by Gauss-Legendre instead of a Riemann sum; the reference is not zero by default (see
references.py); the number of steps doubles until the completeness gap closes; integers are attributed at the
embedding that consumes them. One forward per node of the rule: nothing is stacked along the batch axis, which graphs
and fixed batches would not survive.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from workbench.core.calling import Call, call
from workbench.core.environment import within_budget
from workbench.core.errors import ConfigError, DataError
from workbench.core.live import evaluating, look
from workbench.interpret.attributions._attribution import INTEGRATED_GRADIENTS, Attribution
from workbench.interpret.attributions._leaves import Leaf, find_leaves, is_joint, replaced
from workbench.interpret.attributions._references import Reference, reference_for
from workbench.interpret.batches import as_batch
from workbench.interpret.moment import versions
from workbench.interpret.targets import Target, Wanted, choose
from workbench.taps import tap

FIRST_STEPS = 16
BOUND = 0.05


def integrated_gradients(
    model: nn.Module,
    batch: Any,
    target: Wanted | Target = None,
    *,
    reference: Reference = None,
    steps: int = FIRST_STEPS,
    most: int | None = None,
    bound: float = BOUND,
    call: Call | None = None,
) -> Attribution:
    """How much each part of the input added to the target's score, between a reference and the input.

    scores_i = (x_i - r_i) * integral over a from 0 to 1 of the derivative of the score by x_i at r + a (x - r):
    equation 1 of Sundararajan et al. 2017, arXiv:1703.01365. Their sum is the score minus the score at the reference;
    ``relative_gap`` says by how much it misses that.

    Args:
        model: Any module; it is differentiated in evaluation mode and stays as it was.
        batch: What it is called with.
        target: What is explained; see ``targets.Wanted``. None to infer it from the output.
        reference: What the input is compared with; see ``references.Reference``. None for a token, blur or mean.
        steps: Gradients of the first attempt.
        most: Gradients after which no better attempt is made; 256, or 16 under the CI budget.
        bound: The relative gap below which it is done.
        call: How the model is called, where that is not the ordinary way.

    Returns:
        The last and best result.

    Raises:
        DataError: Nothing can be differentiated, or target or reference do not fit.
        ConfigError: ``steps`` or ``bound`` is out of range.
    """
    results = improving_integrated_gradients(
        model, batch, target, reference=reference, steps=steps, most=most, bound=bound, call=call
    )
    *_, last = results
    return last


def improving_integrated_gradients(
    model: nn.Module,
    batch: Any,
    target: Wanted | Target = None,
    *,
    reference: Reference = None,
    steps: int = FIRST_STEPS,
    most: int | None = None,
    bound: float = BOUND,
    call: Call | None = None,
) -> Iterator[Attribution]:
    """The results of ``integrated_gradients`` with steps, 2 steps, 4 steps ... until the gap closes.

    The lock on training is held for one gradient at a time.
    """
    limit = within_budget(256, 16) if most is None else most
    if not steps >= 1 or bound <= 0:
        raise ConfigError(f"steps={steps} and bound={bound} were given; steps must be 1 or more and bound above 0.")
    given = as_batch(batch)
    marks = versions(model)
    leaves, output = find_leaves(model, given, call)
    chosen = choose(model, output, target)
    references = [reference_for(model, leaf, reference, nodes=is_joint(given, leaf)) for leaf in leaves]
    path = _Path(model, given, leaves, [r for r, _ in references], chosen, call)
    end, start = path.score(1.0), path.score(0.0)
    words = "; ".join(dict.fromkeys(said for _, said in references))
    while True:
        sums = path.integral(steps)
        result = _result(path, sums, end - start, words, steps, bound, changed=versions(model) != marks)
        yield result
        if result.converged or steps * 2 > limit:
            return
        steps *= 2


@dataclass(frozen=True, slots=True)
class _Path:
    """The straight line from a reference to an input, along which a score is differentiated."""

    model: nn.Module
    batch: Any
    leaves: list[Leaf]
    references: list[Tensor]
    target: Target
    how: Call | None

    def score(self, place: float) -> Tensor:
        """(rows,) scores at a place between 0, the reference, and 1, the input."""
        with look(), evaluating(self.model), torch.no_grad():
            return self._run(self._points(place)).detach()

    def integral(self, steps: int) -> list[Tensor]:
        """The integral of the gradient over the line for each leaf, times the line."""
        nodes, weights = np.polynomial.legendre.leggauss(steps)
        sums = [torch.zeros_like(leaf.value) for leaf in self.leaves]
        for node, weight in zip(nodes, weights, strict=True):
            for total, gradient in zip(sums, self._gradients((float(node) + 1) / 2), strict=True):
                if gradient is not None:
                    total.add_(gradient, alpha=float(weight) / 2)
        pairs = zip(self.leaves, self.references, sums, strict=True)
        return [(leaf.value - reference) * total for leaf, reference, total in pairs]

    def _gradients(self, place: float) -> Sequence[Tensor | None]:
        # Recurrent kernels of cuDNN cannot be differentiated in evaluation mode.
        with look(), evaluating(self.model), torch.enable_grad(), torch.backends.cudnn.flags(enabled=False):
            points = [point.requires_grad_() for point in self._points(place)]
            score = self._run(points)
            if not score.requires_grad:
                raise DataError(
                    f"The score of {type(self.model).__name__} does not depend on its input by a gradient: "
                    "its forward detaches, rounds or runs without gradients."
                )
            return torch.autograd.grad(score.sum(), points, allow_unused=True)

    def _points(self, place: float) -> list[Tensor]:
        pairs = zip(self.leaves, self.references, strict=True)
        return [torch.lerp(reference, leaf.value, place) for leaf, reference in pairs]

    def _run(self, points: list[Tensor]) -> Tensor:
        inputs: dict[str, Tensor] = {}
        with ExitStack() as stack:
            editing = stack.enter_context(tap(self.model))
            for leaf, point in zip(self.leaves, points, strict=True):
                if leaf.embedding is None:
                    inputs[leaf.name] = point
                else:
                    editing.edit({leaf.address: lambda _, point=point: point})
            output = call(self.model, replaced(self.batch, inputs, self.model), call=self.how)
        return self.target.pick(output)


def _result(
    path: _Path, scores: list[Tensor], difference: Tensor, words: str, steps: int, bound: float, *, changed: bool
) -> Attribution:
    rows = len(difference)
    separate = all(len(s) == rows for s in scores) and not is_joint(path.batch, path.leaves[0])
    if separate:
        total = torch.stack([s.flatten(1).sum(1) for s in scores]).sum(0)
    else:
        total, difference = torch.stack([s.sum() for s in scores]).sum(0, keepdim=True), difference.sum(0, keepdim=True)
    gap = (total - difference).abs() / difference.abs().clamp_min(torch.finfo(difference.dtype).tiny)
    gap = torch.where((total - difference).abs() <= torch.finfo(torch.float32).eps, 0.0, gap).cpu()
    parts = {
        leaf.name: (s.sum(-1) if leaf.embedding is not None else s).detach().cpu()
        for leaf, s in zip(path.leaves, scores, strict=True)
    }
    converged = bool((gap < bound).all())
    return Attribution(
        parts=parts,
        method=f"integrated gradients, {steps} steps",
        target=path.target.sentence,
        targets=path.target.labels,
        reference=words,
        relative_gap=gap,
        difference=difference.cpu(),
        bound=bound,
        steps=steps,
        converged=converged,
        warnings=tuple(_warnings(parts, gap, bound, changed=changed)),
        cited=(INTEGRATED_GRADIENTS,),
        inputs=path.batch,
    )


def _warnings(parts: dict[str, Tensor], gap: Tensor, bound: float, *, changed: bool) -> Iterator[str]:
    if not all(bool(s.isfinite().all()) for s in parts.values()):
        yield "Some scores are not finite: the gradient overflowed on the way."
    elif bool((gap >= bound).any()):
        yield (
            f"The scores miss the difference they should add up to by {float(gap.max()):.0%}, more than {bound:.0%}: "
            "use more steps or another reference, and do not read small differences."
        )
    if changed:
        yield "The weights changed while this was computed: the scores mix two models."
    silent = [name for name, s in parts.items() if not bool(s.any())]
    if silent:
        yield f"The score does not depend on {', '.join(silent)}."

"""Information bottleneck attribution: Schulz et al. 2020, arXiv:2001.00396, the per-sample bottleneck of section 3.2.

Noise of the layer's own mean and spread replaces what the layer gave, Z = lambda R + (1 - lambda) noise (equation 2).
What is let through, lambda, is learnt for one example such that the prediction is kept and little information passes
(equation 6); a place then has the bits that pass there, sum over channels of KL(P(Z|R) || Q(Z)) (equations 4 and 5).

Departures: mean and spread are those of a channel over places and examples, because there are few examples to take
them from. A score that is not that of a class is kept by the square of its relative difference, instead of the cross
entropy. The map is scaled such that its sum is the bits that pass, also after it was drawn at the picture's size.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from workbench.core.calling import scores
from workbench.core.entry import Paper
from workbench.core.errors import DataError
from workbench.core.live import evaluating, look
from workbench.interpret.attributions._method import Estimate, Method, Refused, Unit
from workbench.interpret.attributions._problem import Problem
from workbench.interpret.attributions._remembered import Findings
from workbench.interpret.attributions._restricted import LEAST, Restricted, as_maps
from workbench.interpret.targets import by_class
from workbench.taps import tap

_PICTURE = 4
"""axes of (examples, channels, height, width)"""
Loss = Callable[[Tensor], Tensor]


class InformationBottleneck(Method):
    """The bits that must pass each place of a layer for the prediction to be kept."""

    title: ClassVar[str] = "information bottleneck"
    unit: ClassVar[Unit] = "evidence"
    takes = "pictures"
    background: ClassVar[bool] = True
    papers: ClassVar[tuple[Paper, ...]] = (
        Paper(
            title="Restricting the Flow: Information Bottlenecks for Attribution",
            authors="Schulz, Karl and Sixt, Leon and Tombari, Federico and Landgraf, Tim",
            year=2020,
            venue="ICLR",
            arxiv="2001.00396",
        ),
    )

    layer: str = Field("", max_length=500)
    """Address of the value whose information is restricted; empty for the convolution in the middle of those that run,
    and for the embedding of tokens."""
    beta: float = Field(10.0, gt=0, le=1e6)
    """What a bit costs: the weight of the mean information of a value against the loss of prediction; lower it where
    the result says that the prediction is lost."""
    steps: int = Field(10, ge=1, le=1000)
    """Steps by which what is let through is learnt."""
    samples: int = Field(10, ge=1, le=1000)
    """Draws of noise in each step."""
    rate: float = Field(1.0, gt=0, le=10)
    """Learning rate."""
    smooth: float = Field(1.0, ge=0, le=10)
    """Standard deviation, in places of the layer, of the blur over what is let through."""

    def results(self, problem: Problem) -> Iterator[Estimate]:
        """One estimate."""
        if problem.joint:
            raise DataError(f"{self.title} explains pictures and sequences, one for each example.")
        posed, loss = _posed(problem)
        _ = posed.stackable  # found out by forwards of its own, in which nothing is restricted
        address = self.layer or _layer_of(problem)
        with ExitStack() as stack:
            # Recurrent kernels of cuDNN cannot be differentiated in evaluation mode.
            plain = torch.backends.cudnn.flags(enabled=False)
            for context in (look(), evaluating(problem.model), torch.enable_grad(), plain):
                stack.enter_context(context)
            given, around = _given(posed, address), _background(posed, address)
            restricted = Restricted(given, around, self.smooth, posed.generator(41))
            kept = self._learn(posed, restricted, loss, address)
        bits = restricted.information().detach().sum(1) / math.log(2)
        parts = [_drawn(bits, value, token=leaf.embedding is not None) for leaf, value in _leaves(problem)]
        if all(part is None for part in parts):
            raise Refused(f"the {tuple(bits.shape[1:])} places of {address!r} are not those of the input.")
        passed = float(bits.flatten(1).sum(1).mean())
        yield Estimate(
            parts=[torch.zeros_like(v) if p is None else p for p, v in zip(parts, problem.values, strict=True)],
            steps=self.steps * self.samples,
            work=f"{passed:.3g} bits through {address}, {_said(problem, posed, kept)}",
        )

    def _learn(self, problem: Problem, restricted: Restricted, loss: Loss, address: str) -> Tensor:
        """The scores of the last step, (samples, rows)."""
        points = [v.detach()[None].expand(self.samples, *v.shape) for v in problem.values]
        optimiser = torch.optim.Adam([restricted.opening], lr=self.rate)
        score = problem.score[None]
        for _ in range(self.steps):
            with tap(problem.model) as editing:
                editing.edit({address: restricted})
                score = problem.run(points)
            if not score.requires_grad:
                raise Refused(f"the score does not depend on {address!r} by a gradient.")
            information = restricted.information().flatten(1).mean(1)
            total = (loss(score).mean(0) + self.beta * information).sum()
            (restricted.opening.grad,) = torch.autograd.grad(total, restricted.opening)
            optimiser.step()
        return score.detach()


def _posed(problem: Problem) -> tuple[Problem, Loss]:
    """The problem by the score that is kept, and what is lost where it is another."""
    classes = problem.target.classes
    value = by_class(scores(problem.output)) if classes else None
    if value is None or len(classes) != problem.rows:
        whole = problem.score
        return replace(problem, known=Findings()), lambda score: ((score - whole) / whole.abs().clamp_min(LEAST)) ** 2
    index = torch.tensor(classes, device=value.device)

    def pick(output: Any) -> Tensor:
        rows = by_class(scores(output))
        if rows is None:
            raise AssertionError
        return rows.log_softmax(-1).gather(-1, index.repeat(len(rows) // len(index))[:, None])[:, 0]

    target = replace(problem.target, pick=pick, classes=())
    return replace(problem, target=target, known=Findings()), lambda score: -score


def _said(problem: Problem, posed: Problem, kept: Tensor) -> str:
    """How much of the prediction is left with so few bits: a map of a prediction that is lost says nothing."""
    if posed.target is problem.target:
        off = (kept - posed.score).abs() / posed.score.abs().clamp_min(LEAST)
        return f"which change the score by {float(off.mean()):.0%}"
    return f"which leave the class {float(kept.exp().mean()):.0%} of {float(posed.score.exp().mean()):.0%}"


def _layer_of(problem: Problem) -> str:
    """Where information is restricted by default."""
    if all(v.dim() == _PICTURE for v in problem.values):
        ran: list[str] = []
        named = [(n, m) for n, m in problem.model.named_modules() if type(m).__name__.lower().startswith("conv2d")]
        with ExitStack() as stack:
            for name, module in named:
                stack.callback(module.register_forward_hook(lambda *_, name=name: ran.append(name)).remove)
            problem.output_at(problem.values)
        if ran:
            return ran[len(ran) // 2]
        raise Refused(f"no convolution of {type(problem.model).__name__} ran: give layer=, the address of a value.")
    if len(problem.leaves) == 1 and problem.leaves[0].address:
        return problem.leaves[0].address
    raise DataError(
        "An information bottleneck needs a layer whose places are those of the input: give pictures or tokens, or "
        "layer=, the address of a value of shape (examples, channels, height, width) or (examples, positions, width)."
    )


def _given(problem: Problem, address: str) -> Tensor:
    """(rows, channels, height, width) what the layer gives."""
    return _seen(problem, [v[None] for v in problem.values], address)


def _background(problem: Problem, address: str) -> Tensor:
    """What it gives to the examples that the input is compared with, or to the input itself."""
    many = len(problem.references[0]) > 1
    return _seen(problem, problem.references if many else [v[None] for v in problem.values], address)


def _seen(problem: Problem, points: list[Tensor], address: str) -> Tensor:
    found: list[Tensor] = []

    def note(value: Tensor) -> Tensor:
        found.append(as_maps(value, address).detach().clone())
        return value

    with torch.no_grad(), tap(problem.model) as editing:
        editing.edit({address: note})
        problem.scores_at(points)
    return torch.cat(found)


def _leaves(problem: Problem) -> Iterator[tuple[Any, Tensor]]:
    yield from zip(problem.leaves, problem.values, strict=True)


def _drawn(bits: Tensor, value: Tensor, *, token: bool) -> Tensor | None:
    """Bits of places, (rows, height, width), as scores of a leaf; None where they are not its places."""
    if value.dim() == _PICTURE and not token:
        drawn = F.interpolate(bits[:, None], value.shape[-2:], mode="bilinear", align_corners=False)
        drawn = drawn * (bits.sum((1, 2)) / drawn.sum((1, 2, 3)).clamp_min(1e-30))[:, None, None, None]
        return (drawn / value.size(1)).expand_as(value)
    if value.dim() == 3 and bits.size(1) == 1 and bits.size(2) == value.size(1):  # noqa: PLR2004 - (rows, positions, width)
        return bits[:, 0] if token else (bits[:, 0, :, None] / value.size(2)).expand_as(value)
    return None


METHOD = InformationBottleneck

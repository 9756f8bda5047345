"""What ``explain`` returns: scores, with gap or sampling error, the methods that were refused, and a drawing."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from workbench.core.errors import DataError
from workbench.interpret.attributions._attribution import Attribution
from workbench.interpret.attributions._method import Estimate, Method
from workbench.interpret.attributions._problem import Problem

if TYPE_CHECKING:
    from workbench.interpret.attributions._charts import Charts
    from workbench.interpret.doubt.agreeing import Agreement
    from workbench.interpret.doubt.randomising import Sanity

CONFIDENCE = 1.96
"""standard errors in half a 95 % interval"""
SAMPLING = 5
"""half a 95 % interval may be this many times the bound on the gap: 5 % of the change for a gap of 1 %"""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Explanation(Attribution):
    """An attribution by any method of ``interpret.attributions``."""

    unit: str = "contribution"
    """contribution, slope or evidence; only contributions can be added up"""
    complete: bool = True
    """whether the method promises that the scores add up"""
    base: Tensor = field(default_factory=lambda: torch.zeros(0))
    """(examples,) scores of the reference, averaged over a background"""
    interval: Mapping[str, Tensor] = field(default_factory=dict[str, Tensor])
    """half of each score's 95 % interval, in the shape of ``parts``; empty where nothing was drawn at random"""
    relative_error: Tensor = field(default_factory=lambda: torch.zeros(0))
    """(examples,) the widest half interval over the change in score; empty where nothing was drawn at random"""
    total_interval: Tensor = field(default_factory=lambda: torch.zeros(0))
    """(examples,) half of the 95 % interval of the sum of the scores; empty where nothing was drawn at random"""
    features: Mapping[str, Tensor] = field(default_factory=dict[str, Tensor])
    """what was explained, in the shape of ``parts``: numbers, or token ids"""
    names: tuple[str, ...] = ()
    """what the columns are called, where that is known"""
    problem: Problem | None = None
    """model, input, reference and target, for what is asked of the explanation later"""
    by: Method | None = None
    """the method with its settings"""
    agreement: "Agreement | None" = None
    """rank correlation with another method, once ``checked``"""
    sanity: "Sanity | None" = None
    """whether the scores change with the weights, once ``checked``"""

    @property
    def scores(self) -> Any:
        """The scores, a tensor; by the input's name where several inputs were explained."""
        return dict(self.parts) if len(self.parts) > 1 else next(iter(self.parts.values()))

    @property
    def units(self) -> str:
        """What the scores are, in the plural: contributions, slopes or evidence."""
        return self.unit if self.unit == "evidence" else f"{self.unit}s"

    @property
    def doubt(self) -> str:
        """How far the scores can be trusted, in words, and every warning."""
        said: list[str] = []
        if self.complete:
            said.append(f"Completeness gap {_worst(self.relative_gap):.1%} at worst.")
        elif self.unit == "contribution":
            said.append(f"The scores need not add up, and miss the change by {_worst(self.relative_gap):.1%} at worst.")
        else:
            said.append(f"The scores are {self.units} and do not add up to anything.")
        if self.relative_error.numel():
            said.append(f"Sampling error {_worst(self.relative_error):.1%} of the change at worst (95 % interval).")
        return " ".join((*said, f"Reference: {self.reference}.", *self.warnings))

    def checked(self) -> "Explanation":
        """The same with a second opinion and the sanity check by random weights; what they find is in ``warnings``.

        It costs another method and three times this one.

        Raises:
            DataError: This explanation does not hold what it was made from.
            MissingExtraError: scipy is not installed.
        """
        from workbench.interpret.doubt.checking import checked

        return checked(self)

    def source(self) -> Problem:
        """What was explained.

        Raises:
            DataError: This explanation does not hold it.
        """
        if self.problem is None:
            raise DataError("This explanation does not hold the model and the input it was made from.")
        return self.problem

    def plot(self, example: int = 0) -> Any:
        """A plotly figure of one example: bars, or a map for pictures.

        Args:
            example: Which one.

        Raises:
            MissingExtraError: plotly is not installed.
            DataError: There is no such example.
        """
        from workbench.interpret.attributions._drawn import figure

        return figure(self, example)

    @property
    def charts(self) -> "Charts":
        """Plotly figures of one example and of all: waterfall, force, beeswarm, bar, scatter, decision."""
        from workbench.interpret.attributions._charts import Charts

        return Charts(self)

    def to_shap(self, names: Sequence[str] | None = None, processor: Any = None) -> Any:
        """The same as a ``shap.Explanation``, which every plot of shap takes.

        Args:
            names: Of the columns.
            processor: A tokenizer, which writes token ids as text.

        Raises:
            MissingExtraError: shap is not installed.
            DataError: Several inputs were explained; shap holds one.
        """
        from workbench.interpret.attributions._exchanged import to_shap

        return to_shap(self, names, processor)


def outcome(
    problem: Problem, method: Method, estimate: Estimate, bound: float, said: tuple[str, ...], *, changed: bool
) -> Explanation:
    """An estimate with its doubt."""
    raw = {leaf.name: p.detach() for leaf, p in zip(problem.leaves, estimate.parts, strict=True)}
    full = {leaf.name: _over_embedding(leaf, p, v, method) for (leaf, p, v) in _triples(problem, raw)}
    shared = estimate.total is not None
    difference = (problem.score - problem.base if estimate.total is None else estimate.total).detach()
    scale = torch.maximum(problem.scale, difference.abs()).clamp_min(torch.finfo(difference.dtype).tiny)
    gap = _gap(problem, full, difference, scale, method)
    interval, error = _interval(problem, estimate, method, scale)
    sound = _sound(gap, error, bound, method) and all(bool(p.isfinite().all()) for p in full.values())
    parts = {name: _shaped(problem, p) for name, p in full.items()} | {n: p.cpu() for n, p in estimate.besides.items()}
    warnings = (*said, *problem.reduced.doubt, *_warnings(parts, gap, error, bound, method, changed=changed))
    return Explanation(
        parts=parts,
        method=f"{method.title}, {estimate.work}{problem.reduced.words}",
        target=problem.target.sentence,
        targets=problem.target.labels,
        reference="none, the score itself is shared out" if shared else problem.reference,
        relative_gap=gap.cpu(),
        difference=difference.cpu(),
        bound=bound,
        steps=estimate.steps,
        converged=sound,
        warnings=warnings,
        cited=method.papers,
        inputs=problem.batch,
        unit=method.unit,
        complete=method.complete,
        base=(problem.score.detach() - difference).cpu(),
        interval={name: _shaped(problem, p) for name, p in interval.items()},
        relative_error=error.cpu(),
        total_interval=_total_interval(estimate, method, difference),
        problem=problem,
        by=method,
        features={leaf.name: (leaf.ids if leaf.ids is not None else leaf.value).cpu() for leaf in problem.leaves},
    )


def _triples(problem: Problem, raw: Mapping[str, Tensor]) -> Iterator[tuple[Any, Tensor, Tensor]]:
    for leaf, value in zip(problem.leaves, problem.values, strict=True):
        yield leaf, raw[leaf.name], value


def _over_embedding(leaf: Any, part: Tensor, value: Tensor, method: Method) -> Tensor:
    """Scores of tokens: contributions add up over the vector of a token, slopes have a length."""
    if leaf.embedding is None or part.dim() < value.dim():
        return part
    return part.norm(dim=-1) if method.unit == "slope" else part.sum(-1)


def _shaped(problem: Problem, part: Tensor) -> Tensor:
    return (part[0] if problem.joint else part).cpu()


def _gap(problem: Problem, parts: Mapping[str, Tensor], difference: Tensor, scale: Tensor, method: Method) -> Tensor:
    if method.unit != "contribution":
        return torch.full_like(difference, torch.nan)
    total = torch.stack([p.reshape(problem.rows, -1).sum(1) for p in parts.values()]).sum(0)
    missed = (total - difference).abs()
    # What single precision loses in a difference of scores is no gap.
    noise = 4 * torch.finfo(torch.float32).eps * torch.maximum(problem.score.abs(), problem.base.abs())
    return torch.where(missed <= noise, 0.0, missed / scale)


def _interval(problem: Problem, estimate: Estimate, method: Method, scale: Tensor) -> tuple[dict[str, Tensor], Tensor]:
    if estimate.error is None:
        return {}, torch.zeros(0)
    halves: dict[str, Tensor] = {}
    for leaf, error, value in zip(problem.leaves, estimate.error, problem.values, strict=True):
        summed = error if leaf.embedding is None or error.dim() < value.dim() else error.square().sum(-1).sqrt()
        halves[leaf.name] = CONFIDENCE * summed
    if method.unit != "contribution":
        return halves, torch.zeros(0)
    widest = torch.stack([h.reshape(problem.rows, -1).amax(1) for h in halves.values()]).amax(0)
    return halves, widest / scale


def _total_interval(estimate: Estimate, method: Method, difference: Tensor) -> Tensor:
    """Half of the interval of the sum; zero where the sum is exact by construction."""
    if method.unit != "contribution" or (estimate.error is None and estimate.total_error is None):
        return torch.zeros(0)
    if estimate.total_error is not None:
        return (CONFIDENCE * estimate.total_error).cpu()
    return torch.full_like(difference, 0.0 if method.complete else torch.nan).cpu()


def _sound(gap: Tensor, error: Tensor, bound: float, method: Method) -> bool:
    if not method.complete:
        return True
    return bool((gap < bound).all()) and bool((error <= SAMPLING * bound).all())


def _warnings(
    parts: Mapping[str, Tensor], gap: Tensor, error: Tensor, bound: float, method: Method, *, changed: bool
) -> Iterator[str]:
    if not all(bool(p.isfinite().all()) for p in parts.values()):
        yield "Some scores are not finite: the gradient overflowed on the way."
    elif method.complete and not bool((gap < bound).all()):
        yield (
            f"The scores miss the change they should add up to by {_worst(gap):.1%}, more than {bound:.1%}: "
            "do not read small differences."
        )
    if method.complete and error.numel() and not bool((error <= SAMPLING * bound).all()):
        yield (
            f"The scores are known to {_worst(error):.1%} of the change only (95 % interval), "
            f"more than {SAMPLING * bound:.0%}: draw more samples."
        )
    if changed:
        yield "The weights or buffers changed while this was computed: the scores mix two models."
    silent = [name for name, p in parts.items() if not bool(p.any())]
    if silent:
        yield f"The score does not depend on {', '.join(silent)}."


def _worst(values: Tensor) -> float:
    return float(values.max()) if values.numel() else 0.0

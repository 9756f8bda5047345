"""explain: any method on any model, refused and replaced where its own promise does not hold."""

from collections.abc import Iterator
from dataclasses import replace
from time import monotonic
from typing import Any

import torch
from torch import nn

from workbench.core.calling import Call
from workbench.core.errors import ConfigError, DataError
from workbench.interpret import attributions
from workbench.interpret.attributions._memory import lack_said
from workbench.interpret.attributions._method import Method, Refused
from workbench.interpret.attributions._outcome import Explanation, outcome
from workbench.interpret.attributions._posing import pose
from workbench.interpret.attributions._problem import NotDifferentiableError, Problem
from workbench.interpret.attributions._references import Reference
from workbench.interpret.moment import versions
from workbench.interpret.targets import Target, Wanted

BOUND = 0.01
"""the relative gap above which a method that promises completeness is refused"""
ROUNDING = 1e-5
"""how far apart two scores of one input may be, of the larger, before a model is called random"""
ENOUGH = 64
"""gradients or forwards before which no method is given up"""
EXACT_UP_TO = 10
"""features up to which every coalition is run"""
HALVED_UP_TO = 26
"""features that partition SHAP halves down to single ones within its usual number of coalitions"""


def explain(  # noqa: PLR0913 - each is a question of its own
    model: nn.Module,
    batch: Any,
    method: str | Method = "auto",
    target: Wanted | Target = None,
    *,
    reference: Reference = None,
    background: Any = None,
    call: Call | None = None,
    bound: float = BOUND,
    seed: int = 0,
    reduced: float | None = None,
    seconds: float | None = None,
    **settings: Any,
) -> Explanation:
    """How much each part of an input added to a score, and how far the answer can be trusted.

    A method that promises that its scores add up, and misses that by more than ``bound``, is refused for this model;
    the next sound one is used and ``warnings`` say so.

    Args:
        model: Any module; it stays as it was.
        batch: What it is called with.
        method: Name of a file in ``interpret.attributions``, or one of its methods with its settings; "auto" for
            integrated gradients and, where their gap stays open or there is no gradient, Shapley values.
        target: What is explained; see ``targets.Wanted``. None to infer it from the output.
        reference: What the input is compared with; see ``references.Reference``. None for a token, blur or mean.
        background: Examples to average over instead of one reference.
        call: How the model is called, where that is not the ordinary way.
        bound: The relative gap above which a method is refused; ``float("inf")`` to see what it gives all the same.
        seed: Of everything drawn at random.
        reduced: How much bfloat16 may change a score, as a fraction of the change, such as 0.05: where the processor
            has it and it changes less, it is used, and it is said by how much. None for full precision.
        seconds: After which no better result is waited for; the first one always is. None to wait for the last.
        **settings: Of the method, such as ``samples=2000``.

    Returns:
        The last and best result.

    Raises:
        DataError: Nothing can be explained, or target, reference or background do not fit.
        ConfigError: A setting is unknown or out of range.
        UnknownNameError: There is no such method.
        MissingExtraError: The method needs a library that is not installed.
    """
    results = improving_explanation(
        model, batch, method, target, reference=reference, background=background, call=call, bound=bound, seed=seed,
        reduced=reduced, **settings,
    )  # fmt: skip
    return _last(results, seconds)


def improving_explanation(  # noqa: PLR0913 - as above
    model: nn.Module,
    batch: Any,
    method: str | Method = "auto",
    target: Wanted | Target = None,
    *,
    reference: Reference = None,
    background: Any = None,
    call: Call | None = None,
    bound: float = BOUND,
    seed: int = 0,
    reduced: float | None = None,
    **settings: Any,
) -> Iterator[Explanation]:
    """The results of ``explain`` while they improve; the last is the best, whichever method gave it."""
    for name, value in (("bound", bound), ("reduced", reduced)):
        if value is not None and not value > 0:
            raise ConfigError(f"{name}={value} was given; it must be above 0.")
    asked = _asked(method, settings)
    with lack_said(model):
        problem = pose(
            model, batch, target, reference=reference, background=background, call=call, seed=seed,
            reduced=reduced,
        )  # fmt: skip
        yield from _tried(problem, asked, bound)


def _tried(problem: Problem, asked: Method | None, bound: float) -> Iterator[Explanation]:
    """The results of one method after the other, until one is sound; then the best if that was not the last."""
    marks = versions(problem.model)
    said: list[str] = []
    doubts: list[str] | None = None
    unsound: list[Explanation] = []
    for candidate in _candidates(asked, problem):
        posed = problem.with_background() if candidate.background else problem
        last: Explanation | None = None
        gaps: list[float] = []
        try:
            for estimate in candidate.results(posed):
                if doubts is None:  # after the first passes, which may have run the reference along
                    said[:0] = doubts = list(_about(problem))
                changed = versions(problem.model) != marks
                last = outcome(posed, candidate, estimate, bound, tuple(said), changed=changed)
                yield last
                if last.converged and candidate.complete and estimate.done:
                    return
                gaps.append(_gap(last))
                if candidate.complete and last.steps >= ENOUGH and _hopeless(gaps):
                    break
        except (Refused, NotDifferentiableError) as reason:
            said.append(f"{candidate.title} was not used: {reason}")
            continue
        if last is None or last.converged:
            return
        unsound.append(last)
        said.append(f"{candidate.title} was refused for this model: {_why(last)}")
    if not unsound:
        raise DataError(" ".join(said))
    best = min(unsound, key=_badness)
    if best is not unsound[-1]:
        yield best


def _last(results: Iterator[Explanation], seconds: float | None) -> Explanation:
    if seconds is not None and not seconds > 0:
        raise ConfigError(f"seconds={seconds} was given; it must be above 0.")
    began, found = monotonic(), None
    for found in results:
        if seconds is not None and monotonic() - began > seconds:
            return replace(found, warnings=(*found.warnings, f"No better result was waited for after {seconds:g} s."))
    if found is None:
        raise AssertionError
    return found


def _asked(method: str | Method, settings: dict[str, Any]) -> Method | None:
    if isinstance(method, Method):
        return method.but(**settings) if settings else method
    if method == "auto":
        if settings:
            raise ConfigError(
                f"{', '.join(settings)} belongs to one method: name it by method=…, one of "
                f"{', '.join(attributions.names())}."
            )
        return None
    return attributions.load(method)(**settings)


def _candidates(asked: Method | None, problem: Problem) -> Iterator[Method]:
    """The method that was asked for, then those that are sound on ever more models."""
    names = ["integrated_gradients", _switching(problem)]
    if asked is not None:
        yield asked
    for name in names:
        if asked is None or not isinstance(asked, attributions.load(name)):
            yield attributions.load(name)()


def _switching(problem: Problem) -> str:
    """The way to switch features that needs no gradient and is exact or nearly so for the fewest forwards."""
    features = problem.features()
    if features.count <= EXACT_UP_TO:
        return "exact_shapley"
    # Neighbours that stand together can be halved, which takes far fewer forwards than orders and draws nothing.
    halved = all(features.lattices) and features.count <= HALVED_UP_TO
    return "partition_shap" if halved else "permutation_shapley"


def _about(problem: Problem) -> Iterator[str]:
    """What is doubtful before any method has run."""
    apart = problem.repeats
    if apart > ROUNDING * float(problem.score.abs().max()):
        yield f"The model is random in evaluation mode: the same input gave scores {apart:.2g} apart."
    if float(problem.scale.max()) == 0:
        yield "The score is the same at the input and at the reference: there is nothing to explain."


def _hopeless(gaps: list[float]) -> bool:
    """Whether four times the work has brought nothing, and the scores miss half of what they should add up to."""
    return len(gaps) >= 3 and gaps[-1] > max(0.5, gaps[-3] / 2)  # noqa: PLR2004 - the last, and two doublings before


def _gap(result: Explanation) -> float:
    return float(result.relative_gap.nan_to_num(torch.inf).max())


def _why(result: Explanation) -> str:
    if not all(bool(part.isfinite().all()) for part in result.parts.values()):
        return f"some of its scores are not finite ({result.method})."
    gap = _gap(result)
    if not gap < result.bound:
        return f"its scores miss the change they should add up to by {gap:.1%} ({result.method})."
    return f"its scores are known to {float(result.relative_error.max()):.1%} of the change only ({result.method})."


def _badness(result: Explanation) -> float:
    gap = _gap(result)
    error = float(result.relative_error.nan_to_num(torch.inf).max()) if result.relative_error.numel() else 0.0
    return max(gap, error)

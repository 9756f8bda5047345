"""The sanity check by randomised weights: Adebayo et al. 2018, arXiv:1810.03292, section 3.

An explanation that stays as it is when the weights are drawn anew does not explain the model. Departures: weights are
drawn with their own mean and spread, so that scores stay of the same size; features (tokens, columns, patches, nodes)
are ranked by the size of their scores, several draws are averaged, and the embeddings of tokens stay what they were.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from workbench.core.entry import Paper
from workbench.core.errors import ConfigError, DataError
from workbench.core.markup import columns, table
from workbench.interpret.attributions._method import Refused
from workbench.interpret.attributions._outcome import Explanation
from workbench.interpret.attributions._problem import NotDifferentiableError, Problem
from workbench.interpret.attributions._single import explained
from workbench.interpret.doubt.ranking import LEAST, by_feature, correlated
from workbench.interpret.doubt.redrawn import redrawn, with_weights

SANITY = Paper(
    title="Sanity Checks for Saliency Maps",
    authors="Adebayo, Julius and Gilmer, Justin and Muelly, Michael and Goodfellow, Ian and others",
    year=2018,
    venue="NeurIPS",
    arxiv="1810.03292",
)
BOUND = 0.7
"""the rank correlation above which an explanation is said not to depend on the weights"""
DRAWS = 3


@dataclass(frozen=True, kw_only=True, eq=False)
class Sanity:
    """How alike an explanation stays while ever more of the weights are drawn anew, from the output downwards."""

    method: str
    """what was checked"""
    stages: tuple[str, ...]
    """the last module whose weights were drawn anew, for each stage; the last stage has all"""
    similarity: Tensor
    """(stages,) rank correlation of the sizes of scores with the original ones, the mean over draws and examples"""
    each: Tensor
    """(draws, stages, examples); NaN where the original explanation has no ranks"""
    bound: float
    """the similarity above which the check is failed"""
    warnings: tuple[str, ...] = ()
    """what speaks against the explanation, a sentence each"""
    cited: tuple[Paper, ...] = (SANITY,)
    """what to cite"""

    @property
    def passed(self) -> bool:
        """Whether the explanation changes when all weights are drawn anew."""
        return float(self.similarity[-1]) <= self.bound

    def _rows(self) -> list[tuple[object, ...]]:
        return [(s or "the model", f"{float(v):.2f}") for s, v in zip(self.stages, self.similarity, strict=True)]

    def _said(self) -> str:
        drawn = f"{len(self.each)} draw{'s' if len(self.each) > 1 else ''}"
        return " ".join((f"{self.method}: rank correlation with random weights, {drawn}.", *self.warnings))

    def __str__(self) -> str:
        return columns(("drawn anew down to", "similarity"), self._rows(), self._said())

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return table(("drawn anew down to", "similarity"), self._rows(), self._said())


def sanity_check(found: Explanation, *, stages: int = 1, draws: int = DRAWS, bound: float = BOUND) -> Sanity:
    """Whether an explanation changes when the weights of its model are drawn anew.

    It works on a copy of the model. Where none can be made, the live model is changed under the step lock and put back
    bit for bit, also when this is stopped or fails.

    Args:
        found: What ``explain`` returned.
        stages: 1 to draw all weights at once; more to go from the last module to the first in as many steps.
        draws: How often, each time with other weights.
        bound: The rank correlation above which the check is failed.

    Returns:
        The last and best result.

    Raises:
        ConfigError: ``stages``, ``draws`` or ``bound`` is out of range.
        DataError: The model has no weights, or the explanation does not hold what it was made from.
        MissingExtraError: scipy is not installed.
    """
    *_, last = improving_sanity_check(found, stages=stages, draws=draws, bound=bound)
    return last


def improving_sanity_check(
    found: Explanation, *, stages: int = 1, draws: int = DRAWS, bound: float = BOUND
) -> Iterator[Sanity]:
    """The results of ``sanity_check`` after each draw; see there. The model is never left changed between two."""
    if stages < 1 or draws < 1 or not 0 < bound <= 1:
        raise ConfigError(
            f"stages={stages}, draws={draws} and bound={bound} were given; stages and draws must be 1 or more and "
            "bound above 0 and at most 1."
        )
    problem = found.source()
    paths = with_weights(problem.model)[::-1]
    if not paths:
        raise DataError(f"{type(problem.model).__name__} has no weights that could be drawn anew.")
    counts = sorted({math.ceil(len(paths) * (i + 1) / stages) for i in range(stages)})
    before, each = by_feature(found, problem), list[Tensor]()
    for draw in range(draws):
        each.append(torch.stack([_similarity(found, problem, before, paths[:n], draw) for n in counts]))
        yield _result(found, problem, tuple(paths[n - 1] for n in counts), torch.stack(each), bound)


def _similarity(found: Explanation, problem: Problem, before: Tensor, paths: list[str], draw: int) -> Tensor:
    """(examples,) rank correlation with what the method gives on other weights; 0 where it gives nothing to rank."""
    if found.by is None:
        raise AssertionError(found.method)
    with redrawn(problem, paths, draw) as twin:
        try:
            after = by_feature(explained(twin, found.by, bound=found.bound, enough=found.steps), problem)
        except (Refused, NotDifferentiableError):
            after = torch.zeros_like(before)
    ranked = correlated(before, before, signed=False).isfinite()
    return torch.where(ranked, correlated(before, after, signed=False).nan_to_num(0.0), torch.nan)


def _result(found: Explanation, problem: Problem, stages: tuple[str, ...], each: Tensor, bound: float) -> Sanity:
    similarity = each.nanmean((0, 2))
    return Sanity(
        method=found.method.partition(",")[0],
        stages=stages,
        similarity=similarity,
        each=each,
        bound=bound,
        warnings=tuple(_warnings(found, problem, float(similarity[-1]), bound)),
    )


def _warnings(found: Explanation, problem: Problem, similarity: float, bound: float) -> Iterator[str]:
    count = problem.features().count
    if count < LEAST:
        yield f"{count} feature{'s' if count > 1 else ''} cannot be ranked: random weights tell nothing here."
    elif math.isnan(similarity):
        yield "All features have the same score, so that random weights tell nothing here."
    elif similarity > bound:
        yield (
            f"With random weights the features rank nearly as before (rank correlation {similarity:.2f}): "
            f"{found.method.partition(',')[0]} shows the input here rather than what the model learned."
        )

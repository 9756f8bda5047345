"""Agreement: whether another method ranks the features as this one does.

Krishna et al. 2022, arXiv:2202.01602, found that methods people use often disagree on what matters; section 3.2.
Departure: features are tokens, columns, patches or nodes, so that methods which score cells and methods which score
patches can be compared; where one of two has no sign, sizes are compared.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from workbench.core.entry import Paper
from workbench.core.errors import DataError
from workbench.core.markup import columns, table
from workbench.interpret import attributions
from workbench.interpret.attributions._coalitional import Coalitional
from workbench.interpret.attributions._method import Method, Refused
from workbench.interpret.attributions._outcome import Explanation
from workbench.interpret.attributions._problem import NotDifferentiableError, Problem
from workbench.interpret.attributions._single import explained
from workbench.interpret.doubt.ranking import LEAST, by_feature, correlated

DISAGREEMENT = Paper(
    title="The Disagreement Problem in Explainable Machine Learning: A Practitioner's Perspective",
    authors="Krishna, Satyapriya and Han, Tessa and Gu, Alex and Wu, Steven and Jabbari, Shahin and others",
    year=2022,
    arxiv="2202.01602",
)
BOUND = 0.5
"""the rank correlation below which two methods are said to disagree"""
EXACT_UP_TO = 10
"""features up to which every coalition is run for a second opinion"""
ORDERS = 8
"""orders of features for a second opinion on more of them"""


@dataclass(frozen=True, kw_only=True, eq=False)
class Agreement:
    """Rank correlations between methods on one problem."""

    methods: tuple[str, ...]
    """what each is called; the first is the one that was doubted"""
    matrix: Tensor
    """(methods, methods) Spearman's rank correlation, the mean over the examples that can be ranked"""
    each: Tensor
    """(examples, methods, methods); NaN where one of two methods gives all features the same score"""
    explanations: tuple[Explanation, ...]
    """what each method gave"""
    warnings: tuple[str, ...] = ()
    """what speaks against reading one method alone, a sentence each"""
    cited: tuple[Paper, ...] = (DISAGREEMENT,)
    """what to cite"""

    def _rows(self) -> list[tuple[object, ...]]:
        return [(name, *(f"{float(v):.2f}" for v in row)) for name, row in zip(self.methods, self.matrix, strict=True)]

    def _said(self) -> str:
        return " ".join(("Rank correlations of features, mean over examples.", *self.warnings))

    def __str__(self) -> str:
        return columns(("", *self.methods), self._rows(), self._said())

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return table(("", *self.methods), self._rows(), self._said())


def agreement(found: Explanation, *methods: str | Method, bound: float = BOUND) -> Agreement:
    """How far other methods rank the features as an explanation does, on the same model, input, reference and target.

    Args:
        found: What ``explain`` returned.
        *methods: Names or methods with their settings; none for one that works in another way: Shapley values beside
            gradients, integrated gradients beside perturbations.
        bound: The rank correlation below which two methods whose scores are contributions are said to disagree.

    Returns:
        The matrix, with what each method gave; what could not be compared is said in ``warnings``.

    Raises:
        DataError: The explanation does not hold what it was made from, or nothing is left to compare it with.
        UnknownNameError: There is no such method.
        MissingExtraError: scipy is not installed.
    """
    *_, last = improving_agreement(found, *methods, bound=bound)
    if len(last.explanations) == 1:
        raise DataError(" ".join(last.warnings))
    return last


def improving_agreement(
    found: Explanation, *methods: str | Method, bound: float = BOUND, enough: int | None = None
) -> Iterator[Agreement]:
    """The results of ``agreement`` while it grows by one method after the other, also those that were not compared.

    Args:
        found: What ``explain`` returned.
        *methods: As ``agreement`` takes them.
        bound: The rank correlation below which two methods are said to disagree.
        enough: Gradients or forwards after which no better estimate of a method is waited for.
    """
    problem = found.source()
    candidates = [m if isinstance(m, Method) else attributions.load(m)() for m in methods] or [second_opinion(found)]
    given, refused = [found], list[str]()
    for method in candidates:
        try:
            given.append(explained(problem, method, bound=found.bound, enough=enough))
        except (Refused, NotDifferentiableError, DataError) as reason:
            refused.append(f"{method.title} was not compared: {reason}")
        yield _agreement(given, refused, problem, bound)


def _agreement(given: Sequence[Explanation], refused: Sequence[str], problem: Problem, bound: float) -> Agreement:
    each = _correlations(given, problem)
    counted = each.isfinite()
    matrix = torch.where(counted, each, 0.0).sum(0) / counted.sum(0)
    titles = tuple(one.method.partition(",")[0] for one in given)
    said = (*refused, *_warnings(titles, matrix, given, problem, bound)) if len(given) > 1 else tuple(refused)
    return Agreement(methods=titles, matrix=matrix, each=each, explanations=tuple(given), warnings=said)


def second_opinion(found: Explanation) -> Method:
    """A method that reaches contributions in another way than the one that was used."""
    used = found.by
    if isinstance(used, Coalitional) and found.source().differentiable:
        return attributions.load("integrated_gradients")()
    if found.source().features().count <= EXACT_UP_TO:
        return attributions.load("exact_shapley")()
    return attributions.load("permutation_shapley")().but(most=ORDERS)


def _correlations(given: Sequence[Explanation], problem: Problem) -> Tensor:
    scores = [by_feature(one, problem) for one in given]
    each = torch.full((problem.rows, len(given), len(given)), torch.nan, dtype=torch.float64)
    for i, one in enumerate(given):
        for j, other in enumerate(given[: i + 1]):
            signed = one.unit == other.unit == "contribution"
            each[:, i, j] = each[:, j, i] = correlated(scores[i], scores[j], signed=signed)
    return each


def _warnings(
    titles: Sequence[str], matrix: Tensor, given: Sequence[Explanation], problem: Problem, bound: float
) -> Iterator[str]:
    count = problem.features().count
    if count < LEAST:
        yield f"{count} feature{'s' if count > 1 else ''} cannot be ranked: agreement says nothing here."
        return
    for i, j in torch.combinations(torch.arange(len(titles))).tolist():
        alike = given[i].unit == given[j].unit == "contribution"
        if alike and not float(matrix[i, j]) >= bound:
            value = float(matrix[i, j])
            how = f"rank the features differently (rank correlation {value:.2f})"
            how = how if value == value else "cannot be compared, for one of them gives all features the same score"  # noqa: PLR0124 - not NaN
            yield f"{titles[i]} and {titles[j]} {how}: do not read either alone."

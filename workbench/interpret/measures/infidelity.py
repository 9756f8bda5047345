"""Infidelity: Yeh et al. 2019, arXiv:1901.09392, definition 2.1.

    E over I of (I · Φ - (f(x) - f(x - I)))²,    I = x - reference on a random set of features and 0 elsewhere,

of which the paper's square removal is the picture's case. Departure: contributions are already I · Φ; they are added
up over the set. Sizes of sets are drawn evenly, and the mean has its 95 % interval.
"""

from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from workbench.core.entry import Paper
from workbench.core.errors import DataError
from workbench.interpret.attributions._outcome import CONFIDENCE, Explanation
from workbench.interpret.attributions._problem import Problem
from workbench.interpret.doubt.ranking import cells_by_feature
from workbench.interpret.measures._measure import Better, Faithfulness, Measure

INFIDELITY = Paper(
    title="On the (In)fidelity and Sensitivity of Explanations",
    authors="Yeh, Chih-Kuan and Hsieh, Cheng-Yu and Suggala, Arun Sai and Inouye, David I. and Ravikumar, Pradeep",
    year=2019,
    venue="NeurIPS",
    arxiv="1901.09392",
)


class Infidelity(Measure):
    """The squared difference between what a set of features is said to add and what the score loses without it."""

    title: ClassVar[str] = "infidelity"
    better: ClassVar[Better] = "lower"
    papers: ClassVar[tuple[Paper, ...]] = (INFIDELITY,)

    samples: int = Field(200, ge=2, le=1_048_576)
    """Sets of features drawn at random."""
    patches: int = Field(7, ge=2, le=64)
    """Patches along each side of a picture; each is one feature."""

    def of(self, found: Explanation, mask: Tensor | None) -> Faithfulness:
        """The mean over random sets, with its interval."""
        del mask
        problem = found.source()
        features = problem.features(self.patches)
        promised = cells_by_feature(_contributions(found, problem), problem, features)
        hidden = drawn(features.count, self.samples, problem.generator(17))
        lost = problem.score - problem.coalitions(~hidden, features)
        missed = (hidden.double() @ promised.T - lost.cpu().double()).square()
        return Faithfulness(
            measure=self.title,
            method=found.method.partition(",")[0],
            better=self.better,
            values=missed.mean(0),
            interval=CONFIDENCE * missed.std(0) / self.samples**0.5,
            cited=self.papers,
        )


def drawn(features: int, samples: int, random: torch.Generator) -> Tensor:
    """(samples, features) sets of features whose sizes are drawn evenly from 1 to all."""
    sizes = torch.randint(1, features + 1, (samples, 1), generator=random)
    return torch.rand(samples, features, generator=random).argsort(1).argsort(1) < sizes


def _contributions(found: Explanation, problem: Problem) -> dict[str, Tensor]:
    """What each cell is said to add, (rows, ...): slopes times the way from the reference."""
    parts = {leaf.name: found.parts[leaf.name] for leaf in problem.leaves}
    if problem.joint:
        parts = {name: part[None] for name, part in parts.items()}
    if found.unit == "contribution":
        return parts
    if found.unit == "evidence" or any(leaf.embedding is not None for leaf in problem.leaves):
        raise DataError(
            f"{found.method.partition(',')[0]} says where, not how much, so that it cannot be held against a change of "
            "score: measure it by deletion or insertion."
        )
    triples = zip(problem.leaves, problem.values, problem.references, strict=True)
    return {leaf.name: parts[leaf.name] * (value - references.mean(0)).cpu() for leaf, value, references in triples}


MEASURE = Infidelity

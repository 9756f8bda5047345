"""Max-sensitivity: Yeh et al. 2019, arXiv:1901.09392, definition 3.1, estimated by sampling.

    max over |δ| ≤ r of ‖Φ(x + δ) - Φ(x)‖ / ‖Φ(x)‖.

Departure: the change is divided by the length of the explanation, as captum and Quantus do, so that explanations in
other units can be compared. The radius is a fraction of the input's range.
"""

from dataclasses import replace
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from workbench.core.entry import Paper
from workbench.core.errors import DataError
from workbench.interpret.attributions._outcome import Explanation
from workbench.interpret.attributions._problem import Problem
from workbench.interpret.attributions._single import explained
from workbench.interpret.measures._measure import Better, Faithfulness, Measure
from workbench.interpret.measures.infidelity import INFIDELITY


class MaxSensitivity(Measure):
    """The most that the explanation changes, of its own length, when the input changes a little."""

    title: ClassVar[str] = "max-sensitivity"
    better: ClassVar[Better] = "lower"
    papers: ClassVar[tuple[Paper, ...]] = (INFIDELITY,)

    samples: int = Field(10, ge=1, le=10_000)
    """Inputs nearby that are explained."""
    radius: float = Field(0.02, gt=0, le=1)
    """The most that a number of the input changes, as a fraction of the input's range."""

    def of(self, found: Explanation, mask: Tensor | None) -> Faithfulness:
        """The largest change over inputs drawn nearby."""
        del mask
        problem = found.source()
        if found.by is None:
            raise DataError("This explanation does not say by which method it was made.")
        before, worst = _flat(found, problem), torch.zeros(problem.rows)
        for sample in range(self.samples):
            near = self.nearby(problem, sample)
            after = _flat(explained(near, found.by, bound=found.bound, enough=found.steps), problem)
            worst = torch.maximum(worst, (after - before).norm(dim=1) / before.norm(dim=1))
        return Faithfulness(
            measure=self.title,
            method=found.method.partition(",")[0],
            better=self.better,
            values=worst,
            cited=self.papers,
        )

    def nearby(self, problem: Problem, sample: int) -> Problem:
        """The same problem at an input nearby."""
        random, values = problem.generator(19, sample), list[Tensor]()
        for value in problem.values:
            noise = 2 * torch.rand(value.shape, generator=random).to(value) - 1
            values.append(value + noise * self.radius * (value.amax() - value.amin()))
        near = replace(problem, values=values)
        near.output = near.output_at(values)
        return near


def _flat(found: Explanation, problem: Problem) -> Tensor:
    """(rows, cells) all scores of each example."""
    return torch.cat([found.parts[leaf.name].reshape(problem.rows, -1) for leaf in problem.leaves], 1)


MEASURE = MaxSensitivity

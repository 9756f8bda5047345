"""Layer-wise relevance propagation: Bach et al. 2015, for transformers by the rules of Achtibat et al. 2024.

Relevance starts as the score and is shared out backwards. What it is compared with is no reference but zero, and what
biases, position embeddings and the rules absorb is missing from the sum: the gap is their share of the score. Layers
that read the input itself may have a rule of their own, flat or z^B (Lapuschkin et al. 2019; Montavon et al. 2017).

Departures: of a sigmoid times a signal the signal has all relevance by default, as in LRP for LSTMs (Arras et al. 2019,
arXiv:1909.12114), because a sigmoid is not zero at zero and its half would be divided by nearly nothing. Batch
normalisation counts as a scaling whose shift absorbs relevance, instead of being merged into the layer before. The
epsilon of products of activations is left out. An activation that a model writes out by hand, such as transformers'
gelu_new, follows the rules of its parts, and its constants absorb relevance.
"""

from collections.abc import Iterator, Sequence
from typing import ClassVar, Literal

from pydantic import Field
from torch import Tensor

from workbench.core.entry import Paper
from workbench.interpret.attributions._method import Axiom, Estimate, Method, Refused
from workbench.interpret.attributions._problem import Problem
from workbench.interpret.attributions._propagation.relevance import ENTERING, RULES, Relevance
from workbench.interpret.attributions._propagation.running import propagated

Rules = Literal["epsilon", "gamma", "alpha_beta"]


class Lrp(Method):
    """The score handed back from layer to layer, each sharing it out in the ratio of its contributions."""

    title: ClassVar[str] = "LRP"
    axioms: ClassVar[frozenset[Axiom]] = frozenset({Axiom.CONSERVATION, Axiom.DUMMY})
    papers: ClassVar[tuple[Paper, ...]] = (
        Paper(
            title="On Pixel-Wise Explanations for Non-Linear Classifier Decisions by Layer-Wise Relevance Propagation",
            authors="Bach, Sebastian and Binder, Alexander and Montavon, Grégoire and Klauschen, Frederick "
            "and Müller, Klaus-Robert and Samek, Wojciech",
            year=2015,
            venue="PLoS ONE",
        ),
        Paper(
            title="Explaining Nonlinear Classification Decisions with Deep Taylor Decomposition",
            authors="Montavon, Grégoire and Lapuschkin, Sebastian and Binder, Alexander and Samek, Wojciech "
            "and Müller, Klaus-Robert",
            year=2017,
            venue="Pattern Recognition",
            arxiv="1512.02479",
        ),
        Paper(
            title="Unmasking Clever Hans Predictors and Assessing What Machines Really Learn",
            authors="Lapuschkin, Sebastian and Wäldchen, Stephan and Binder, Alexander and Montavon, Grégoire "
            "and Samek, Wojciech and Müller, Klaus-Robert",
            year=2019,
            venue="Nature Communications",
            arxiv="1902.10178",
        ),
        Paper(
            title="AttnLRP: Attention-Aware Layer-Wise Relevance Propagation for Transformers",
            authors="Achtibat, Reduan and Hatefi, Sayed Mohammad Vakilzadeh and Dreyer, Maximilian and Jain, Aakriti "
            "and Wiegand, Thomas and Lapuschkin, Sebastian and Samek, Wojciech",
            year=2024,
            venue="ICML",
            arxiv="2402.05602",
        ),
    )

    first: Literal["same", "flat", "z_b"] = "same"
    """Rule of layers that read the input itself: that of the others; the same for all that a place sees; or by bounds,
    for pixels."""
    low: float | None = Field(None, le=0)
    """Smallest value an input may have, for z_b; none for the smallest there is, and at most zero."""
    high: float | None = Field(None, ge=0)
    """Largest value an input may have, for z_b; none for the largest there is, and at least zero."""
    dense: Rules = "epsilon"
    """Rule of layers with a matrix of weights; alpha_beta with alpha 1 is the z+ rule."""
    convolution: Rules = "gamma"
    """Rule of convolutions."""
    epsilon: float = Field(1e-6, ge=0, le=10)
    """Added to denominators, with their sign; larger values absorb what is weak or contradictory."""
    gamma: float = Field(0.25, ge=0, le=1000)
    """How much more contributions count that have the sign of the output."""
    alpha: float = Field(1.0, ge=1, le=10)
    """Weight of positive contributions; negative ones have the weight alpha - 1."""
    gates: Literal["half", "signal"] = "signal"
    """What a sigmoid or softmax times a signal gives: half to each, or all to the signal (Arras et al. 2019)."""
    attention: Literal["softmax", "constant"] = "softmax"
    """Whether relevance goes through softmax into queries and keys, or its result is constant, which conserves it."""

    def results(self, problem: Problem) -> Iterator[Estimate]:
        """One estimate."""
        dense, convolution = (
            RULES[name](self.epsilon, self.gamma, self.alpha) for name in (self.dense, self.convolution)
        )

        entering = ENTERING[self.first](self.low, self.high, self.epsilon)

        def ruled(points: Sequence[Tensor]) -> Relevance:
            return Relevance(
                points,
                dense,
                convolution,
                entering,
                signal_takes_all=self.gates == "signal",
                through_softmax=self.attention == "softmax",
            )

        seen, found = propagated(problem, [v[None] for v in problem.values], ruled, by=lambda r: [*r.points, *r.shares])
        if entering is not None and not seen.entered:
            raise Refused(f"no layer of {type(problem.model).__name__} with weights reads the input itself.")
        slopes, handed = found[: len(problem.values)], found[len(problem.values) :]
        parts = [v * g[0] for v, g in zip(problem.values, slopes, strict=True)]
        if handed:  # by the first layers; the slopes are those of what reads the input besides
            parts = [part + own[0] for part, own in zip(parts, handed, strict=True)]
        yield Estimate(parts=parts, steps=1, work="1 backward pass", total=problem.score)


METHOD = Lrp

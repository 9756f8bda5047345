"""What a method of attribution declares and gives: axioms, settings, and estimates that improve."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar, Literal

from torch import Tensor

from workbench.core.config import Config
from workbench.interpret.attributions._problem import Problem


class Axiom(StrEnum):
    """What a paper promises of the scores, for any model on which the method is sound."""

    COMPLETENESS = "completeness"
    """the scores add up to the score minus that of the reference"""
    SENSITIVITY = "sensitivity"
    """input and reference differ in one feature and in score: that feature has a score"""
    DUMMY = "dummy"
    """a feature that the model does not use has the score zero"""
    IMPLEMENTATION_INVARIANCE = "implementation invariance"
    """two networks that compute the same function have the same scores"""
    LINEARITY = "linearity"
    """the scores of a sum of two functions are the sum of the scores of each"""
    SYMMETRY = "symmetry"
    """two features that the function treats alike, with equal values, have equal scores"""
    LINEAR_MODEL = "linear model"
    """on w·x + b the scores are w * (x - reference)"""
    CONSERVATION = "conservation"
    """without biases the scores add up to the score itself"""


class Refused(Exception):  # noqa: N818 - not an error: the next method takes over
    """This method cannot be right for this model; the message says why, as a sentence."""


Unit = Literal["contribution", "slope", "evidence"]
"""contribution: in units of the score, to be added up; slope: change of score for a change of input; evidence: a map
that says where, with no unit"""


@dataclass(frozen=True, kw_only=True, eq=False)
class Estimate:
    """The scores so far."""

    parts: Sequence[Tensor]
    """one for each leaf, (rows, ...) of the leaf's shape; the axis of an embedding may already be summed"""
    steps: int
    """gradients or forwards that were taken for each row"""
    work: str
    """the same in words: "64 steps" """
    error: Sequence[Tensor] | None = None
    """the standard error of each score, in the shape of the parts; None where nothing was drawn at random"""
    total_error: Tensor | None = None
    """(rows,) the standard error of the sum of the scores; None where nothing was drawn, or the sum is exact"""
    done: bool = True
    """whether it may be the last one, where it is good enough"""
    total: Tensor | None = None
    """(rows,) what the scores add up to, where that is not the change from the reference"""
    besides: Mapping[str, Tensor] = field(default_factory=dict[str, Tensor])
    """scores of what is no leaf, such as edges, by the input's name"""


class Method(Config, ABC):
    """Base of every method; a subclass is one file's ``METHOD``."""

    title: ClassVar[str]
    """what it is called in a sentence"""
    axioms: ClassVar[frozenset[Axiom]] = frozenset()
    """what it promises; the conformance suite tests each"""
    unit: ClassVar[Unit] = "contribution"
    """what kind of number a score is"""
    takes: ClassVar[Literal["anything", "pictures", "graphs"]] = "anything"
    """what kind of input it is made for; it raises for others"""
    background: ClassVar[bool] = False
    """whether it averages over many references where a batch or a person offers them"""

    @property
    def complete(self) -> bool:
        """Whether scores that do not add up are a reason to refuse them."""
        return Axiom.COMPLETENESS in self.axioms

    @abstractmethod
    def results(self, problem: Problem) -> Iterator[Estimate]:
        """Estimates that improve; the caller stops when one is good enough.

        Args:
            problem: Model, input, references and target.

        Raises:
            Refused: The method cannot be right for this model.
            DataError: It does not apply to this kind of input.
        """

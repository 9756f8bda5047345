"""Deletion: Petsiuk, Das and Saenko 2018 (RISE), arXiv:1806.07421, section 4.1.

Departures: the score is the target's own, not a probability; features are replaced by the problem's reference.
"""

from typing import ClassVar

from workbench.core.entry import Paper
from workbench.interpret.measures._measure import Better
from workbench.interpret.measures._stepwise import Stepwise

RISE = Paper(
    title="RISE: Randomized Input Sampling for Explanation of Black-box Models",
    authors="Petsiuk, Vitali and Das, Abir and Saenko, Kate",
    year=2018,
    venue="BMVC",
    arxiv="1806.07421",
)


class Deletion(Stepwise):
    """The area under the score while features are taken away, the strongest first; it should fall at once."""

    title: ClassVar[str] = "deletion"
    better: ClassVar[Better] = "lower"
    papers: ClassVar[tuple[Paper, ...]] = (RISE,)
    taken_away: ClassVar[bool] = True


MEASURE = Deletion

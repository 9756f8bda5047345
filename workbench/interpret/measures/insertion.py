"""Insertion: Petsiuk, Das and Saenko 2018 (RISE), arXiv:1806.07421, section 4.1.

Departures: the score is the target's own, not a probability; features are replaced by the problem's reference.
"""

from typing import ClassVar

from workbench.core.entry import Paper
from workbench.interpret.measures._measure import Better
from workbench.interpret.measures._stepwise import Stepwise
from workbench.interpret.measures.deletion import RISE


class Insertion(Stepwise):
    """The area under the score while features are put back, the strongest first; it should rise at once."""

    title: ClassVar[str] = "insertion"
    better: ClassVar[Better] = "higher"
    papers: ClassVar[tuple[Paper, ...]] = (RISE,)
    taken_away: ClassVar[bool] = False


MEASURE = Insertion

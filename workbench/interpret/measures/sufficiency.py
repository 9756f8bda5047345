"""Sufficiency: DeYoung et al. 2020 (ERASER), arXiv:1911.03429, equation 2 and section 4.2 (over five shares).

Departures: the score is the target's own, not a probability; features are replaced by the problem's reference.
"""

from typing import ClassVar

from workbench.core.entry import Paper
from workbench.interpret.measures._measure import Better
from workbench.interpret.measures.comprehensiveness import ERASER, Comprehensiveness


class Sufficiency(Comprehensiveness):
    """How much of the score is lost with the strongest features alone, the mean over five shares of them."""

    title: ClassVar[str] = "sufficiency"
    better: ClassVar[Better] = "lower"
    papers: ClassVar[tuple[Paper, ...]] = (ERASER,)
    taken_away: ClassVar[bool] = False


MEASURE = Sufficiency

"""HiResCAM: Draelos and Carin 2020, arXiv:2011.08891, equation 3.

Before the cut at zero the map of a network that ends in one linear layer adds up to the score less its bias.
"""

from typing import ClassVar

from torch import Tensor

from workbench.core.entry import Paper
from workbench.interpret.attributions._cams import Cam


class HiResCam(Cam):
    """Feature maps times their gradient, place by place, so that the map shows where the score comes from."""

    title: ClassVar[str] = "HiResCAM"
    papers: ClassVar[tuple[Paper, ...]] = (
        Paper(
            title="Use HiResCAM Instead of Grad-CAM for Faithful Explanations of Convolutional Neural Networks",
            authors="Draelos, Rachel Lea and Carin, Lawrence",
            year=2020,
            arxiv="2011.08891",
        ),
    )

    def weighed(self, maps: Tensor, slopes: Tensor) -> Tensor:
        """The sum over channels of map times slope."""
        return (slopes * maps).sum(1)


METHOD = HiResCam

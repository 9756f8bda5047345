"""Grad-CAM++: Chattopadhay et al. 2018, arXiv:1710.11063, equations 5 and 19, with the exponential of the score.

With Y = exp(score) the higher derivatives are powers of the first, up to a factor that scales a whole map.
"""

from typing import ClassVar

import torch
from torch import Tensor

from workbench.core.entry import Paper
from workbench.interpret.attributions._cams import Cam


class GradCamPlusPlus(Cam):
    """Feature maps weighed by their positive gradients, so that several objects of a class all show."""

    title: ClassVar[str] = "Grad-CAM++"
    papers: ClassVar[tuple[Paper, ...]] = (
        Paper(
            title="Grad-CAM++: Generalized Gradient-based Visual Explanations for Deep Convolutional Networks",
            authors="Chattopadhay, Aditya and Sarkar, Anirban and Howlader, Prantik and Balasubramanian, Vineeth N.",
            year=2018,
            venue="WACV",
            arxiv="1710.11063",
        ),
    )

    def weighed(self, maps: Tensor, slopes: Tensor) -> Tensor:
        """The sum over channels of map times the weighted sum of positive slopes."""
        square, cube = slopes.square(), slopes.pow(3)
        below = 2 * square + maps.sum((2, 3), keepdim=True) * cube
        alpha = torch.where(below == 0, 0.0, square / torch.where(below == 0, 1.0, below))
        return ((alpha * slopes.relu()).sum((2, 3), keepdim=True) * maps).sum(1)


METHOD = GradCamPlusPlus

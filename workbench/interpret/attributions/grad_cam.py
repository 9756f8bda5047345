"""Grad-CAM: Selvaraju et al. 2017, arXiv:1610.02391, equations 1 and 2."""

from typing import ClassVar

from torch import Tensor

from workbench.core.entry import Paper
from workbench.interpret.attributions._cams import Cam


class GradCam(Cam):
    """Feature maps weighed by the mean of their gradient."""

    title: ClassVar[str] = "Grad-CAM"
    papers: ClassVar[tuple[Paper, ...]] = (
        Paper(
            title="Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization",
            authors="Selvaraju, Ramprasaath R. and Cogswell, Michael and Das, Abhishek and Vedantam, Ramakrishna "
            "and Parikh, Devi and Batra, Dhruv",
            year=2017,
            venue="ICCV",
            arxiv="1610.02391",
        ),
    )

    def weighed(self, maps: Tensor, slopes: Tensor) -> Tensor:
        """The sum over channels of map times mean slope."""
        return (slopes.mean((2, 3), keepdim=True) * maps).sum(1)


METHOD = GradCam

"""Deconvnet: Zeiler and Fergus 2013, arXiv:1311.2901, section 2.1, as a backward pass (Springenberg et al. 2014).

Departure: tokens have the length of their vector's map. Like guided backpropagation it hardly depends on the weights
above, and it does not know which units were off.
"""

from typing import ClassVar

from workbench.core.entry import Paper
from workbench.interpret.attributions._propagation.rectified import ThroughReLUs


class Deconvnet(ThroughReLUs):
    """The score projected back through the weights, with ReLUs on the way back instead of their gradient."""

    title: ClassVar[str] = "deconvnet"
    masked: ClassVar[bool] = False
    papers: ClassVar[tuple[Paper, ...]] = (
        Paper(
            title="Visualizing and Understanding Convolutional Networks",
            authors="Zeiler, Matthew D. and Fergus, Rob",
            year=2013,
            arxiv="1311.2901",
        ),
    )


METHOD = Deconvnet

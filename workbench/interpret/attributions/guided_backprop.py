"""Guided backpropagation: Springenberg et al. 2014, arXiv:1412.6806, section 3.4.

Departure: tokens have the length of their vector's map. It shows edges rather than what the model has learnt: with
other weights above the map hardly changes (Adebayo et al. 2018, arXiv:1810.03292).
"""

from typing import ClassVar

from workbench.core.entry import Paper
from workbench.interpret.attributions._propagation.rectified import ThroughReLUs


class GuidedBackprop(ThroughReLUs):
    """The gradient with everything cut off at ReLUs that would lower the score."""

    title: ClassVar[str] = "guided backpropagation"
    masked: ClassVar[bool] = True
    papers: ClassVar[tuple[Paper, ...]] = (
        Paper(
            title="Striving for Simplicity: The All Convolutional Net",
            authors="Springenberg, Jost Tobias and Dosovitskiy, Alexey and Brox, Thomas and Riedmiller, Martin",
            year=2014,
            arxiv="1412.6806",
        ),
    )


METHOD = GuidedBackprop

"""The pointing game: Zhang et al. 2018, doi:10.1007/s11263-017-1059-x, section 4.1."""

from typing import ClassVar

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from workbench.core.entry import Paper
from workbench.core.errors import DataError
from workbench.interpret.attributions._outcome import Explanation
from workbench.interpret.measures._measure import Better, Faithfulness, Measure


class PointingGame(Measure):
    """Whether the strongest score lies where the evidence is known to be: 1 or 0."""

    title: ClassVar[str] = "pointing game"
    better: ClassVar[Better] = "higher"
    masked: ClassVar[bool] = True
    papers: ClassVar[tuple[Paper, ...]] = (
        Paper(
            title="Top-Down Neural Attention by Excitation Backprop",
            authors="Zhang, Jianming and Bargal, Sarah Adel and Lin, Zhe and Brandt, Jonathan and others",
            year=2018,
            venue="International Journal of Computer Vision",
            doi="10.1007/s11263-017-1059-x",
        ),
    )

    tolerance: int = Field(0, ge=0, le=1000)
    """How many cells beside the mask still count, in every direction; the paper takes 15 pixels."""

    def of(self, found: Explanation, mask: Tensor | None) -> Faithfulness:
        """1 for each example whose strongest cell, channels added up, is inside; by chance, the share inside."""
        problem = found.source()
        part = found.parts[problem.leaves[0].name]
        scores = (part[None] if problem.joint else part).double()
        scores = scores if found.unit == "contribution" else scores.abs()
        if scores.dim() == 4:  # noqa: PLR2004 - (examples, channels, height, width)
            scores = scores.sum(1)
        inside = self._inside(mask, scores)
        places = scores.flatten(1).argmax(1, keepdim=True)
        return Faithfulness(
            measure=self.title,
            method=found.method.partition(",")[0],
            better=self.better,
            values=inside.flatten(1).gather(1, places)[:, 0].double(),
            chance=inside.flatten(1).double().mean(1),
            cited=self.papers,
        )

    def _inside(self, mask: Tensor | None, scores: Tensor) -> Tensor:
        if mask is None:
            raise DataError("The pointing game asks where the evidence is: pass mask=, True inside.")
        try:
            inside = mask.bool().cpu().expand(scores.shape)
        except RuntimeError:
            raise DataError(
                f"The mask has shape {tuple(mask.shape)}, which cannot be spread over {tuple(scores.shape)}."
            ) from None
        if not bool(inside.flatten(1).any(1).all()):
            raise DataError("The mask of an example is empty: there is nothing to point at.")
        reach, axes = self.tolerance, inside.dim() - 1
        pools = {1: F.max_pool1d, 2: F.max_pool2d}
        if reach and axes in pools:
            wide = pools[axes](inside[:, None].float(), 2 * reach + 1, 1, reach)
            inside = wide[:, 0] > 0
        return torch.as_tensor(inside)


MEASURE = PointingGame

"""A value of a layer through which only so much information passes, the rest of it replaced by noise."""

import torch
import torch.nn.functional as F
from torch import Tensor

from workbench.core.errors import DataError

OPEN = 5.0
"""where what is let through begins, before the sigmoid: nearly everything passes"""
LEAST = 1e-6
"""of noise there always is, so that information stays finite"""


def as_maps(value: Tensor, address: str) -> Tensor:
    """(rows, channels, height, width) of feature maps, or of a sequence as one row of places.

    Raises:
        DataError: The value is neither.
    """
    if value.dim() == 4 and value.is_floating_point():  # noqa: PLR2004 - feature maps
        return value
    if value.dim() == 3 and value.is_floating_point():  # noqa: PLR2004 - (rows, positions, width)
        return value.transpose(1, 2)[:, :, None]
    raise DataError(
        f"The value at {address!r} has shape {tuple(value.shape)}; an information bottleneck needs (examples, "
        "channels, height, width) or (examples, positions, width): choose another address."
    )


class Restricted:
    """An edit of a value: lambda of it, and of noise of its mean and spread the rest."""

    def __init__(self, given: Tensor, around: Tensor, smooth: float, random: torch.Generator) -> None:
        """A restriction that lets nearly everything through.

        Args:
            given: (rows, channels, height, width), what the layer gives.
            around: The same of other examples, whose mean and spread the noise has.
            smooth: Standard deviation of the blur over what is let through, in places.
            random: Draws noise.
        """
        self.mean = around.mean((0, 2, 3), keepdim=True)
        spread = around.std((0, 2, 3), keepdim=True) if around[:, 0].numel() > 1 else torch.zeros_like(self.mean)
        # A channel that is always the same has no spread to divide by.
        self.spread = spread.clamp_min(0.01 * float(spread.mean())).clamp_min(LEAST)
        self.opening = torch.full_like(given, OPEN).requires_grad_()
        self._normal = (given - self.mean) / self.spread
        self._smooth, self._random = smooth, random

    def passed(self) -> Tensor:
        """Lambda, in the shape of what the layer gives."""
        return _blurred(self.opening.sigmoid(), self._smooth).clamp(0, 1 - LEAST)

    def information(self) -> Tensor:
        """Nats that pass, for each value: KL of two normal distributions."""
        part = self.passed()
        noise = 1 - part
        return -noise.log() + (noise**2 + (part * self._normal) ** 2 - 1) / 2

    def __call__(self, value: Tensor) -> Tensor:
        """The value with noise, for rows that stand in it several times one after another."""
        maps = as_maps(value, "")
        part = self.passed()
        part = part.repeat(len(maps) // len(part), 1, 1, 1)
        drawn = torch.randn(maps.shape, generator=self._random).to(maps)
        noised = part * maps + (1 - part) * (self.mean + self.spread * drawn)
        return noised if value.dim() == maps.dim() else noised[:, :, 0].transpose(1, 2)


def _blurred(maps: Tensor, width: float) -> Tensor:
    """A Gaussian blur of every channel, the border repeated."""
    if not width:
        return maps
    reach = max(1, round(2 * width))
    taps = torch.exp(-0.5 * (torch.arange(-reach, reach + 1).to(maps) / width) ** 2)
    taps, channels = taps / taps.sum(), maps.size(1)
    across = taps.expand(channels, 1, 1, -1)
    wide = F.conv2d(F.pad(maps, (reach, reach, 0, 0), mode="replicate"), across, groups=channels)
    return F.conv2d(F.pad(wide, (0, 0, reach, reach), mode="replicate"), across.transpose(2, 3), groups=channels)

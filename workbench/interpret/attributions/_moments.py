"""Mean and variance of samples that arrive in pieces."""

import torch
from torch import Tensor


class Moments:
    """Mean, variance and standard error over the first axis of everything added (Chan et al. 1979)."""

    def __init__(self) -> None:
        self.count = 0
        self._mean = torch.zeros(())
        self._squares = torch.zeros(())

    def add(self, samples: Tensor) -> None:
        """More samples, (k, ...)."""
        k = len(samples)
        mean = samples.mean(0)
        squares = (samples - mean).square().sum(0)
        if not self.count:
            self._mean, self._squares, self.count = mean, squares, k
            return
        total, shift = self.count + k, mean - self._mean
        self._squares = self._squares + squares + shift.square() * (self.count * k / total)
        self._mean = self._mean + shift * (k / total)
        self.count = total

    @property
    def mean(self) -> Tensor:
        """Of all samples."""
        return self._mean

    @property
    def variance(self) -> Tensor:
        """Of all samples, unbiased; infinite for one."""
        if self.count < 2:  # noqa: PLR2004 - one sample has no spread
            return torch.full_like(self._mean, torch.inf)
        return self._squares / (self.count - 1)

    @property
    def error(self) -> Tensor:
        """The standard error of the mean."""
        return (self.variance / max(1, self.count)).sqrt()

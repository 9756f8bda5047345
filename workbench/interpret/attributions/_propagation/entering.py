"""Rules of layer-wise relevance propagation for the layers that read the input itself.

Where an input is zero, relevance is no multiple of it, and value times gradient cannot say what the layer hands on.
These rules therefore have a share, a tensor of ones that is arranged as the input is: relevance is the gradient by it.
"""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from workbench.core.errors import DataError
from workbench.interpret.attributions._propagation.propagation import Layer, carried, ratio


class EnteringRule(Protocol):
    """How a layer shares the relevance of its outputs out among the inputs of the model."""

    def __call__(self, layer: Layer, x: Tensor, weight: Tensor, bias: Tensor | None, share: Tensor) -> Tensor:
        """The layer's output, whose gradient by ``share``, ones in the shape of x, is relevance."""
        ...


@dataclass(frozen=True, slots=True)
class Flat:
    """LRP-flat: R_j = sum_k 1 / (sum_j' 1) R_k, over the inputs j' that an output k sees.

    Lapuschkin et al. 2019, "Unmasking Clever Hans predictors and assessing what machines really learn", methods; the
    w^2 rule of Montavon et al. 2017 with all weights equal.
    """

    def __call__(self, layer: Layer, x: Tensor, weight: Tensor, bias: Tensor | None, share: Tensor) -> Tensor:
        """See ``EnteringRule``."""
        z = layer(x.detach(), weight, bias)
        alike = layer(share, torch.ones_like(weight), None)
        return carried(z, alike * ratio(z, alike.detach(), 0.0))


@dataclass(frozen=True, slots=True)
class Bounded:
    """z^B: R_j = sum_k (x_j w_jk - l w+_jk - h w-_jk) / (sum_j' x_j' w_j'k - l w+_j'k - h w-_j'k) R_k.

    Montavon et al. 2017, arXiv:1512.02479, equation 15: for inputs between l <= 0 and h >= 0, such as pixels.
    """

    low: float | None
    """l; None for the smallest input, and at most zero"""
    high: float | None
    """h; None for the largest input, and at least zero"""
    epsilon: float
    """added to denominators"""

    def __call__(self, layer: Layer, x: Tensor, weight: Tensor, bias: Tensor | None, share: Tensor) -> Tensor:
        """See ``EnteringRule``.

        Raises:
            DataError: The input is not between the bounds.
        """
        given, least, most = x.detach(), float(x.min()), float(x.max())
        low, high = (
            min(0.0, least) if self.low is None else self.low,
            max(0.0, most) if self.high is None else self.high,
        )
        if least < low or most > high:
            raise DataError(
                f"The input lies between {least:.4g} and {most:.4g}, outside low={low:.4g} and high={high:.4g}: give "
                "bounds that hold it, or leave them out."
            )
        z = layer(given, weight, bias)
        above = layer(given * share, weight, None)
        above = above - layer(low * share, weight.clamp_min(0), None) - layer(high * share, weight.clamp_max(0), None)
        return carried(z, above * ratio(z, above.detach(), self.epsilon))

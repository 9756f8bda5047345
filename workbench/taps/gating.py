"""Gates: a factor on what each head of an attention gives out, so that heads can be switched off or weighed.

With a factor that needs a gradient, its derivative at one is the sum over queries of weights times their derivative:
gradient x attention (Michel, Levy and Neubig 2019, arXiv:1905.10650, equation 2).
"""

from collections.abc import Callable
from typing import Any

from torch import Tensor

from workbench.core.errors import ModelError

Gate = Callable[[str, int], Tensor | None]
"""(path of the module, its call) -> (heads,) factors, or None to leave it alone."""


def gated(product: Tensor, factors: Tensor, axis: int | None, module: str) -> Tensor:
    """What an attention gives out, each head times its factor.

    Args:
        product: With heads on the axis, packed by groups of queries after it, or merged with the batch before it.
        factors: (heads,).
        axis: Where the heads are; None where nobody knows.
        module: For the error.

    Raises:
        ModelError: The heads cannot be found.
    """
    heads, factors = len(factors), factors.to(product.dtype)
    if axis is not None:
        axis %= product.dim()
        after = [1] * (product.dim() - axis - 1)
        if product.size(axis) == heads:
            return product * factors.view(heads, *after)
        if axis == 0 and len(product) % heads == 0:  # (batch * heads, queries, width), for bmm
            return product * factors.repeat(len(product) // heads).view(-1, *after)
        if after and product.size(axis) * product.size(axis + 1) == heads:  # one query, packed by key heads
            return product * factors.view(product.size(axis), -1, *after[1:])
    raise ModelError(
        f"The {heads} heads of {module} cannot be told apart in a product of shape {tuple(product.shape)}."
    )


def gated_result(output: Any, factors: Tensor) -> Any:
    """The same for the (batch, queries, heads, width) that a fused kernel of transformers returns, alone or first."""
    first, *rest = output if isinstance(output, tuple) else (output,)
    changed = first * factors.to(first.dtype).view(-1, 1)
    return (changed, *rest) if isinstance(output, tuple) else changed

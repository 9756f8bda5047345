"""Blocks: BigBird's sparse attention (Zaheer et al. 2020, arXiv:2007.14062), put back by query and key.

transformers computes it in five products: the first and the last block of queries look everywhere, all others at the
first and last block of keys, at their own and its two neighbours, and at some drawn ones. A key that is drawn and near
is weighed twice; here its weight is the sum, which is what the model used.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from workbench.taps.kernels import relative_error
from workbench.taps.layouts import frames
from workbench.taps.records import Computed


def blocks() -> Mapping[str, Any] | None:
    """The local variables of BigBird's sparse attention, if it is running."""
    frame = next(frames("bigbird_block_sparse_attention", "rand_attn"), None)
    return None if frame is None else frame.f_locals


def is_last(names: Mapping[str, Any]) -> bool:
    """Whether the product that is computed is the last of the five."""
    return "last_attn_weights" in names


def assembled(names: Mapping[str, Any], last: Tensor) -> Computed:
    """The whole attention, with its error.

    Args:
        names: The local variables, in the last product.
        last: What it gave, (batch, heads, queries of a block, width).

    Returns:
        Weights (batch, heads, queries, keys).
    """
    weights, values = _dense(names), names["value_layer"].float()
    parts = [names[f"{part}context_layer"] for part in ("first_", "second_", "", "second_last_")]
    product = torch.cat([*parts, last.unsqueeze(2)], 2)
    mine = (weights @ values).view(product.shape)
    return Computed(weights, error=relative_error(mine, product))


def _dense(names: Mapping[str, Any]) -> Tensor:
    drawn, size = names["rand_attn"], names["from_block_size"]
    batch, heads = drawn.shape[:2]
    count = names["from_seq_len"] // size
    middle = names["attn_weights"]
    dense = middle.new_zeros(batch, heads, count, size, count, size, dtype=torch.float32)

    def put(row: int, weights: Tensor, *columns: Tensor) -> None:
        """Add the weights of one block of queries to the blocks of keys that they are about, in their order."""
        known = [one.to(drawn.device).expand(batch, heads, -1) for one in columns]
        places = torch.cat(known, 2)[:, :, None, :, None].expand(-1, -1, size, -1, size)
        dense[:, :, row].scatter_add_(3, places, weights.float().unflatten(-1, (-1, size)))

    everywhere = torch.arange(count)
    put(0, names["first_attn_weights"], everywhere)
    put(1, names["second_attn_weights"], torch.tensor([0, 1, 2, count - 1]), drawn[:, :, 0])
    for i in range(middle.size(2)):
        near = torch.tensor([0, i + 1, i + 2, i + 3])
        put(i + 2, middle[:, :, i], near, drawn[:, :, i + 1], torch.tensor([count - 1]))
    put(count - 2, names["second_last_attn_weights"], torch.tensor([0, *range(count - 3, count)]), drawn[:, :, -1])
    put(count - 1, names["last_attn_weights"], everywhere)
    return dense.view(batch, heads, count * size, count * size)

"""In which precision attention weights are kept: half where that does no harm, which is measured for every map.

float16 has eleven significant bits down to 2^-14 and a fixed step of 2^-24 below. A weight between 0 and 1 is
therefore off by at most 2^-12, and a row that adds up to one by at most 2^-11 + keys * 2^-25. What is kept in half
precision is checked before it is rounded.
"""

import torch
from torch import Tensor

SINGLE = torch.float32
HALF = torch.float16

MOST_KEYS = 1 << 14
"""of more keys even the mean weight lies where the step is fixed, and rows no longer add up to one within 2^-10"""
LARGEST_ERROR = 2.0**-12
"""of a weight that is kept in half precision"""


def fitting(weights: Tensor) -> torch.dtype:
    """The precision in which weights can be kept.

    Half for what lies between 0 and 1, NaN or not; single for anything else, such as weights scaled by dropout, and
    for more keys than ``MOST_KEYS``.

    Args:
        weights: (..., queries, keys) as they were computed.
    """
    if not weights.numel():
        return HALF
    if weights.size(-1) > MOST_KEYS:
        return SINGLE
    low, high = torch.aminmax(weights)
    outside = (low < 0) | (high > 1 + LARGEST_ERROR)  # a softmax may end a rounding above one
    return SINGLE if bool(outside) else HALF

"""Kinds of torch functions, by the name they have in torch, whichever way they are called."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

ELEMENTWISE = frozenset({
    "abs", "acos", "acosh", "asin", "asinh", "atan", "atanh", "celu", "clamp", "clamp_max", "clamp_min", "cos",
    "cosh", "elu", "erf", "erfc", "erfinv", "exp", "exp2", "expit", "expm1", "gelu", "hardshrink",
    "hardsigmoid", "hardswish", "hardtanh", "leaky_relu", "lgamma", "log", "log10", "log1p", "log2", "logit",
    "logsigmoid", "mish", "nan_to_num", "prelu", "reciprocal", "relu", "relu6", "rrelu", "rsqrt", "selu",
    "sigmoid", "silu", "sin", "sinc", "sinh", "softplus", "softshrink", "softsign", "sqrt", "square", "tan",
    "tanh", "tanhshrink", "threshold",
})  # fmt: skip
"""functions of one number at a time"""
BETWEEN = frozenset({
    "mul", "div", "pow", "maximum", "minimum", "fmax", "fmin", "atan2", "hypot",
})  # fmt: skip
"""functions of two numbers at a time"""
BILINEAR = frozenset({
    "matmul", "mm", "bmm", "mv", "dot",
})  # fmt: skip
"""sums of products of two tensors"""
AFFINE = frozenset({
    "linear", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d",
})  # fmt: skip
"""weights on an input: (input, weight, bias, ...)"""
WINNERS = frozenset({
    "amax", "amin", "max_pool1d", "max_pool2d", "max_pool3d", "adaptive_max_pool1d", "adaptive_max_pool2d",
    "adaptive_max_pool3d",
})  # fmt: skip
"""functions that hand on one of many numbers"""
LOOKS = frozenset({
    "view", "reshape", "unsqueeze", "squeeze", "expand", "expand_as", "transpose", "permute", "flatten",
    "unflatten", "contiguous", "chunk", "split", "getitem", "to", "repeat", "repeat_interleave", "view_as",
    "type_as", "float", "dropout", "clone",
})  # fmt: skip
"""functions that only arrange numbers anew"""
RULED = ELEMENTWISE | BETWEEN
"""functions that a model may call in place"""

_ALIASES = {
    "truediv": "div", "true_divide": "div", "divide": "div", "multiply": "mul", "absolute": "abs", "clip": "clamp",
    "special_expit": "sigmoid", "expit": "sigmoid", "special_expm1": "expm1", "special_log1p": "log1p",
    "log_sigmoid": "logsigmoid", "special_logsumexp": "logsumexp", "special_softmax": "softmax",
}  # fmt: skip
_MIRRORED = {"rdiv": "div", "rtruediv": "div", "rpow": "pow", "rmul": "mul", "rmatmul": "matmul"}
_IN_PLACE = {"imul": "mul", "itruediv": "div", "idiv": "div", "ipow": "pow"}


@dataclass(frozen=True, slots=True)
class Called:
    """A torch function as it was called."""

    name: str
    """without underscores and letters for in-place and mirrored operators"""
    in_place: bool
    """whether the first argument is changed"""
    mirrored: bool
    """whether the operands stand in the other order"""


def called(function: Any, kwargs: dict[str, Any]) -> Called:
    """How a torch function was called."""
    raw = str(getattr(function, "__name__", "")).split(".")[0]
    in_place, mirrored = bool(kwargs.get("inplace")), False
    name = raw.strip("_")
    if raw.startswith("__"):
        if name in _MIRRORED:
            name, mirrored = _MIRRORED[name], True
        elif name in _IN_PLACE:
            name, in_place = _IN_PLACE[name], True
    elif raw.endswith("_"):
        in_place = True
    return Called(_ALIASES.get(name, name), in_place, mirrored)


def out_of_place(name: str) -> Callable[..., Any]:
    """The torch function of that name that makes a new tensor."""
    for home in (torch, F, Tensor):
        if (found := getattr(home, name, None)) is not None:
            return found
    raise AssertionError(name)

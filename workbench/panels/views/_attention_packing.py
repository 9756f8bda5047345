"""How maps of weights travel: whole numbers on a square-root scale, and the places of what is not a number."""

from typing import Literal

import numpy as np
import torch
from torch import Tensor

from workbench.panels.page.frame import Packed, companded


def packed(
    name: str, values: Tensor, *, bits: Literal[8, 16], signed: bool = False, least: float = 0.0
) -> dict[str, Packed]:
    """Values as an array of this name; where some are not finite, also ``<name>_nan``: a bit for every value.

    Args:
        name: Of the array.
        values: Any shape.
        bits: 8 for pictures, 16 where figures are read off.
        signed: Whether values below zero are meant; zero then travels as the middle number, 128 or 32768.
        least: What the scale reaches to where all values are smaller.
    """
    finite = torch.isfinite(values)
    arrays = {
        name: _signed(values.numpy(), bits, least) if signed else companded(values.numpy(), bits=bits, least=least)
    }
    if not bool(finite.all()):
        arrays[f"{name}_nan"] = Packed(np.packbits(~finite.numpy()))
    return arrays


def _signed(values: "np.ndarray[tuple[int, ...], np.dtype[np.float32]]", bits: Literal[8, 16], least: float) -> Packed:
    clean = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    top = max(float(np.abs(clean).max(initial=0.0)), least) or 1.0
    half = 2 ** (bits - 1)
    coded = half + np.rint(np.sign(clean) * np.sqrt(np.abs(clean) / top) * (half - 1))
    return Packed(coded.astype(f"uint{bits}"), top, 2.0)

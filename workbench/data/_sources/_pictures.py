"""Pictures as one tensor of bytes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from workbench.core.errors import DataError

_GREY = ("1", "L", "I;16")


def stacked(pictures: Sequence[Any], name: str, side: int | None) -> Tensor:
    """Pictures in grey where all are grey, else in red, green and blue; transparency is dropped.

    Args:
        pictures: PIL images.
        name: Of the data set, for the message.
        side: Height and width to bring them to, where given.

    Returns:
        uint8 of shape (pictures, channels, height, width).

    Raises:
        DataError: They differ in size and no side is given.
    """
    mode = "L" if all(picture.mode in _GREY for picture in pictures) else "RGB"
    alike = [picture.convert(mode) for picture in pictures]
    if side is not None:
        alike = [picture.resize((side, side)) for picture in alike]
    sizes = {picture.size for picture in alike}
    if len(sizes) > 1:
        said = " and ".join(f"{width} x {height}" for width, height in sorted(sizes)[:2])
        raise DataError(
            f"The pictures of {name} differ in size ({said}, …): bring them to one by side=64, for example."
        )
    array = np.stack([np.asarray(picture) for picture in alike])
    return torch.tensor(array[:, None] if mode == "L" else array.transpose(0, 3, 1, 2))

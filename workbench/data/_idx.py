"""Images and labels in the IDX format of the MNIST family, as a data set."""

import gzip
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from workbench.core.batch import Batch
from workbench.core.errors import DataError
from workbench.data._arrays import Arrays
from workbench.data._splits import by_seed
from workbench.data.contract import Card, Field

VALIDATION = 5000


def read(path: Path) -> Tensor:
    """The bytes of an IDX file in its own shape.

    Args:
        path: A file of unsigned bytes, compressed where its name ends with ``.gz``.

    Returns:
        uint8 of shape (count,) or (count, height, width).

    Raises:
        DataError: The file is no IDX file of bytes, or is shorter than its header says.
    """
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    if len(raw) < 4 or raw[:3] != b"\x00\x00\x08":  # noqa: PLR2004 - two zeros, type byte, number of axes
        raise DataError(f"{path.name} is no IDX file of unsigned bytes: install its package again.")
    axes = raw[3]
    shape = np.frombuffer(raw, dtype=">u4", count=axes, offset=4).astype(int).tolist()
    if len(raw) != 4 + 4 * axes + int(np.prod(shape)):
        raise DataError(
            f"{path.name} has {len(raw)} bytes, which is not what its header says: install its package again."
        )
    return torch.from_numpy(np.frombuffer(raw, dtype=np.uint8, offset=4 + 4 * axes).reshape(shape).copy())


def load_idx(
    name: str, card: Card, labels: tuple[str, ...], files: dict[str, Path], train: int | None, seed: int
) -> Arrays:
    """A data set of the MNIST family.

    Args:
        name: Of the data set.
        card: What a person should know about it.
        labels: Names of the classes.
        files: Paths by ``train images``, ``train labels``, ``test images``, ``test labels``.
        train: How many images to train on; all but 5,000 when not given.
        seed: Of the split of the published training images into train and validation.

    Raises:
        DataError: A file is broken, or fewer images remain than were asked for.
    """
    images, numbers = read(files["train images"]), read(files["train labels"]).long()
    order = by_seed(len(images), seed, validation=VALIDATION / len(images), test=0.0)
    chosen = order["train"]
    if train is not None:
        if not 1 <= train <= len(chosen):
            raise DataError(f"{name} has 1 … {len(chosen)} images to train on; got train={train}.")
        chosen = chosen[:train]
    validation = order["validation"]
    tested = read(files["test images"]), read(files["test labels"]).long()
    return Arrays(
        name=name,
        card=card,
        inputs=[Field(name="image", kind="image", shape=(1, *images.shape[1:]))],
        answer=Field(name="class", kind="classes", shape=(), labels=labels),
        parts={
            "train": Batch((_scaled(images[chosen]),), numbers[chosen]),
            "validation": Batch((_scaled(images[validation]),), numbers[validation]),
            "test": Batch((_scaled(tested[0]),), tested[1]),
        },
    )


def _scaled(images: UInt8[Tensor, "count height width"]) -> Float[Tensor, "count 1 height width"]:
    """Bytes of shape (count, height, width) as float32 in [-1, 1] of shape (count, 1, height, width)."""
    return images.unsqueeze(1).float().div_(127.5).sub_(1)

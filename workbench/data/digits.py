"""1,797 handwritten digits of 8 x 8 pixels, shipped in scikit-learn."""

import torch

from workbench.core.batch import Batch
from workbench.core.optional import need
from workbench.data._arrays import Arrays
from workbench.data._splits import by_seed
from workbench.data.contract import Card, Field

CARD = Card(
    title="1,797 handwritten digits of 8 x 8 pixels",
    source="E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI, 1998",
    licence="CC BY 4.0",
    package="scikit-learn (PyPI)",
)


def load(seed: int = 0) -> Arrays:
    """Images in [-1, 1] and the digit they show.

    Args:
        seed: Of the split: 70 % train, 15 % validation, 15 % test.
    """
    raw = need("sklearn.datasets", extra="data", purpose="for digits").load_digits()
    images = torch.tensor(raw.images, dtype=torch.float32).unsqueeze(1) / 8 - 1
    labels = torch.tensor(raw.target, dtype=torch.int64)
    return Arrays(
        name="digits",
        card=CARD,
        inputs=[Field(name="image", kind="image", shape=(1, 8, 8))],
        answer=Field(name="digit", kind="classes", shape=(), labels=tuple("0123456789")),
        parts={split: Batch((images[at],), labels[at]) for split, at in by_seed(len(labels), seed).items()},
    )

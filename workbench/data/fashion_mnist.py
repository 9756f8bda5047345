"""70,000 grey pictures of clothes, 28 x 28 pixels, from the Debian package dataset-fashion-mnist."""

from workbench.data._arrays import Arrays
from workbench.data._idx import load_idx
from workbench.data._packages import Debian
from workbench.data.contract import Card

CARD = Card(
    title="70,000 grey pictures of clothes, 28 x 28 pixels, ten classes",
    source="H. Xiao, K. Rasul and R. Vollgraf, Fashion-MNIST, 2017, arXiv:1708.07747",
    licence="MIT",
    package="dataset-fashion-mnist (Debian)",
)

CLASSES = ("T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")


def load(train: int | None = None, seed: int = 0) -> Arrays:
    """Images in [-1, 1] and what they show; the published test images are the test split.

    Args:
        train: How many images to train on, at most 55,000 (the default); 5,000 more are for validation.
        seed: Which of the published training images validate, and which come first.
    """
    folder = Debian("dataset-fashion-mnist").folder("fashion_mnist", "datasets/fashion-mnist")
    files = {
        f"{split} {part}": folder / f"{stem}-{part}-idx{axes}-ubyte.gz"
        for split, stem in (("train", "train"), ("test", "t10k"))
        for part, axes in (("images", 3), ("labels", 1))
    }
    return load_idx("fashion_mnist", CARD, CLASSES, files, train, seed)

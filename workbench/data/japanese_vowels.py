"""640 utterances of two vowels by nine speakers, as twelve LPC coefficients over time, shipped in aeon."""

from pathlib import Path

import torch
from jaxtyping import Float, Int
from torch import Tensor

from workbench.core.batch import Batch
from workbench.core.errors import DataError
from workbench.data._arrays import Arrays
from workbench.data._packages import PyPI
from workbench.data._splits import by_seed
from workbench.data.contract import Card, Field

CARD = Card(
    title="640 utterances of the vowels /ae/ by nine male speakers of Japanese",
    source="M. Kudo, J. Toyama and M. Shimbo, Multidimensional Curve Classification Using Passing-Through Regions, "
    "Pattern Recognition Letters, 1999",
    licence="data: CC BY 4.0 (UCI); package: BSD-3-Clause",
    package="aeon (PyPI), installed without its dependencies: only its files are read",
)

LONGEST = 29
COEFFICIENTS = 12


def load(seed: int = 0) -> Arrays:
    """Frames of twelve coefficients, padded with zeros at the end to 29 frames, and who speaks.

    Args:
        seed: Which 54 of the 270 published training utterances validate; the published test utterances test.
    """
    folder = PyPI("--no-deps aeon==1.6.0", "aeon").folder("japanese_vowels", "datasets/data/JapaneseVowels")
    x, y = read(folder / "JapaneseVowels_TRAIN.ts")
    at = by_seed(len(y), seed, validation=0.2, test=0.0)
    return Arrays(
        name="japanese_vowels",
        card=CARD,
        inputs=[
            Field(
                name="utterance",
                kind="audio",
                shape=(LONGEST, COEFFICIENTS),
                labels=tuple(f"LPC {i + 1}" for i in range(COEFFICIENTS)),
            )
        ],
        answer=Field(name="speaker", kind="classes", shape=(), labels=tuple(f"speaker {i + 1}" for i in range(9))),
        parts={
            **{split: Batch((x[rows],), y[rows]) for split, rows in at.items()},
            "test": Batch(*_whole(folder / "JapaneseVowels_TEST.ts")),
        },
    )


def _whole(path: Path) -> tuple[tuple[Tensor], Tensor]:
    x, y = read(path)
    return (x,), y


def read(path: Path) -> tuple[Float[Tensor, "utterances 29 12"], Int[Tensor, " utterances"]]:
    """Utterances and speakers from a ``.ts`` file: a line is twelve series and a label, parted by colons.

    Args:
        path: Of the file.

    Returns:
        Frames of shape (utterances, 29, 12), float32; speakers counted from 0, int64.

    Raises:
        DataError: A line does not have twelve series of one length.
    """
    _, _, body = path.read_text(encoding="utf-8").partition("@data\n")
    lines = [line.split(":") for line in body.splitlines() if line.strip()]
    x = torch.zeros(len(lines), LONGEST, COEFFICIENTS)
    for i, (*series, _) in enumerate(lines):
        numbers = [[float(value) for value in one.split(",")] for one in series]
        if len(numbers) != COEFFICIENTS or len({len(one) for one in numbers}) != 1:
            raise DataError(f"Utterance {i} of {path.name} does not have {COEFFICIENTS} series of one length.")
        x[i, : len(numbers[0])] = torch.tensor(numbers).T
    return x, torch.tensor([int(line[-1]) - 1 for line in lines])

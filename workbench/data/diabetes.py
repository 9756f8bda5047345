"""442 patients, ten measurements, and how far diabetes had gone a year later, shipped in scikit-learn."""

import torch

from workbench.core.optional import need
from workbench.data._arrays import Arrays
from workbench.data._tables import table
from workbench.data.contract import Card, Field

CARD = Card(
    title="442 patients with ten measurements each and the progression of diabetes after a year",
    source="B. Efron, T. Hastie, I. Johnstone and R. Tibshirani, Least Angle Regression, Annals of Statistics, 2004",
    licence="data: published with the paper, no licence stated; package: BSD-3-Clause",
    package="scikit-learn (PyPI)",
    caution="The target is divided by 100, so that it is of the order of one.",
)

UNIT = 100.0


def load(seed: int = 0) -> Arrays:
    """Standardised measurements and the progression in hundreds.

    Args:
        seed: Of the split: 70 % train, 15 % validation, 15 % test.
    """
    raw = need("sklearn.datasets", extra="data", purpose="for diabetes").load_diabetes(scaled=False)
    return table(
        name="diabetes",
        card=CARD,
        columns=[str(name) for name in raw.feature_names],
        values=raw.data,
        target=torch.tensor(raw.target, dtype=torch.float32).unsqueeze(1) / UNIT,
        answer=Field(name="progression / 100", kind="value", shape=(1,)),
        seed=seed,
    )

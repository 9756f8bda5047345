"""178 wines of three growers with 13 chemical measurements, shipped in scikit-learn."""

import torch

from workbench.core.optional import need
from workbench.data._arrays import Arrays
from workbench.data._tables import table
from workbench.data.contract import Card, Field

CARD = Card(
    title="178 wines of three growers with 13 chemical measurements each",
    source="S. Aeberhard and M. Forina, Wine, UCI Machine Learning Repository, 1992",
    licence="CC BY 4.0",
    package="scikit-learn (PyPI)",
    caution="Nearly every method is right on nearly every wine.",
)


def load(seed: int = 0) -> Arrays:
    """Standardised measurements and the grower.

    Args:
        seed: Of the split: 70 % train, 15 % validation, 15 % test.
    """
    raw = need("sklearn.datasets", extra="data", purpose="for wine").load_wine()
    return table(
        name="wine",
        card=CARD,
        columns=[str(name) for name in raw.feature_names],
        values=raw.data,
        target=torch.tensor(raw.target, dtype=torch.int64),
        answer=Field(name="grower", kind="classes", shape=(), labels=("grower 1", "grower 2", "grower 3")),
        seed=seed,
    )

"""569 tumours, 30 measurements of cell nuclei, malignant or benign, shipped in scikit-learn."""

import torch

from workbench.core.optional import need
from workbench.data._arrays import Arrays
from workbench.data._tables import table
from workbench.data.contract import Card, Field

CARD = Card(
    title="569 tumours with 30 measurements of cell nuclei each",
    source="W. Wolberg, O. Mangasarian, N. Street and W. Street, Breast Cancer Wisconsin (Diagnostic), UCI, 1993",
    licence="CC BY 4.0",
    package="scikit-learn (PyPI)",
    caution="No basis for a diagnosis.",
)


def load(seed: int = 0) -> Arrays:
    """Standardised measurements and the diagnosis.

    Args:
        seed: Of the split: 70 % train, 15 % validation, 15 % test.
    """
    raw = need("sklearn.datasets", extra="data", purpose="for breast_cancer").load_breast_cancer()
    return table(
        name="breast_cancer",
        card=CARD,
        columns=[str(name) for name in raw.feature_names],
        values=raw.data,
        target=torch.tensor(raw.target, dtype=torch.int64),
        answer=Field(name="diagnosis", kind="classes", shape=(), labels=("malignant", "benign")),
        seed=seed,
    )

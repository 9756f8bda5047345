"""The nouns of data: Field, Card, Dataset; and the flat vocabulary of sizes from which models are sized."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from torch import Tensor

from workbench.core.batch import Batch

Kind = Literal["image", "tokens", "graph", "table", "series", "audio", "environment"]
"""What an example is; decides which architectures take it and how it is shown."""

Role = Literal["classes", "value", "next_token", "reward", "none"]
"""What the target is: classes, a number, the next token, a reward, or nothing."""

SIZES: Mapping[str, str] = {
    "channels": "colours of an image, or variables of a series",
    "height": "rows of an image",
    "width": "columns of an image",
    "length": "tokens or time steps of an example",
    "features": "columns of a table, or numbers per node or frame",
    "classes": "different labels",
    "vocab": "different tokens",
    "nodes": "nodes of a graph",
    "outputs": "numbers to predict",
    "observations": "numbers an agent sees",
    "actions": "choices of an agent",
}
"""The only names that may stand in ``Dataset.sizes`` and in ``Field(json_schema_extra={"data": ...})``."""


@dataclass(frozen=True, kw_only=True)
class Field:
    """One part of an example: an input or the target."""

    name: str
    kind: Kind | Role
    shape: tuple[int | None, ...]
    """of one example; None where it varies"""
    labels: tuple[str, ...] = ()
    """names of the classes, tokens or columns, where they have names"""


@dataclass(frozen=True, kw_only=True)
class Card:
    """What a person should know before using a data set."""

    title: str
    """one line"""
    source: str
    """who made it, and a reference"""
    licence: str
    package: str
    """what brings it: "scikit-learn (PyPI)", "dataset-fashion-mnist (Debian)" ..."""
    caution: str = ""
    """terms or traps, in a sentence"""


class Dataset(Protocol):
    """Anything that can say how large it is and hand out the examples of an index."""

    name: str
    card: Card
    kind: Kind
    """of the main input"""
    target: Role
    inputs: Sequence[Field]
    answer: Field | None
    """the target's field"""
    sizes: Mapping[str, int]
    """names out of ``SIZES``"""
    splits: Sequence[str]
    """"train" always; "validation" and "test" where there are such"""

    def size(self, split: str) -> int:
        """How many examples a split has; a whole graph is one."""
        ...

    def batch(self, split: str, index: Tensor) -> Batch:
        """The examples at the positions of an index (int64), the same for the same index."""
        ...

    def batches(self, split: str, order: Tensor, size: int) -> Sequence[Batch]:
        """The batches of one epoch in this order, made when asked for."""
        ...

    def sample_batch(self, n: int, split: str = "test") -> Batch:
        """The first n examples of a split."""
        ...

    def look(self, split: str, i: int) -> str:
        """One example as a person would read it: text, or rows of a small picture in characters."""
        ...

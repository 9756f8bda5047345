"""A person's own data, from whatever it lies in, as a data set."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol, TypeGuard

from pydantic import Field as Setting

from workbench.core.config import Config
from workbench.core.errors import ConfigError, DataError, nearest
from workbench.data.contract import Dataset


class Own(Config):
    """How a person's own data is read."""

    name: str = "your data"
    """how the data is called in messages and records"""
    target: str | None = None
    """column or key of what is to be predicted; the second of a pair needs no name"""
    kind: Literal["image", "tokens", "table", "series", "audio"] | None = None
    """what an example is, where its shape does not say: whole numbers in rows are read as tokens, for example"""
    answer: Literal["classes", "value", "next_token"] | None = None
    """what the target is, where its type does not say: whole numbers are read as classes, others as values"""
    labels: tuple[str, ...] = ()
    """names of the classes, in the order of their numbers"""
    validation: float = Setting(default=0.15, ge=0, lt=1)
    """share of the rows for validation, where the source has no splits"""
    test: float = Setting(default=0.15, ge=0, lt=1)
    """share of the rows for testing, where the source has no splits"""
    seed: int = Setting(default=0, ge=0)
    """which rows go where"""
    side: int | None = Setting(default=None, ge=1, le=4096)
    """height and width that images are brought to; needed where they differ in size"""
    length: int = Setting(default=128, ge=1, le=65536)
    """words of a text that are read"""
    vocab: int = Setting(default=8000, ge=3)
    """different words of a text at most, the most frequent ones to train on"""
    megabytes: int = Setting(default=1024, ge=1)
    """how much an iterable loader may bring into memory"""


class Source(Protocol):
    """A file in ``_sources``: one kind of thing that data comes in."""

    def takes(self, thing: object) -> bool:
        """Whether it reads this kind of thing; imports nothing to find out."""
        ...

    def read(self, thing: Any, how: Own) -> Any:
        """The rows, or a data set where they stay where they are."""
        ...


def is_dataset(thing: object) -> TypeGuard[Dataset]:
    """Whether something obeys the contract of data sets."""
    return all(hasattr(thing, part) for part in ("batch", "batches", "size", "sizes", "splits", "kind"))


def read(thing: Any, options: Mapping[str, Any]) -> Dataset:
    """A data set from anything that data comes in.

    Args:
        thing: See ``workbench.data.of``.
        options: Fields of ``Own``.

    Raises:
        DataError: The data is empty, broken, or of a kind that is not known here.
        ConfigError: An option is unknown or out of range.
    """
    from workbench import data
    from workbench.data._sources import sources
    from workbench.data._sources._rows import Rows, assembled

    if is_dataset(thing) or (isinstance(thing, str) and thing.replace("-", "_") in data.names()):
        if options and not isinstance(thing, str):
            raise ConfigError(f"{thing.name} is a data set already, so it takes no {' or '.join(options)}.")
        return data.load(thing, **options) if isinstance(thing, str) else thing
    how = Own(**options)
    if isinstance(thing, str):
        thing = _path(thing, data.names())
    for source in sources():
        if source.takes(thing):
            found = source.read(thing, how)
            return assembled(found, how) if isinstance(found, Rows) else found
    raise DataError(
        f"Cannot read data from {type(thing).__name__}: give (x, y) tensors or arrays, a DataFrame, a Hugging Face "
        "Dataset, a DataLoader, a folder of images, a CSV file, a PyG graph, a Batch or a mapping of tensors."
    )


def _path(text: str, known: Sequence[str]) -> Path:
    path = Path(text).expanduser()
    if not path.exists():
        raise DataError(f"{text!r} is neither a data set nor a path that exists.{nearest(text, known)}")
    return path

"""A torch ``DataLoader`` or map-style ``Dataset``: examples by index, put together as the loader does it.

The loader's own order is not used: what a run sees in which order follows from its seed.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, TensorDataset, default_collate
from torch.utils.data import Dataset as TorchDataset

from workbench.core.batch import Batch
from workbench.core.errors import DataError
from workbench.data._sources._collated import Collated
from workbench.data._sources._rows import Rows
from workbench.data._sources.batches import by_name

if TYPE_CHECKING:
    from workbench.data._own import Own

MEGABYTE = 1 << 20


def takes(thing: object) -> bool:
    """A loader or a data set of torch."""
    return isinstance(thing, DataLoader | TorchDataset)


def read(thing: Any, how: "Own") -> Rows | Collated:
    """Examples where they are, by index; an iterable is read into memory.

    Raises:
        DataError: The examples cannot be put together, or an iterable gives more than ``megabytes``.
    """
    loader = thing if isinstance(thing, DataLoader) else None
    examples = loader.dataset if loader is not None else thing
    if isinstance(examples, IterableDataset):
        return _gathered(loader if loader is not None else DataLoader(examples, batch_size=256), how)
    collate = loader.collate_fn if loader is not None else default_collate
    if isinstance(examples, TensorDataset) and collate is default_collate:
        return Rows(whole=as_batch(list(examples.tensors), how), source="a DataLoader")
    if not hasattr(examples, "__len__") or len(cast("Any", examples)) == 0:
        raise DataError(f"{how.name} is empty: give at least one example.")
    return Collated(examples, lambda rows: as_batch(collate(rows), how), how)


def as_batch(collated: Any, how: "Own") -> Batch:
    """What a loader gives, as a batch: ``(x, …, y)``, tensors by name, one tensor, or a batch already.

    Raises:
        DataError: It is something else.
    """
    if isinstance(collated, Batch):
        return collated
    if isinstance(collated, Tensor):
        return Batch((collated,))
    parts: Sequence[Any] = ()
    if isinstance(collated, Mapping):
        parts = tuple(cast("Mapping[str, Any]", collated).values())
    elif isinstance(collated, tuple | list):
        parts = tuple(cast("Sequence[Any]", collated))
    if not parts or not all(isinstance(part, Tensor) for part in parts):
        raise DataError(
            f"The loader of {how.name} gives {type(collated).__name__} with parts that are no tensors: "
            "pass a collate_fn that makes tensors of them."
        )
    if isinstance(collated, Mapping):
        return by_name(cast("Mapping[str, Any]", collated), how)
    return Batch((parts[0],)) if len(parts) == 1 else Batch(tuple(parts[:-1]), parts[-1])


def _gathered(loader: Any, how: "Own") -> Rows:
    """All batches of an iterable, joined in memory."""
    batches: list[Batch] = []
    held = 0
    for collated in loader:
        batches.append(as_batch(collated, how))
        held += sum(tensor.numel() * tensor.element_size() for tensor in batches[-1].tensors())
        if held > how.megabytes * MEGABYTE:
            raise DataError(
                f"The iterable loader of {how.name} gives more than {how.megabytes} MB, which is all that is read into "
                "memory: give a map-style data set, or raise megabytes=."
            )
    if not batches:
        raise DataError(f"{how.name} is empty: give at least one example.")
    try:
        return Rows(whole=_joined(batches), source="an iterable DataLoader")
    except RuntimeError:
        raise DataError(f"The batches of {how.name} differ in shape: pad the examples to one length.") from None


def _joined(batches: Sequence[Batch]) -> Batch:
    first = batches[0]
    target = None if first.target is None else torch.cat([cast("Tensor", batch.target) for batch in batches])
    mask = None if first.mask is None else torch.cat([cast("Tensor", batch.mask) for batch in batches])
    if isinstance(first.inputs, Mapping):
        names = list(first.inputs)
        return Batch({n: torch.cat([cast("Any", batch.inputs)[n] for batch in batches]) for n in names}, target, mask)
    columns = zip(*(cast("tuple[Tensor, ...]", batch.inputs) for batch in batches), strict=True)
    return Batch(tuple(torch.cat(column) for column in columns), target, mask)

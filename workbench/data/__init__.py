"""Real data sets that need no network, one file each, and the person's own data in the same form."""

from importlib import import_module
from inspect import signature
from typing import TYPE_CHECKING, Any

from workbench.core.errors import UnknownNameError, nearest
from workbench.core.names import find as _find
from workbench.core.names import names as _names

if TYPE_CHECKING:
    from workbench.core.batch import Batch as Batch
    from workbench.data._environment import Environment as Environment
    from workbench.data._own import Own as Own
    from workbench.data.contract import SIZES as SIZES
    from workbench.data.contract import Card as Card
    from workbench.data.contract import Dataset as Dataset
    from workbench.data.contract import Field as Field

# Listing names must not pay for torch, so the classes come when they are asked for.
_LAZY = {
    "SIZES": "workbench.data.contract",
    "Batch": "workbench.core.batch",
    "Card": "workbench.data.contract",
    "Dataset": "workbench.data.contract",
    "Environment": "workbench.data._environment",
    "Field": "workbench.data.contract",
    "Own": "workbench.data._own",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def names() -> list[str]:
    """Names of all data sets, whether their packages are installed or not; imports none of them."""
    return [name for name in _names(__path__) if name != "contract"]


def load(name: str, **options: Any) -> "Dataset":
    """The data set called ``name``.

    Args:
        name: One of ``names()``.
        **options: What the file of that name takes: ``seed`` where it is split by seed, and its own.

    Raises:
        UnknownNameError: There is no such data set, or it has no such option.
        MissingExtraError: The package that holds the data is not installed.
    """
    if (file := name.replace("-", "_")) not in names():
        raise UnknownNameError(f"There is no {name!r} in data.{nearest(file, names())}")
    function = _find(__name__, __path__, file, "load")
    known = signature(function).parameters
    for option in options:
        if option not in known:
            has = nearest(option, known) or " It has none."
            raise UnknownNameError(f"The data set {name!r} has no option {option!r}.{has}")
    return function(**options)


def of(anything: Any, **how: Any) -> "Dataset":
    """A person's own data as a data set.

    Takes ``(x, y)`` tensors or arrays, one tensor or array, a pandas ``DataFrame``, a Hugging Face ``Dataset`` or
    ``DatasetDict``, a torch ``DataLoader`` or map-style ``Dataset``, a folder with one subfolder of images per class,
    a CSV file, a PyG graph, a ``Batch``, a mapping of tensors, the name of a data set here, and data sets as they
    are. The same rows give the same batches in the same order, whatever they came in.

    Args:
        anything: The data.
        **how: Fields of ``Own``: ``target``, ``name``, ``kind``, ``answer``, ``labels``, ``validation``, ``test``,
            ``seed``, ``side``, ``length``, ``vocab``, ``megabytes``.

    Raises:
        DataError: The data is empty, broken, or of a kind that is not known here.
        ConfigError: An option is unknown or out of range.
    """
    from workbench.data._own import read

    return read(anything, how)


def sample_batch(data: Any, n: int, split: str = "test") -> "Batch":
    """The first ``n`` examples of a split of any data set or own data.

    Args:
        data: A data set, its name, or anything ``of`` takes.
        n: How many examples.
        split: Which split.
    """
    return (load(data) if isinstance(data, str) else of(data)).sample_batch(n, split)

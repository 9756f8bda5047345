"""Pretrained models out of pinned packages, hub ids and local folders, each with what prepares its inputs."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.core import names as discovery
from workbench.core.errors import UnknownNameError, nearest
from workbench.pretrained._card import ModelCard as ModelCard

if TYPE_CHECKING:
    from torch import nn


def names() -> list[str]:
    """Names of the models that come out of packages; nothing is imported."""
    return [name.replace("_", "-") for name in discovery.names(__path__)]


def card(name: str) -> ModelCard:
    """Source, licence and caution of a model that comes out of a package.

    Raises:
        UnknownNameError: There is no such model.
    """
    return discovery.find(__name__, __path__, name, "CARD")


def load(name_or_folder: str | Path) -> "tuple[nn.Module, Any]":
    """A pretrained model in evaluation mode, and what prepares its inputs.

    Args:
        name_or_folder: One of ``names()``; else a folder that transformers' ``save_pretrained`` wrote; else an id on
            the Hugging Face hub ("owner/model"), which is fetched by the library's own loader.

    Returns:
        The model, and a tokenizer or processor; None where the folder holds none.

    Raises:
        UnknownNameError: There is no such name, and no such folder.
        MissingExtraError: The package that brings it is not installed.
        CheckpointError: Weights are missing, not those that were pinned, or could not be fetched.
    """
    name = str(name_or_folder)
    if name in names() or name.replace("_", "-") in names():
        return discovery.find(__name__, __path__, name, "load")()
    from workbench.pretrained import _folder

    if Path(name).is_dir():
        return _folder.load(Path(name))
    if name.count("/") == 1 and not name.startswith((".", "/", "~")):
        return _folder.fetch(name)
    raise UnknownNameError(f"There is no pretrained model and no folder {name!r}.{nearest(name, names())}")

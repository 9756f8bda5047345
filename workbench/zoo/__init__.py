"""Architectures: one file each in a folder for its family; the file name is the name.

Listing, the table and the cards need neither torch nor any entry: they read the generated index. An entry's own
file is imported when it is built.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from workbench.zoo._discovery import families as families
from workbench.zoo._discovery import family_of as _family_of
from workbench.zoo._discovery import names as names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import nn

    from workbench.zoo._cards import EntryCard as EntryCard
    from workbench.zoo._entry import Architecture as Architecture
    from workbench.zoo._entry import Recipe as Recipe
    from workbench.zoo._listing import Table as Table

_LAZY = {"Architecture": "_entry", "Recipe": "_entry", "EntryCard": "_cards", "Table": "_listing"}


def __getattr__(name: str) -> Any:
    if name in _LAZY:  # they come with torch or html, which listing names must not pay for
        return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def entry(name: str) -> "Architecture":
    """The entry called ``name``; imports only its own file.

    Raises:
        UnknownNameError: There is no such entry; the message gives the nearest.
    """
    file = name.replace("-", "_")
    return import_module(f"{__name__}.{_family_of(file)}.{file}").ARCHITECTURE


def build(name: str, data: Any = None, *, preset: str | None = None, seed: int = 0, **config: Any) -> "nn.Module":
    """A plain module, sized by the data.

    Args:
        name: One of ``names()``.
        data: A data set; None for the config's own sizes.
        preset: ``"tiny"`` or ``"paper"``.
        seed: Decides the initial weights; torch's generator stays as it was.
        **config: Fields of the entry's config; ``card(name)`` explains them.

    Raises:
        UnknownNameError: There is no such entry.
        ConfigError: A field or preset is unknown or out of range, or smaller than the data needs.
        DataError: The data is of a kind that the architecture does not take.
    """
    architecture = entry(name)
    return architecture.initialised(architecture.configure(data, preset=preset, **config), seed=seed)


def key_of(name: str) -> str:
    """The hash under which a result of an entry is kept: of its source, its config and its libraries' versions."""
    from workbench.zoo._results import key_of as hashed
    from workbench.zoo._results import libraries_of

    architecture = entry(name)
    config = architecture.config().model_dump(mode="json")
    return hashed(name, config, libraries_of(name, architecture.libraries))


def facts() -> "Mapping[str, Any]":
    """The generated index: what is known of every entry without importing it, by name."""
    from workbench.zoo._facts import index

    return index()


def keep_result(name: str, result: "Mapping[str, Any]") -> None:
    """Keep what the claim of an entry came to, for table, card and coverage.

    Args:
        name: The entry.
        result: As JSON: ``key``, ``holds``, ``trials`` and whatever else was measured.
    """
    from workbench.zoo._results import store

    store(name, result)


def table(
    *,
    family: str | None = None,
    task: str | None = None,
    paper: str | None = None,
    max_parameters: int | None = None,
) -> "Table":
    """What there is, one row an entry.

    Args:
        family: Only this family.
        task: Only entries whose recipe is for this task.
        paper: Only entries with this text in the title, authors, year or arXiv number of their paper.
        max_parameters: Only entries whose default size has at most so many parameters.

    Raises:
        UnknownNameError: There is no such family, or no entry for such a task.
    """
    from workbench.zoo._listing import listing

    return listing(family, task, paper, max_parameters)


def card(name: str) -> "EntryCard":
    """What a person should know about an entry: paper, settings with ranges, claim, and the last result.

    Raises:
        UnknownNameError: There is no such entry.
    """
    from workbench.zoo._cards import card_of

    return card_of(name)

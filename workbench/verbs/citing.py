"""``wb.cite``: BibTeX for exactly what was used."""

from collections.abc import Iterator
from typing import Any

from torch import nn

from workbench import zoo
from workbench.core.config import Config
from workbench.core.entry import Paper
from workbench.core.errors import DataError
from workbench.verbs import origins


def cite(*things: Any) -> str:
    """BibTeX for what was used, each source once.

    Args:
        *things: Models built by ``wb.build``, names of zoo entries, runs, objectives and other configs, results of
            ``wb.compress`` and of the methods in ``wb.interpret``.

    Returns:
        BibTeX entries, separated by an empty line; empty when nothing given has a source.

    Raises:
        UnknownNameError: A name is no entry of the zoo.
        DataError: A thing is of a kind that cites nothing.
    """
    found = {paper.key: paper for thing in things for paper in _papers(thing)}
    return "\n\n".join(paper.bibtex() for paper in found.values())


def _papers(thing: Any) -> Iterator[Paper]:
    if isinstance(thing, Paper):
        yield thing
    elif isinstance(thing, str):
        yield zoo.entry(thing).paper
    elif isinstance(thing, nn.Module):
        origin = origins.of(thing)
        if origin is not None:
            yield zoo.entry(origin.name).paper
    elif isinstance(thing, Config):
        yield from thing.papers
        for name in type(thing).model_fields:
            value = getattr(thing, name)
            if isinstance(value, Config):
                yield from _papers(value)
    else:
        yield from _parts(thing)


def _parts(thing: Any) -> Iterator[Paper]:
    """Runs and results name what they were made of in ``cited``: papers, configs and models."""
    parts = getattr(thing, "cited", None)
    if parts is None:
        given = type(thing).__name__
        raise DataError(f"There is nothing to cite for {given}: give a model, an entry's name, a run or a result.")
    for part in parts:
        yield from _papers(part)

"""What a person chose in the app: plain values, each checked before it is taken from a page."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from pydantic import Field

from workbench import compression, tasks, zoo
from workbench.core.config import Config

_PRESETS = ("tiny", "paper")


class Training(Config):
    """Settings of a run; everything else is the recipe's."""

    steps: int | None = Field(default=None, ge=1, le=1_000_000)
    """optimiser steps; empty for the length of the recipe"""
    seed: int = Field(default=0, ge=0, le=2**31 - 1)
    """decides the initial weights, the order of the examples and dropout"""


@dataclass(frozen=True)
class Choices:
    """What a person chose."""

    entry: str
    task: str
    preset: str = ""
    values: dict[str, Any] = field(default_factory=dict[str, Any])
    """fields of the entry's config that were turned"""
    training: dict[str, Any] = field(default_factory=dict[str, Any])
    """fields of ``Training`` that were turned"""
    source: str = ""
    """the variable whose model is used; empty for the one that is built here"""
    passes: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    """passes in their order, each with the fields that were turned"""
    search: str = ""
    """words that the list of entries is narrowed by"""

    def changed(self, wished: Mapping[Any, Any], sources: Sequence[str]) -> Self:
        """What a page says was chosen. What does not exist is as it was, or left out.

        Args:
            wished: The fields by name, not yet checked.
            sources: Variables that hold a model.
        """
        entry = _among(wished.get("entry"), zoo.names(), self.entry)
        default = zoo.entry(entry).recipe.task if entry != self.entry else self.task
        return type(self)(
            entry=entry,
            task=_among(wished.get("task"), tasks.names(), default),
            preset=_among(wished.get("preset"), ("", *_PRESETS), ""),
            values=_known(wished.get("values"), zoo.entry(entry).config),
            training=_known(wished.get("training"), Training),
            source=_among(wished.get("source"), ("", *sources), ""),
            passes=_passes(wished.get("passes")),
            search=str(wished.get("search") or "")[:200],
        )


def _among(value: object, known: Iterable[str], default: str) -> str:
    return value if isinstance(value, str) and value in known else default


def _known(values: object, kind: type[Config]) -> dict[str, Any]:
    """The plain values among a page's for fields that exist."""
    if not isinstance(values, Mapping):
        return {}
    return {
        name: value
        for name, value in values.items()
        if name in kind.model_fields and isinstance(value, str | int | float | bool)
    }


def _passes(wished: object) -> dict[str, dict[str, Any]]:
    if not isinstance(wished, Mapping):
        return {}
    known = {name: type(compression.resolve(name)[0]) for name in compression.names()}
    return {name: _known(values, known[name]) for name, values in wished.items() if name in known}

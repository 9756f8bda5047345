"""The error tree: every error raised on purpose derives from ``WorkbenchError``.

WorkbenchError
├── ConfigError (ValueError)        a setting is unknown, of the wrong type or out of range
├── UnknownNameError (LookupError)  nothing of that name exists in the room that was asked
├── AddressError (LookupError)      a value inside a model has no such address, or was not computed
├── MissingExtraError (ImportError) an optional library or data package is not installed
├── DataError (ValueError)          data is empty, broken, or does not fit the model or the method
├── ModelError (RuntimeError)       a model cannot be called, trained or shown as asked
├── NotFiniteError (ArithmeticError) a loss became infinite or not a number
└── CheckpointError (RuntimeError)  a checkpoint is truncated, tampered with, or could not be written

A message says in one sentence what was given, what is allowed, and what to try.
"""

import difflib
from collections.abc import Iterable


class WorkbenchError(Exception):
    """Base of every error raised on purpose."""


class ConfigError(WorkbenchError, ValueError):
    """A setting is unknown, of the wrong type or out of range."""


class UnknownNameError(WorkbenchError, LookupError):
    """Nothing of that name exists in the room that was asked."""


class AddressError(WorkbenchError, LookupError):
    """A value inside a model has no such address, or was not computed."""


class MissingExtraError(WorkbenchError, ImportError):
    """An optional library or data package is not installed."""


class DataError(WorkbenchError, ValueError):
    """Data is empty, broken, or does not fit the model or the method."""


class ModelError(WorkbenchError, RuntimeError):
    """A model cannot be called, trained or shown as asked."""


class NotFiniteError(WorkbenchError, ArithmeticError):
    """A loss became infinite or not a number."""


class CheckpointError(WorkbenchError, RuntimeError):
    """A checkpoint is truncated, tampered with, or could not be written."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Half a sentence with the nearest known names, or all of them when few and none is near.

    Args:
        name: What was asked for.
        known: What exists.

    Returns:
        A string that begins with a space, to be appended to a sentence; empty when nothing is known.
    """
    names = sorted(set(known))
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    if close:
        return f" Did you mean {' or '.join(map(repr, close))}?"
    if 0 < len(names) <= 12:  # noqa: PLR2004 - a list that still reads as one sentence
        return f" Choose from {', '.join(names)}."
    return ""

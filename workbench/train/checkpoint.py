"""Checkpoints: one safetensors file with everything that is no tensor as JSON in its metadata.

A file gets its name only when it is complete and on disk (temporary file, fsync, rename, fsync of the folder), and
carries a sha256 over all of its bytes, so that a truncated or changed file is told from a sound one.
"""

import contextlib
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from workbench.core.errors import CheckpointError
from workbench.train.packing import unpack

_EMPTY = "0" * 64
_FOLDER = "checkpoints"


@dataclass(frozen=True)
class Loaded:
    """A sound checkpoint."""

    path: Path
    step: int
    state: dict[str, Any]
    about: dict[str, Any]
    """torch version, threads, device and the like at the time of writing"""
    refused: tuple[str, ...]
    """newer checkpoints that were not sound, each as a sentence"""


def paths(directory: Path) -> list[Path]:
    """The checkpoints of a run, oldest first."""
    return sorted((directory / _FOLDER).glob("step-*.safetensors"))


def set_aside(directory: Path, *, after: Loaded) -> None:
    """Rename the unsound checkpoints that are newer than a sound one, so that none is taken for the newest again."""
    for path in paths(directory):
        if path.name > after.path.name:
            path.replace(path.with_suffix(".refused"))


def write(
    directory: Path, step: int, packed: tuple[Any, Mapping[str, Tensor]], about: Mapping[str, Any], keep: int
) -> Path:
    """Put a packed state on disk.

    Args:
        directory: The run's folder.
        step: Steps taken.
        packed: What ``packing.pack`` made of the driver's state.
        about: JSON values to store beside it.
        keep: How many checkpoints stay.

    Returns:
        The file.

    Raises:
        CheckpointError: The disk is full or cannot be written; earlier checkpoints are as they were.
    """
    body, tensors = packed
    metadata = {"state": json.dumps(body), "about": json.dumps({**about, "step": step}), "sha256": _EMPTY}
    blob = save_tensors(dict(tensors), metadata)
    at = _digest_at(blob)
    digest = _digest(blob, at)
    folder = directory / _FOLDER
    final = folder / f"step-{step:012d}.safetensors"
    temporary = folder / f".writing-{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(memoryview(blob)[:at])
            file.write(digest.encode())
            file.write(memoryview(blob)[at + 64 :])
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(final)
        _sync(folder)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        last = paths(directory)
        kept = f"the last good one is {last[-1].name}" if last else "there is no earlier one"
        raise CheckpointError(
            f"The checkpoint of step {step} could not be written to {folder}: {error.strerror or error}; {kept}."
        ) from error
    for old in paths(directory)[:-keep]:
        old.unlink(missing_ok=True)
    for stray in folder.glob(".writing-*"):
        stray.unlink(missing_ok=True)
    return final


def read(path: Path) -> Loaded:
    """One checkpoint.

    Raises:
        CheckpointError: The file is truncated, changed, or no checkpoint.
    """
    try:
        blob = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path.name} cannot be read: {error.strerror or error}.") from None
    try:
        metadata = _header(blob)["__metadata__"]
        body, about, digest = metadata["state"], json.loads(metadata["about"]), metadata["sha256"]
        sound = _digest(blob, _digest_at(blob)) == digest
        if sound:
            state = unpack(json.loads(body), load_tensors(blob))
            return Loaded(path, int(about["step"]), state, about, ())
    except (ValueError, KeyError, TypeError, SafetensorError):
        raise CheckpointError(f"{path.name} is no checkpoint of this workbench, or is truncated.") from None
    raise CheckpointError(f"{path.name} is truncated or was changed: its digest does not match.")


def newest(directory: Path) -> Loaded:
    """The newest sound checkpoint of a run; newer unsound ones are named in it.

    Raises:
        CheckpointError: There is none.
    """
    refused: list[str] = []
    for path in reversed(paths(directory)):
        try:
            found = read(path)
        except CheckpointError as error:
            refused.append(str(error))
            continue
        return Loaded(found.path, found.step, found.state, found.about, tuple(refused))
    raise CheckpointError(" ".join([f"There is no sound checkpoint in {directory}.", *refused]))


def _header(blob: bytes) -> dict[str, Any]:
    size = int.from_bytes(blob[:8], "little")
    if len(blob) < 8 + size:
        raise ValueError("the header is longer than the file")
    return json.loads(blob[8 : 8 + size])


def _digest_at(blob: bytes) -> int:
    """Where the 64 characters of the digest stand in the header."""
    size = int.from_bytes(blob[:8], "little")
    mark = b'"sha256":"'
    at = blob.find(mark, 8, 8 + size)
    if at < 0:
        raise ValueError("no digest")
    return at + len(mark)


def _digest(blob: bytes, at: int) -> str:
    """Sha256 over the whole file with zeros where the digest stands."""
    view = memoryview(blob)
    total = hashlib.sha256(view[:at])
    total.update(_EMPTY.encode())
    total.update(view[at + 64 :])
    return total.hexdigest()


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

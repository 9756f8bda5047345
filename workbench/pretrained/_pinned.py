"""Files inside installed packages, compared with pinned hashes before they are read."""

import hashlib
import importlib.util
from collections.abc import Mapping
from pathlib import Path

from workbench.core.errors import CheckpointError, MissingExtraError


def package_folder(module: str, *, install: str, purpose: str) -> Path:
    """The folder of an installed package, found without importing it.

    Args:
        module: Name of the top-level module.
        install: The command that installs it.
        purpose: What it is needed for, as the end of "is needed ...".

    Raises:
        MissingExtraError: It is not installed; the message gives the command.
    """
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise MissingExtraError(f"{module} is needed {purpose} and is not installed: {install}.")
    return Path(spec.origin).parent


def check(folder: Path, hashes: Mapping[str, str], *, reinstall: str) -> None:
    """Compare files with their pinned hashes.

    Args:
        folder: Where they are.
        hashes: sha256 by path relative to the folder.
        reinstall: What to do when one differs.

    Raises:
        CheckpointError: A file is missing or is not the one that was pinned.
    """
    for name, expected in hashes.items():
        path = folder / name
        if not path.is_file():
            raise CheckpointError(f"{name} is missing from its package: {reinstall}.")
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != expected:
            raise CheckpointError(
                f"{name} is not the file that was pinned (sha256 {found[:12]}..., expected {expected[:12]}...), "
                f"so it was not read: {reinstall}."
            )

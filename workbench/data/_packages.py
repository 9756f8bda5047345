"""Where data lies inside installed packages, found without importing them; one sentence where it does not."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from workbench.core.errors import MissingExtraError


@dataclass(frozen=True)
class PyPI:
    """Files inside a Python package."""

    distribution: str
    """as pip knows it, with a version where only one is known to hold the files"""
    module: str
    """top-level import name"""

    def folder(self, name: str, inside: str) -> Path:
        """The folder ``inside`` the package.

        Args:
            name: Of the data set, for the message.
            inside: Path relative to the package, with slashes.

        Raises:
            MissingExtraError: The package is not installed, or does not have the folder.
        """
        spec = find_spec(self.module)
        for place in (spec.submodule_search_locations or ()) if spec else ():
            if (found := Path(place) / inside).exists():
                return found
        raise _missing(name, self.distribution, "PyPI", f"pip install {self.distribution}")


@dataclass(frozen=True)
class Debian:
    """Files that a Debian package puts below a share folder."""

    package: str

    def folder(self, name: str, inside: str) -> Path:
        """The folder ``inside`` one of the share folders.

        Args:
            name: Of the data set, for the message.
            inside: Path relative to a share folder (``XDG_DATA_HOME``, ``XDG_DATA_DIRS``).

        Raises:
            MissingExtraError: None of the share folders has it.
        """
        for place in _share_folders():
            if (found := place / inside).exists():
                return found
        raise _missing(name, self.package, "Debian", f"apt install {self.package}")


@dataclass(frozen=True)
class Npm:
    """Files inside an npm package."""

    package: str
    version: str

    def folder(self, name: str, inside: str) -> Path:
        """The folder ``inside`` the package in the nearest ``node_modules``.

        Looks in ``$WORKBENCH_DATA``, the current folder and its parents.

        Args:
            name: Of the data set, for the message.
            inside: Path relative to the package.

        Raises:
            MissingExtraError: No such package is found.
        """
        for place in _node_folders():
            if (found := place / "node_modules" / self.package / inside).exists():
                return found
        raise _missing(name, self.package, "npm", f"npm install {self.package}@{self.version}")


def _share_folders() -> Iterator[Path]:
    """Share folders in the order of the XDG base directory specification."""
    yield Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    for place in (os.environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share").split(os.pathsep):
        if place:
            yield Path(place)


def _node_folders() -> Iterator[Path]:
    if given := os.environ.get("WORKBENCH_DATA"):
        yield Path(given)
    here = Path.cwd()
    yield from (here, *here.parents)


def _missing(name: str, package: str, registry: str, command: str) -> MissingExtraError:
    bare = package.partition("==")[0]
    return MissingExtraError(f"{name} lies in the {registry} package {bare}, which was not found here: {command}.")

"""A folder of pictures with one subfolder for each class."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from workbench.core.batch import Batch
from workbench.core.errors import DataError
from workbench.core.optional import need
from workbench.data._sources._pictures import stacked
from workbench.data._sources._rows import Rows

if TYPE_CHECKING:
    from workbench.data._own import Own

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".pgm", ".ppm")


def takes(thing: object) -> bool:
    """A path of a folder."""
    return isinstance(thing, Path) and thing.is_dir()


def read(thing: Path, how: "Own") -> Rows:
    """The pictures, sorted by class and file name; the subfolders are the classes.

    Raises:
        DataError: There is no picture in a subfolder, one cannot be read, or the labels are other names.
        MissingExtraError: Pillow is not installed.
    """
    library = need("PIL.Image", extra="data", purpose="to read pictures")
    folders = sorted(folder.name for folder in thing.iterdir() if folder.is_dir() and not folder.name.startswith("."))
    if how.labels and set(how.labels) != set(folders):
        raise DataError(f"The subfolders of {thing.name} are {', '.join(folders)}; the labels must be the same names.")
    classes = list(how.labels) or folders
    found = [
        (path, number)
        for number, name in enumerate(classes)
        for path in sorted((thing / name).iterdir())
        if path.suffix.lower() in ENDINGS
    ]
    if not found:
        raise DataError(
            f"{thing.name} has no pictures in subfolders: put those of each class into a folder of its name."
        )
    pictures = [_open(library, path) for path, _ in found]
    return Rows(
        whole=Batch((stacked(pictures, how.name, how.side),), torch.tensor([number for _, number in found])),
        source="a folder of pictures",
        labels=tuple(classes),
    )


def _open(library: Any, path: Path) -> Any:
    try:
        with library.open(path) as picture:
            picture.load()
            return picture.copy()
    except OSError:
        raise DataError(f"{path.parent.name}/{path.name} cannot be read as a picture: repair or remove it.") from None

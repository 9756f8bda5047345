"""Reading a notebook, from a file or from what somebody has read already."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.core.errors import DataError
from workbench.core.optional import need


def read(notebook: str | Path | Mapping[str, Any]) -> Mapping[str, Any]:
    """A notebook in the format of nbformat 4.

    Args:
        notebook: A file, or a notebook.

    Raises:
        DataError: It is neither.
        MissingExtraError: nbformat is not installed.
    """
    nbformat: Any = need("nbformat", extra="lab", purpose="to read notebooks")
    if isinstance(notebook, str | Path):
        book, name = _file(nbformat, Path(notebook)), str(notebook)
    else:
        book, name = notebook, f"What was given ({type(notebook).__name__})"
    try:
        nbformat.validate(book, version=4)
    except (nbformat.ValidationError, AttributeError, KeyError, TypeError, ValueError) as error:
        where = str(error).partition("\n")[0] or type(error).__name__
        raise DataError(f"{name} is no notebook in the format of nbformat 4: {where}") from None
    return book


def _file(nbformat: Any, path: Path) -> Any:
    try:
        return nbformat.read(path, as_version=4)
    except FileNotFoundError:
        raise DataError(f"There is no notebook {path}.") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from None
    except (ValueError, nbformat.ValidationError, AttributeError, KeyError, TypeError, RecursionError) as error:
        raise DataError(f"{path} is no notebook that can be read ({type(error).__name__}).") from None

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
    if not isinstance(notebook, str | Path):
        cells = notebook.get("cells") if isinstance(notebook, Mapping) else None  # pyright: ignore[reportUnnecessaryIsInstance] - what a person hands over
        if not isinstance(cells, list):
            raise DataError(f"{type(notebook).__name__} is no notebook: give a file, or what nbformat.read returns.")
        return notebook
    nbformat: Any = need("nbformat", extra="lab", purpose="to read notebooks")
    try:
        return nbformat.read(Path(notebook), as_version=4)
    except FileNotFoundError:
        raise DataError(f"There is no notebook {notebook}.") from None
    except OSError as error:
        raise DataError(f"{notebook} cannot be read: {error.strerror}.") from None
    except (ValueError, nbformat.ValidationError, AttributeError, KeyError, TypeError) as error:
        raise DataError(f"{notebook} is no notebook that can be read ({type(error).__name__}).") from None
